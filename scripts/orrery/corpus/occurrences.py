"""Whole-word occurrences of labels in documents, under quotas, with every drop counted."""

import re
from collections import Counter


def compile_labels(forms, case_sensitive=True):
    """One pattern for all labels, and the label of each of its groups.

    Longer surface forms are tried first, so that 'New Year' is not found inside 'New Year's Eve'. Word boundaries are
    those of Unicode: no letter, digit or underscore may touch the occurrence.

    Parameters
    ----------
    forms : dict of str → list of str
        Label → regular expressions.

    Returns
    -------
    (pattern, labels) : re.Pattern and dict of int → str
        `labels[match.lastindex]` is the label of a match: the group that closes last is the outermost.
    """
    pairs = sorted(((form, label) for label, fs in forms.items() for form in fs), key=lambda p: (-len(p[0]), p[0]))
    labels, group = {}, 1
    for form, label in pairs:
        labels[group] = label
        group += 1 + re.compile(form).groups
    source = r"(?<!\w)(?:" + "|".join(f"({form})" for form, _ in pairs) + r")(?!\w)"
    return re.compile(source, 0 if case_sensitive else re.IGNORECASE), labels


def find_occurrences(documents, forms, values, options):
    """Occurrences of `forms` in `documents`, in order, until every label has its quota.

    Parameters
    ----------
    documents : iterable of readers.Document
    forms : dict of str → list of str
        Label → regular expressions.
    values : dict of str → float
    options : dict
        The `corpus` entry of a concept: per_label, per_document, case_sensitive, before, after, min_chars, leaks.

    Returns
    -------
    (samples, report) : list of dict and dict
        Samples sorted by label and place in the corpus; `report` has documents read, found and kept per label, and
        drops by reason.
    """
    pattern, labels = compile_labels(forms, options["case_sensitive"])
    kept = {label: [] for label in forms}
    found, dropped, seen, n_documents = Counter(), Counter(), set(), 0
    for document in documents:
        n_documents += 1
        in_document = Counter()
        for match in pattern.finditer(document.text):
            label = labels[match.lastindex]
            found[label] += 1
            if len(kept[label]) >= options["per_label"]:
                dropped["quota full"] += 1
                continue
            sample = _sample(document, match, label, values[label], options)
            sample["leaks"] = _leaks(pattern, labels, sample, label)
            reason = _reason_to_drop(sample, in_document[label], seen, options)
            if reason:
                dropped[reason] += 1
                continue
            seen.add((sample["text"], sample["start"]))
            in_document[label] += 1
            kept[label].append(sample)
        if all(len(s) >= options["per_label"] for s in kept.values()):
            break
    report = {
        "documents": n_documents,
        "found": {label: found[label] for label in forms},
        "kept": {label: len(s) for label, s in kept.items()},
        "dropped": dict(sorted(dropped.items())),
        "quota": options["per_label"],
    }
    return [sample for label in forms for sample in kept[label]], report


def _sample(document, match, label, value, options):
    left = _word_start(document.text, match.start() - options["before"], match.start())
    right = _word_end(document.text, match.end() + options["after"], match.end())
    return {
        "label": label,
        "value": value,
        "text": document.text[left:right],
        "start": match.start() - left,
        "end": match.end() - left,
        "group": document.id or f"{document.file}:{document.row}",
        "document": document.id,
        "title": document.title,
        "url": document.url,
        "file": document.file,
        "row": document.row,
        "position": match.start(),
    }


def _word_start(text, place, limit):
    """The first place from `place` on where a word begins."""
    if place <= 0:
        return 0
    while place < limit and not text[place - 1].isspace():
        place += 1
    return place


def _word_end(text, place, limit):
    if place >= len(text):
        return len(text)
    while place > limit and not text[place].isspace():
        place -= 1
    return place


def _leaks(pattern, labels, sample, label):
    """How many occurrences of other labels stand in the context."""
    return sum(labels[m.lastindex] != label for m in pattern.finditer(sample["text"]))


def _reason_to_drop(sample, in_document, seen, options):
    if sample["start"] < options["min_chars"]:
        return "context too short"
    if options["leaks"] == "drop" and sample["leaks"]:
        return "another label in the context"
    if in_document >= options["per_document"]:
        return "enough from this document"
    if (sample["text"], sample["start"]) in seen:
        return "exact duplicate"
    return None
