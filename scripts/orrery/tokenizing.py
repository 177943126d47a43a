"""Tokenizers: loaded from a model's folder, and asked for the characters that each token stands for."""

import functools
import re
from itertools import accumulate
from pathlib import Path

from orrery.errors import OrreryError

PIECES = (".model", ".spm", ".tiktoken")
NOTHING = "Couldn't instantiate the backend tokenizer"  # what transformers says where it finds no file of one


def load_tokenizer(folder, trust_remote_code=False):
    """The tokenizer of a model's folder; its weights are left alone.

    Raises
    ------
    OrreryError
        The folder holds none that transformers knows.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code, local_files_only=True)
    except Exception as error:  # whatever the code of a kind of tokenizer has against its files
        raise OrreryError(_why_not(Path(folder), first_line(error))) from error
    if _knows_nothing(tokenizer, Path(folder)):
        raise OrreryError(_why_not(Path(folder), f"{NOTHING}, says {type(tokenizer).__name__}"))
    return tokenizer


def _knows_nothing(tokenizer, folder):
    """Whether transformers has made up an empty vocabulary, since no file of one is there."""
    names = getattr(tokenizer, "vocab_files_names", {}).values()
    if not tokenizer.is_fast or any((folder / name).is_file() for name in names if isinstance(name, str)):
        return False
    ids = tokenizer("Monday 7", add_special_tokens=False)["input_ids"]
    return not tokenizer.decode(ids, skip_special_tokens=True).strip()


def _why_not(folder, reason):
    pieces = sorted(f.name for f in folder.glob("*") if f.suffix in PIECES)
    whole = (folder / "tokenizer.json").is_file()
    if pieces and not whole:
        return (
            f"{folder}: the tokenizer is in {', '.join(pieces)}, which transformers cannot load here ({reason}); "
            "install sentencepiece, protobuf and tiktoken, or add a tokenizer.json to the folder."
        )
    if NOTHING in reason and not whole:
        return f"{folder}: the folder has no tokenizer; add the model's tokenizer.json (and its tokenizer_config.json)."
    return f"{folder}: this holds no tokenizer that transformers can load ({reason})."


def first_line(error):
    """The first line of an exception's message, without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


# ---------------------------------------------------------------------------------------------------- offsets


def special_strings(tokenizer):
    """An expression for the strings of a text that the tokenizer reads as special tokens, such as <s>, or None."""
    special = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    special |= set(tokenizer.all_special_tokens)
    longest_first = sorted((text for text in special if text.strip()), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def tokenize(tokenizer, texts, as_text=False):
    """Tokenise texts, with the characters that each token stands for.

    A fast tokenizer says them. For the others (ByT5, CANINE) they are found by spelling the text with its tokens.

    Parameters
    ----------
    as_text : bool
        Whether strings that are special tokens are split like other text.

    Returns
    -------
    list of (ids, offsets, special)
        Of each text: ids, [(first, end character)], and 1 for special tokens; offsets are None where the tokens do not
        spell the text, such as where one is unknown.
    """
    split = {"split_special_tokens": True} if as_text else {}
    if getattr(tokenizer, "is_fast", False):
        made = tokenizer(texts, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False, **split)
        return list(zip(made["input_ids"], made["offset_mapping"], made["special_tokens_mask"]))
    made = tokenizer(texts, return_special_tokens_mask=True, verbose=False, **split)
    parts = zip(texts, made["input_ids"], made["special_tokens_mask"])
    return [(ids, _offsets(tokenizer, text, ids, special), special) for text, ids, special in parts]


def _offsets(tokenizer, text, ids, special):
    """[(first, end)] of all tokens, the special ones empty; None where they do not spell the text."""
    own = [i for i, here in enumerate(special) if not here]
    tokens = tokenizer.convert_ids_to_tokens([ids[i] for i in own])
    found = _of_bytes(tokens, text) or _of_pieces(tokens, text)
    if found is None:
        return None
    offsets = [(0, 0)] * len(ids)
    for i, place in zip(own, found):
        offsets[i] = place
    return offsets


def _of_bytes(tokens, text):
    """Where tokens are bytes of the text in UTF-8, one or several: the places of the characters they belong to."""
    for alphabet in ({chr(byte): byte for byte in range(256)}, _bytes_of_gpt2()):
        try:
            pieces = [bytes(token if isinstance(token, bytes) else (alphabet[c] for c in token)) for token in tokens]
        except KeyError:
            continue
        if b"".join(pieces) == text.encode():
            owner = [i for i, character in enumerate(text) for _ in character.encode()]
            ends = list(accumulate(map(len, pieces)))
            starts = [end - len(piece) for end, piece in zip(ends, pieces)]
            return [(owner[start], owner[end - 1] + 1) if end > start else (0, 0) for start, end in zip(starts, ends)]
    return None


@functools.cache
def _bytes_of_gpt2():
    """The printable characters that stand for bytes in the vocabularies of byte-level BPE."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return {character: byte for byte, character in bytes_to_unicode().items()}


def _of_pieces(tokens, text):
    """Where each token is a piece of the text, perhaps in lower case, and nothing but white space is between them."""
    lower = text.lower()
    texts = [text, lower] if len(lower) == len(text) else [text]
    offsets, at = [], 0
    for token in tokens:
        place = next((p for piece in _written(token) for t in texts if (p := _next_place(t, at, piece))), None)
        if place is None:
            return None
        offsets.append(place)
        at = place[1]
    return offsets if not text[at:].strip() else None


def _written(token):
    """The token itself, and without the marks that pieces of words have."""
    plain = token.removeprefix("##").removesuffix("</w>").removesuffix("@@")
    return token, plain, token.replace("▁", " ").strip()


def _next_place(text, at, piece):
    if text.startswith(piece, at):
        return at, at + len(piece)
    start = len(text) - len(text[at:].lstrip())
    return (start, start + len(piece)) if text.startswith(piece, start) else None
