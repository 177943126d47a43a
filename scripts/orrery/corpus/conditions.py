"""What must not stand around an occurrence: more of a number, words that the config names, a mark on its end."""

import unicodedata

from orrery.corpus.forms import JOINERS, WORD, equivalents, is_word, literal, unicode_classes
from orrery.corpus.numbers import REACH, kind_of

BYTES = 4 * REACH  # at either side: a character is up to four
SIDES = ("not_before", "not_after")
_SPACES = unicode_classes(r"\s*")


class Conditions:
    """Which of the occurrences of a concept count, by what stands around them.

    Parameters
    ----------
    spec : dict
        forms (label → list), and options: numbers, not_before, not_after, case_sensitive, whole_words.
    """

    def __init__(self, spec):
        options = spec["options"]
        self._numbers = options.get("numbers", ())
        self._marks = not options["whole_words"]
        self._sides = [
            [_compiled(list(_forms_of(options.get(side, ()), label)), side, options) for label in spec["forms"]]
            for side in SIDES
        ]
        asked = [
            self._marks or any(side[n] for side in self._sides) or (self._numbers != "all" and _has_digits(forms))
            for n, forms in enumerate(spec["forms"].values())
        ]
        self._asked = asked if any(asked) else None

    @property
    def asked(self):
        """Whether there is anything to look for."""
        return self._asked is not None

    def reason(self, batch, found, i):
        """Why the i-th of some matcher.Occurrences does not count, or None."""
        if self._asked is None or not self._asked[label := found.labels.item(i)]:
            return None
        row, start, end = (part.item(i) for part in found[:3])
        first, last = max(batch.starts.item(row), start - BYTES), min(batch.ends.item(row), end + BYTES)
        left, word, right = (bytes(batch.data[a:b]) for a, b in ((first, start), (start, end), (end, last)))
        return self._of(label, left, *(part.decode("utf-8", "replace") for part in (left, word, right)))

    def _of(self, label, data, left, word, right):
        if self._marks and right and (unicodedata.combining(right[0]) or right[0] in JOINERS):
            return "a mark on its last letter"
        if self._numbers != "all" and (kind := kind_of(left, word, right)) and kind not in self._numbers:
            return f"in a number: {kind}"
        before, after = (side[label] for side in self._sides)
        if before and before.search(data):
            return "behind one of not_before"
        return "before one of not_after" if after and after.match(right.encode()) else None


def _forms_of(entry, label):
    forms = entry.get(label, ()) if isinstance(entry, dict) else entry
    return (text for form in forms for text in equivalents(form))


def _has_digits(forms):
    texts = [literal(form) for form in forms]
    return any(text is None or text[:1].isdigit() or text[-1:].isdigit() for text in texts)


def _compiled(forms, side, options):
    """One expression for all forms, which ends where an occurrence begins, or begins where it ends; None without."""
    import re2

    if not forms:
        return None
    settings = re2.Options()
    settings.case_sensitive, settings.log_errors = options["case_sensitive"], False
    if side == "not_before":
        pattern = "|".join(_edge(form, 0, options, "^") + f"(?:{unicode_classes(form)})" for form in forms)
        pattern = f"(?:{pattern}){_SPACES}$"
    else:
        pattern = "|".join(f"(?:{unicode_classes(form)})" + _edge(form, -1, options, "$") for form in forms)
        pattern = f"{_SPACES}(?:{pattern})"
    return re2.compile(pattern.encode(), settings)


def _edge(form, place, options, end):
    """What bounds a plain word where words are whole, at the side that is turned away from the occurrence."""
    text = literal(form)
    return f"(?:{end}|[^{WORD}])" if options["whole_words"] and text and is_word(text[place]) else ""
