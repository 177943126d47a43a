"""From characters to tokens: which token of a context is read."""


def tokenize(tokenizer, text, start, end):
    """Token ids of `text` with the model's own special tokens, and the place of the token to read.

    The token read is the last that overlaps the characters [start, end), by the tokenizer's offset mapping.

    Returns
    -------
    (ids, place) : list of int and int or None
        `place` is None where no token overlaps the span.
    """
    encoded = tokenizer(text, return_offsets_mapping=True, verbose=False)
    overlapping = [i for i, (s, e) in enumerate(encoded["offset_mapping"]) if s < end and e > start and e > s]
    return encoded["input_ids"], overlapping[-1] if overlapping else None
