"""The numbers of a text: which of them a run of digits is a part of.

A number is everything that a reader takes for one: digits with what groups and divides them, a sign, a date, a time.
`kind_of` says what the number around some characters is where it reaches beyond them, so that 3 is not found in 3.14.
"""

import re
import unicodedata

REACH = 60  # characters at either side that are looked at
_DASH, _SLASH, _POINT, _MONEY = r"[-‐‑‒–—−~〜～]", r"[/⁄∕]", r"[.·٫]", r"[$€£¥]?"
_PLAIN = rf"{_MONEY}\d+(?:[.,٫٬]\d+)*[%°‰]?"
_GROUPS = r"(?:(?:[,٬]\d{3})+|(?:['’]\d{3})+|(?:[\u00a0\u2009\u202f ]\d{3})+)"
_HEX = "[0-9A-Fa-f]{1,4}"
PATTERNS = {  # kind → patterns, one of which it fits; of all the first that fits where a number begins is taken
    "code": [r"(?:https?://|www\.)\S+", r"[^\W\d_][-‐‑]\d\w*(?:[-.]\w+)*"],
    "isbn": [
        r"ISBN(?:-1[03])?:?\s*(?:\d[\s-]?){9,12}[\dXx]",
        r"97[89](?P<i>[- ])\d{1,5}(?P=i)\d{1,7}(?P=i)\d{1,7}(?P=i)\d",
        r"\d{1,5}-\d{1,7}-\d{1,7}-[\dXx]\b",
    ],
    "phone": [r"\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,}", r"\(\d{3}\) ?\d{3}[- ]\d{4}", r"\d{3}-\d{3}-\d{4}"],
    "ip": [
        r"\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d+)?(?!\.?\d)",
        rf"(?:{_HEX}:){{3,7}}{_HEX}",
        rf"(?<!\w)(?:{_HEX}(?::{_HEX})*)?::{_HEX}(?::{_HEX})*",
    ],
    "date": [
        r"\d{4}(?P<d>[-/.])\d{1,2}(?P=d)\d{1,2}(?!\d)",
        r"\d{1,2}(?P<e>[-/])\d{1,2}(?P=e)(?:\d{4}|\d{2})(?!\d)",
        r"\d{1,2}\.\d{1,2}\.\d{4}(?!\d)",
        r"(?<!\w)['’‘]\d\d(?![\d'’])",
        r"\d{2,4}年(?:\d{1,2}月(?:\d{1,2}日)?)?|\d{1,2}月\d{1,2}日",
    ],
    "time": [r"\d{1,2}:[0-5]\d(?::[0-5]\d)?(?:[.,]\d+)?(?!:?\d)"],
    "ratio": [r"\d+(?::\d+)+|\d+\s:\s\d+"],
    "fraction": [rf"(?:\d{{1,3}}[ \u00a0-])?\d+(?:{_SLASH}\d+)+", r"\d+\s?[¼-¾⅐-⅞]"],
    "range": [rf"{_PLAIN}(?:{_DASH}{_PLAIN})+", rf"{_PLAIN}\s[-–]\s{_PLAIN}", r"\d+\s?(?:\.\.+|…)\s?\d+"],
    "power": [r"\d+\^[-−+]?\d+"],
    "grouped": [
        rf"\d{{1,3}}{_GROUPS}(?!{_POINT}?\d)",
        r"\d{1,3}(?:\.\d{3}){2,}(?![.,]?\d)",
        r"\d{1,2}(?:,\d{2})+,\d{3}(?![.,]?\d)",
    ],
    "version": [r"\d+(?:\.\d+){2,}(?!,\d)"],
    "decimal": [
        r"\d{1,3}(?:\.\d{3})+,\d+",
        rf"(?:\d{{1,3}}{_GROUPS}|\d+){_POINT}\d+(?:[eE][-+−]?\d+)?(?!\.\d)",
        r"(?<![\w.])\.\d+",
        r"\d+[eE][-+−]\d+",
        r"\d+,\d+(?!,?\d)",
    ],
    "list": [r"\d+(?:,\d+)+"],
    "signed": [rf"(?<![\w)\]}}%‰°])[-−–‐‑+±]\s?{_MONEY}\d+(?:[.,]\d+)*"],
    "joined": [r"\d+(?:['’′:._·]\d+)+"],
    "longer": [r"\d+"],
}
_NUMBER = re.compile("|".join(f"(?P<{kind}>{'|'.join(patterns)})" for kind, patterns in PATTERNS.items()))
_LETTER = "[^\\W\\d_¼-¾⅐-⅞]"
_BEFORE = re.compile(rf"(?<!ISB){_LETTER}[,;.:]?\s")  # no number goes on over a space after a letter
_BEHIND = re.compile(rf"\s{_LETTER}")


def kind_of(left, word, right):
    """Of which kind (a key of PATTERNS) the number is that reaches beyond an occurrence, or None.

    Parameters
    ----------
    left, word, right : str
        What stands before an occurrence, the occurrence, what stands behind it; some REACH characters are enough.
    """
    if not (_is_digit(word[:1]) or _is_digit(word[-1:])):
        return None
    left, right = left[-REACH:], right[:REACH]
    left = left[max((match.end() for match in _BEFORE.finditer(left)), default=0) :]
    right = right[: match.start()] if (match := _BEHIND.search(right)) else right
    start, end = len(left), len(left) + len(word)
    for match in _NUMBER.finditer(left + word + right):
        if match.start() >= end:
            break
        if match.end() > start and not (start <= match.start() and match.end() <= end):
            return match.lastgroup
    return None


def _is_digit(char):
    return bool(char) and unicodedata.category(char) == "Nd"
