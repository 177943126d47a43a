"""Surface forms: which are plain words, which are regular expressions, and how the two engines are to read them.

A form is written in RE2's syntax, with Unicode's meaning of \\w, \\d and \\s. A *word character* is a letter, a mark, a
number, a connector such as _, or a zero-width joiner; a form stands for a whole word where none touches it.
"""

import re
import unicodedata
from functools import cache
from itertools import pairwise, permutations, product
from math import prod

JOINERS = "\u200c\u200d"
_CLASSES = {"w": r"\p{L}\p{M}\p{N}\p{Pc}\x{200C}\x{200D}", "d": r"\p{Nd}", "s": r"\t\n\x0b\f\r\x{85}\p{Z}"}
WORD = _CLASSES["w"]
ASCII_WORD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
_ESCAPE = r"\\(?:[pP](?:\{\^?\w+\}|\w)|x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|[0-7]{1,3}|.)"
_TOKEN = re.compile(
    r"(?P<quoted>\\Q.*?(?:\\E|$))"
    rf"|(?P<set>\[\^?\]?(?:\[:\^?\w+:\]|{_ESCAPE}|[^\]\\])*\])"
    rf"|(?P<escape>{_ESCAPE})"
    r"|(?P<syntax>\(\?(?:P?<\w+>|[\w-]*[:)])|\{\d+(?:,\d*)?\}|[()|*+?.^$])"
    r"|(?P<char>.)",
    re.DOTALL,
)
_SPELLED = 10_000  # characters of a pattern's sets of characters; Hyperscan takes 16,000 for all of it


@cache
def is_word(char):
    """Whether a character is part of a word."""
    category = unicodedata.category(char)
    return category[0] in "LMN" or category == "Pc" or char in JOINERS


def unspaced(form):
    """Whether a form has letters of a script that writes no spaces between words."""
    scripts = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "YI ", "JAVANESE")
    return any(is_word(char) and unicodedata.name(char, "").startswith(scripts) for char in form if not char.isascii())


def say_unspaced(missed, spec, concept):
    """What to change where labels that were missed are of such a script, and are looked for as whole words."""
    labels = [label for label in missed if any(map(unspaced, spec["forms"][label]))]
    if labels and spec["options"]["whole_words"]:
        yield (
            f"{', '.join(labels)} may stand between other letters, as their script has no spaces: write "
            f"concepts.{concept}.corpus.whole_words: false"
        )


def literal(form):
    """The text that a form stands for where it is no true regular expression, else None."""
    if re.search(r"(?<!\\)(?:\\\\)*[][(){}.*+?|^$]", form) or re.search(r"(?<!\\)(?:\\\\)*\\[0-9A-Za-z]", form):
        return None
    return re.sub(r"\\(.)", r"\1", form, flags=re.DOTALL)


_SPELLINGS = 64  # of a form, above which only its normal forms are looked for
_MARKS = 4  # on a letter, above which their other orders are not tried


def equivalents(form):
    """The forms of all canonically equivalent texts: composed, decomposed, or partly so; the given one is first.

    In a regular expression every character outside of […] and \\Q…\\E is taken in all its spellings.
    """
    if form.isascii():
        return [form]
    text = literal(form)
    if text is None:
        tokens = _TOKEN.finditer(unicodedata.normalize("NFC", form))
        return ["".join(_either(m.group()) if m.lastgroup == "char" else m.group() for m in tokens)]
    decomposed = unicodedata.normalize("NFD", text)
    letters = [spellings(letter) for letter in _letters(decomposed)]
    texts = map("".join, product(*letters)) if prod(map(len, letters)) <= _SPELLINGS else ()
    whole = (text, unicodedata.normalize("NFC", text), decomposed)
    return [form, *(re.escape(t) for t in dict.fromkeys([*whole, *texts]) if t != text)]


def _either(char):
    some = spellings(unicodedata.normalize("NFD", char))
    return char if len(some) == 1 else f"(?:{'|'.join(map(re.escape, some))})"


def _letters(decomposed):
    """A decomposed text as letters, each with the marks on it."""
    letters = []
    for char in decomposed:
        if letters and unicodedata.combining(char):
            letters[-1] += char
        else:
            letters.append(char)
    return letters


