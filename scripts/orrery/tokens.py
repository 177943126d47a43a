"""From characters to tokens: what of a text the model is given, and which tokens of it are pooled."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from orrery.errors import OrreryError
from orrery.tokenizing import special_strings, tokenize

AT_ONCE = 1024  # texts that the tokenizer is given together
SPECIAL = {"keep": "read as such", "drop": "dropped", "text": "read as text"}
BEYOND = "a token that the tokenizer has and the model's embedding matrix has not"


class Tokens(NamedTuple):
    """A text as a model reads it: ids (T,) with special tokens; tokens `first` to `last`, inclusive, are pooled."""

    ids: np.ndarray
    first: int
    last: int


def encode(tokenizer, texts, spans, window, over="span", context_tokens=None, short="drop", bos="auto", rows=None,
           special="keep"):  # fmt: skip
    """Tokenise texts and find the tokens that overlap a span of characters, by the characters that each stands for.

    Special tokens (those that the tokenizer puts before and after a text) are never pooled and are not counted in
    `context_tokens`. A text longer than the model's window is cut: at its end where the occurrence stays inside, else
    so that it ends with the occurrence.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
    texts : list of str
    spans : list of (int, int)
        First and end character of each occurrence.
    window : int
        Tokens that the model takes, with special tokens.
    over : {"span", "context"}
        Whether the occurrence's tokens are pooled, or all of the text's.
    context_tokens : int, optional
        Keep only so many tokens, the last of which is the occurrence's last.
    short : {"drop", "keep"}
        What is done with a text that has fewer than `context_tokens` before the occurrence's end.
    bos : {"auto", True, False}
        Whether a text begins with the tokenizer's special tokens: auto as the tokenizer does it, True puts the BOS
        token there where it is missing, False leaves out what stands there.
    rows : int, optional
        Rows of the model's embedding matrix: a text that needs a token beyond them cannot be read.
    special : {"keep", "drop", "text"}
        What is done with a text that holds a string which the tokenizer reads as a special token, such as <s>: it is
        read so, dropped, or the string is split like other text.

    Returns
    -------
    (encoded, counts) : list of Tokens or None, Counter
        None for a text that cannot be read; `counts` has the reasons, and how many texts were cut.
    """
    if bos is True and tokenizer.bos_token_id is None:
        raise OrreryError("bos: the tokenizer has no BOS token that could be added; write auto.")
    encoded, counts, strings = [], Counter(), special_strings(tokenizer)
    for start in range(0, len(texts), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        made = tokenize(tokenizer, texts[some], as_text=special == "text")
        for (ids, offsets, added), span, text in zip(made, spans[some], texts[some]):
            if strings and strings.search(text):
                counts[f"a special token in the text ({SPECIAL[special]})"] += 1
                if special == "drop":
                    encoded.append(None)
                    continue
            if offsets is None:
                counts["the tokens do not spell the text"] += 1
                encoded.append(None)
                continue
            before, content, after = _parts(ids, added)
            before = _begin(before, tokenizer.bos_token_id, bos)
            places = _overlap(offsets[content.start : content.stop], span)
            room = window - len(before) - len(after)
            kept, reason = _window(len(content), places, room, context_tokens, short)
            if reason:
                counts[reason] += 1
            if kept is None:
                encoded.append(None)
                continue
            body = ids[content.start + kept.start : content.start + kept.stop]
            first, last = (places[0] - kept.start, places[-1] - kept.start) if over == "span" else (0, len(body) - 1)
            whole = np.array([*before, *body, *after], dtype=np.int32)  # a list takes nine times the memory
            if rows is not None and whole.max() >= rows:
                counts[BEYOND] += 1
                encoded.append(None)
                continue
            encoded.append(Tokens(whole, len(before) + first, len(before) + last))
    return encoded, counts


def _parts(ids, special):
    """Special tokens before, range of the text's own tokens, special tokens after."""
    first, end = 0, len(ids)
    while first < end and special[first]:
        first += 1
    while end > first and special[end - 1]:
        end -= 1
    return ids[:first], range(first, end), ids[end:]


def _begin(before, token, bos):
    if bos is False:
        return []
    return [token, *before] if bos is True and token is not None and token not in before else before


def _overlap(offsets, span):
    start, end = span
    return [i for i, (s, e) in enumerate(offsets) if s < end and e > start and e > s]


def _window(n, places, room, context_tokens, short):
    """(range of the tokens kept or None, what is counted or None) of a text of `n` tokens."""
    if not places:
        return None, "no token at the occurrence"
    first, end = places[0], places[-1] + 1
    if context_tokens is not None:
        if end < context_tokens and short == "drop":
            return None, "fewer tokens than context_tokens"
        kept = range(max(0, end - min(context_tokens, room)), end)
    elif n <= room:
        return range(n), None
    else:
        kept = range(room) if end <= room else range(end - room, end)
    if first < kept.start:
        return None, "the occurrence is cut by the window"
    return kept, "cut to the model's window (kept)" if context_tokens is None else None
