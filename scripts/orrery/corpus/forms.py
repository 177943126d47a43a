"""Surface forms: which are plain words, which are regular expressions, and how the two engines are to read them.

A form is written in RE2's syntax, with Unicode's meaning of \\w, \\d and \\s. A *word character* is a letter, a mark, a
number, a connector such as _, or a zero-width joiner; a form stands for a whole word where none touches it.
"""

import re
import unicodedata
from functools import cache

JOINERS = "\u200c\u200d"
_CLASSES = {"w": r"\p{L}\p{M}\p{N}\p{Pc}\x{200C}\x{200D}", "d": r"\p{Nd}", "s": r"\t\n\x0b\f\r\x{85}\p{Z}"}
WORD = _CLASSES["w"]
ASCII_WORD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
_ESCAPE = re.compile(r"\\(?:[pP](?:\{\^?\w+\}|\w)|x\{[0-9A-Fa-f]+\}|Q.*?(?:\\E|$)|.)|[\[\]]", re.DOTALL)


@cache
def is_word(char):
    """Whether a character is part of a word."""
    category = unicodedata.category(char)
    return category[0] in "LMN" or category == "Pc" or char in JOINERS


def literal(form):
    """The text that a form stands for where it is no true regular expression, else None."""
    if re.search(r"(?<!\\)(?:\\\\)*[][(){}.*+?|^$]", form) or re.search(r"(?<!\\)(?:\\\\)*\\[0-9A-Za-z]", form):
        return None
    return re.sub(r"\\(.)", r"\1", form, flags=re.DOTALL)


_UNSUPPORTED = {
    r"\(\?(?:[=!>]|<[=!])": "a look-around or atomic group",
    r"\\[1-9]|\(\?P=|\(\?\(": "a reference to a group",
    r"[*+?}]\+": "a possessive repetition",
    r"\^|\$|\\[bBAzZ]": "an anchor; an occurrence is a whole word by itself",
}
_LITERAL = re.compile(r"[\w ,;:'/-]+")


def mistake(form):
    """Why a form cannot be searched for, or None."""
    if _LITERAL.fullmatch(form):  # most are, and hundreds are looked at whenever a workflow is read
        return None
    plain = re.sub(r"\\[pP](\{\^?\w+\}|\w)|\\x\{\w+\}", r"\\w", form)
    try:
        pattern = re.compile(plain)
        unicode_classes(form)
    except (re.error, ValueError) as error:
        return f"is not a regular expression ({error}); escape it or mend it"
    bare = re.sub(r"\\[^bBAzZ1-9]|\[(?:\\.|[^\]\\])*\]", "x", plain, flags=re.DOTALL)
    for unsupported, name in _UNSUPPORTED.items():
        if re.search(unsupported, bare):
            return f"has {name}, which a search in linear time has no use for; write it without"
    if pattern.fullmatch(""):
        return "matches nothing at all as well; write what must be there"
    return None


def unicode_classes(form):
    r"""A form with \w, \d, \s, \W, \D, \S spelled as Unicode classes, which RE2 and Hyperscan read alike."""
    parts, end, inside = [], 0, False
    for match in _ESCAPE.finditer(form):
        token = match.group()
        parts.append(form[end : match.start()])
        end = match.end()
        if token == "[":
            inside = True  # a second one stands for itself
        elif token == "]" and not form[: match.start()].endswith(("[", "[^")):
            inside = False
        elif token[1:].lower() in _CLASSES:
            token = _class(token[1], inside)
        parts.append(token)
    return "".join([*parts, form[end:]])


def _class(letter, inside):
    body, negated = _CLASSES[letter.lower()], letter.isupper()
    if letter == "D":
        return r"\P{Nd}"
    if inside and negated:
        raise ValueError(rf"\{letter} cannot stand inside […]; write the characters themselves")
    return body if inside else f"[{'^' if negated else ''}{body}]"


@cache
def _fold_groups():
    groups = {}
    for char in map(chr, range(0x20000)):  # none above has a case
        if char.casefold() != char and (folded := _fold(char)) != char:
            groups.setdefault(folded, [folded]).append(char)
    return {char: tuple(sorted(group)) for group in groups.values() for char in group}


def _fold(char):
    """Unicode's simple case folding of one character (CaseFolding.txt, statuses C and S)."""
    return next((x for x in (char.casefold(), char.lower()) if len(x) == 1), char)


def case_variants(char):
    """All characters that differ from `char` in case only, itself among them."""
    return _fold_groups().get(char, (char,))


def byte_pattern(text, case_sensitive, bounded):
    """A Hyperscan pattern, read byte by byte, that ends wherever `text` ends in UTF-8.

    Where it is `bounded`, and its first or last character is an ASCII word character, an ASCII boundary is asked for.
    Every boundary of Unicode's is one, and it spares most of the candidates that a later check would refuse.
    """
    parts = []
    for place, char in enumerate(text):
        before = r"\b" if bounded and place == 0 else ""
        after = r"\b" if bounded and place == len(text) - 1 else ""
        variants = (char,) if case_sensitive else case_variants(char)
        encoded = [
            f"{before}{_escaped(v)}{after}" if v.isascii() and ord(v) in ASCII_WORD else _escaped(v) for v in variants
        ]
        parts.append(encoded[0] if len(encoded) == 1 else f"(?:{'|'.join(encoded)})")
    return "".join(parts)


def _escaped(char):
    return "".join(chr(b) if b in ASCII_WORD else f"\\x{b:02x}" for b in char.encode())