@cache
def spellings(letter):
    """All texts that are canonically equivalent to a decomposed letter with marks, or nearly all with many marks."""
    base, marks = letter[0], letter[1:]
    orders = map("".join, permutations(marks)) if len(marks) <= _MARKS else [marks]
    orders = [order for order in dict.fromkeys(orders) if unicodedata.normalize("NFD", base + order) == letter]
    found = dict.fromkeys([letter])
    for order in orders:
        for n in range(len(order) + 1):
            begin = unicodedata.normalize("NFD", base + order[:n])
            found |= dict.fromkeys(one + order[n:] for one in (base + order[:n], *_composed().get(begin, ())))
    return [one for one in found if unicodedata.normalize("NFD", one) == letter]


@cache
def _composed():
    """Decomposed text → all single characters that stand for it."""
    found = {}
    for char in map(
        chr, (*range(0xC0, 0xAC00), *range(0xF900, 0x30000))
    ):  # between them are Hangul, which has no marks
        if unicodedata.decomposition(char) and (whole := unicodedata.normalize("NFD", char)) != char:
            found.setdefault(whole, []).append(char)
    return found


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
    r"""A form with \w, \d, \s, \W, \D, \S spelled as Unicode classes, as RE2 means them to be."""
    return "".join(_in_unicode(match.lastgroup, match.group()) for match in _TOKEN.finditer(form))


def _in_unicode(kind, token):
    if kind == "set":
        return re.sub(_ESCAPE, lambda match: _class(match.group(), True), token, flags=re.DOTALL)
    return _class(token, False) if kind == "escape" else token


def _class(escape, inside):
    letter = escape[1:]
    if letter.lower() not in _CLASSES:
        return escape
    body, negated = _CLASSES[letter.lower()], letter.isupper()
    if letter == "D":
        return r"\P{Nd}"
    if inside and negated:
        raise ValueError(rf"\{letter} cannot stand inside […]; write the characters themselves")
    return body if inside else f"[{'^' if negated else ''}{body}]"


def spelled_out(form, case_sensitive):
    """A form for Hyperscan, of `unicode_classes`, whose sets are written as the characters that RE2 takes them for.

    The two know different versions of Unicode and of case. A set of very many characters is widened, by what lies in
    the smallest gaps, so that all that RE2 would find is proposed, and a little more.
    """
    case_sensitive = case_sensitive and not re.search(r"\(\?[a-zA-Z]*i", form)
    parts, sets = [], []
    for match in _TOKEN.finditer(form):
        kind, token = match.lastgroup, match.group()
        if kind == "syntax" or (kind == "char" and case_sensitive):
            parts.append(token)
            continue
        for one in map(re.escape, token[2:].removesuffix(r"\E")) if kind == "quoted" else [token]:
            sets.append(len(parts))
            parts.append(one)
    most = _SPELLED // 20 // max(1, len(sets))
    for n in sets:
        parts[n] = _spelled(parts[n], _characters(parts[n], case_sensitive), most)
    return "".join(parts)


def _spelled(token, ranges, most):
    """Ranges of characters as a set, with no more than `most` of those that are not ASCII, at least one."""
    ascii, others = [r for r in ranges if r[0] < 0x80], [r for r in ranges if r[0] >= 0x80]
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(others)]
    widest = sorted(sorted(range(len(gaps)), key=gaps.__getitem__)[max(0, len(gaps) + 1 - max(1, most)) :])
    cuts = [0, *(n + 1 for n in widest), len(others)]
    merged = [(others[a][0], others[b - 1][1]) for a, b in pairwise(cuts)] if others else []
    text = "".join(rf"\x{{{a:x}}}" if a == b else rf"\x{{{a:x}}}-\x{{{b:x}}}" for a, b in [*ascii, *merged])
    return f"[{text}]" if text else token


@cache
def _characters(token, case_sensitive):
    """(first, last) of each run of characters that a token of one character matches, as RE2 reads it."""
    import re2

    options = re2.Options()
    options.case_sensitive, options.log_errors, options.longest_match = case_sensitive, False, True
    try:
        run = re2.compile(f"(?:{token})+".encode(), options)
    except re2.error:  # the form as a whole will be refused
        return ()
    found = [match.group().decode() for text in _all_characters() for match in run.finditer(text)]
    return tuple((ord(characters[0]), ord(characters[-1])) for characters in found)


@cache
def _all_characters():
    return tuple("".join(map(chr, span)).encode() for span in (range(0xD800), range(0xE000, 0x110000)))


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
