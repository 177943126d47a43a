"""Samples of tables that somebody already labelled: the same checks as in a corpus, and spans that hold their label."""

import math
import unicodedata
from collections import Counter

import numpy as np

from orrery.corpus.conditions import Conditions
from orrery.corpus.files import printable
from orrery.corpus.forms import say_unspaced
from orrery.corpus.matcher import Batch, Matcher
from orrery.corpus.occurrences import document_numbers, normalised
from orrery.corpus.selection import UNDECODABLE, Selection, say_unusual, unusual
from orrery.errors import OrreryError

OFFSETS = {"characters": None, "utf-16": ("utf-16-le", 2), "bytes": ("utf-8", 1)}  # unit → encoding, bytes of one
OTHERS = 1000  # values of the label column that the concept does not have, of which so many are counted


class Finder:
    """Where the labels of a concept stand in a text, by the forms, options and conditions of a corpus scan."""

    def __init__(self, concept, spec):
        how = {key: spec["options"][key] for key in ("case_sensitive", "whole_words")}
        alone = {label: {**spec, "forms": {label: forms}} for label, forms in spec["forms"].items()}
        of = {None: spec, **alone}
        self._labels = list(spec["forms"])
        self.drops_undecodable = spec["options"].get("undecodable") == "drop"
        self._search = {
            label: (Matcher({concept: {"forms": one["forms"], **how}}), Conditions(one)) for label, one in of.items()
        }

    def spans(self, label, text):
        """(start, end) of every occurrence of one label, in characters."""
        return [span for _, span in self._find(label, text)]

    def leaks(self, label, text, span):
        """How many occurrences of other labels a text has outside a span."""
        found = [(self._labels[n], place) for n, place in self._find(None, text)]
        return sum(name != label and (end <= span[0] or start >= span[1]) for name, (start, end) in found)

    def _find(self, which, text):
        data = text.encode("utf-8", "replace")
        if not data:
            return []
        matcher, conditions = self._search[which]
        batch = Batch(memoryview(data), np.array([0]), np.array([len(data)]), np.array([0]), None)
        found = matcher.find(batch)[0]
        places = [(found.labels.item(i), found.starts.item(i), found.ends.item(i))
                  for i in range(len(found.starts)) if not conditions.reason(batch, found, i)]  # fmt: skip
        if text.isascii():
            return [(n, (start, end)) for n, start, end in places]
        return [(n, (len(data[:start].decode()), len(data[:end].decode()))) for n, start, end in places]


def labelled_samples(rows, spec, finder, source="corpus", concept="concept", offsets="characters"):
    """Samples of rows that are labelled already.

    Quotas, order, leaks and repeats are those of a corpus, with two differences: near duplicates are looked for among
    the rows of a label only, as tables often have one context with every label, and repeated phrases are allowed.

    Parameters
    ----------
    rows : iterable of dict
        label and text, and perhaps start, end, value, group, id, title, url; `file` and `row` say where they stand.
    spec : dict
        values (label → value of the concept), options (the `corpus` entry of the concept), seed.
    finder : Finder
    source, concept : str
        Names, for messages.
    offsets : {"characters", "utf-16", "bytes"}
        What start and end count.

    Returns
    -------
    (samples, report) : list of dict and dict
        `report` has also `others`, label → rows, of labels that the concept does not have, and `unchecked`, the rows
        whose label is nowhere in the text, so that their span cannot be compared with it.

    Raises
    ------
    OrreryError
        A value is no finite number or not that of the label's other rows; a span is no whole ones inside the text, or
        holds its label only if something else is counted.
    """
    values, options = spec["values"], spec["options"]
    selection = Selection(values, {**options, "per_document": "all", "phrases": "ignore"}, near_of_label=True)
    found, dropped, others, known, unchecked = Counter(dict.fromkeys(values, 0)), Counter(), Counter(), {}, 0
    n_rows, names = 0, {unicodedata.normalize("NFC", label): label for label in values}
    for given in _in_order(rows, spec):
        n_rows += 1
        label = names.get(unicodedata.normalize("NFC", given["label"]), given["label"])
        if label not in values:
            dropped["no label of the concept"] += 1
            if label in others or len(others) < OTHERS:
                others[label] += 1
            continue
        found[label] += 1
        row = {**given, "label": label}
        value = _value(row, source, values[label], known)
        span, reason = _span(row, finder, source, offsets)
        if reason is None:
            sample = _sample(row, value, span, options)
            sample["leaks"] = finder.leaks(label, row["text"], span)
            if sample["leaks"] and options["leaks"] == "drop":
                reason = "another label in the context"
            elif selection.offer(sample) is None:
                unchecked += not finder.spans(label, row["text"])
        dropped[reason] += reason is not None
    kept = [s for samples in selection.kept.values() for s in sorted(samples, key=lambda s: (s["file"], s["row"]))]
    report = {
        "documents": n_rows,
        "found": dict(found),
        "kept": {label: len(samples) for label, samples in selection.kept.items()},
        "dropped": dict(sorted((+dropped + selection.dropped).items())),
        "quota": options["per_label"],
        "others": dict(others.most_common(10)),
        "unchecked": unchecked,
        **unusual(kept),
    }
    return kept, report


def advice(report, source, concept, spec):
    """What a user should know of a table: rows that were dropped, labels without rows, values that are no label."""
    kept = sum(report["kept"].values())
    said = []
    if report["dropped"]:
        said.append(f"kept {kept} of {report['documents']} rows, dropped {report['dropped']}")
    if missing := [label for label, n in report["found"].items() if not n]:
        said.append(f"no row of {', '.join(missing)}")
    if report["others"]:
        some = ", ".join(f"'{printable(label)}' ({n})" for label, n in report["others"].items())
        said.append(f"the label column also holds {some}")
    if kept and report["unchecked"]:
        said.append(f"{report['unchecked']} spans could not be checked, as their label is nowhere in the text")
    missed = [label for label, n in report["found"].items() if n and not report["kept"][label]]
    said += [*say_unusual(report), *say_unspaced(missed, spec, concept)]
    if kept:
        return [f"{source}/{concept}: {sentence}" for sentence in said]
    names = ", ".join(list(report["found"])[:8])
    raise OrreryError(f"{source} holds no usable row of {concept}, whose labels are {names}: {'; '.join(said)}.")


def _in_order(rows, spec):
    """The order in which rows fill a quota: that of the file, or one by random numbers of the seed."""
    if spec["options"]["sampling"] == "first":
        return rows
    return sorted(rows, key=lambda row: document_numbers(spec["seed"], row["file"], np.array([row["row"]])).item())


def _sample(row, value, span, options):
    place = f"{row['file']}:{row['row']}"
    text, start, end = normalised(*(row["text"][a:b] for a, b in ((0, span[0]), span, (span[1], None))), options)
    return {
        "label": row["label"], "value": value, "text": text, "start": start, "end": end,
        "group": row.get("group") or row.get("id") or place, "document": row.get("id") or "",
        "title": row.get("title") or "", "url": row.get("url") or "", "file": row["file"], "row": row["row"],
    }  # fmt: skip


def _span(row, finder, source, offsets):
    """((start, end) in characters, None), or (None, why the row is no sample)."""
    label, text = row["label"], row["text"]
    if "\ufffd" in text and finder.drops_undecodable:
        return None, UNDECODABLE
    if row.get("start") in (None, "") or row.get("end") in (None, ""):
        spans = finder.spans(label, text)
        return (spans[-1], None) if spans else (None, "label not in the text")
    given = tuple(int(_number(row, key, source)) for key in ("start", "end"))
    holds = {unit: _holds(finder, label, text, given, unit) for unit in OFFSETS}
    span = _characters(text, given, offsets)
    place = f"corpora.{source}: row {row['row']} of {row['file']!r} has the span {given[0]} to {given[1]}, which"
    if not holds[offsets] and (unit := next((unit for unit in OFFSETS if holds[unit]), None)):
        held = f"holds '{printable(text[slice(*span)])}'" if span else "is not inside its text"
        raise OrreryError(
            f"{place} {held} where {offsets} are counted, and its label {label!r} where {unit} are; "
            f"write corpora.{source}.offsets: {unit}."
        )
    if span is None:
        raise OrreryError(
            f"{place} is not inside its text of {len(text)} characters; count {offsets} from 0, the end not included."
        )
    if not holds[offsets] and finder.spans(label, text):
        return None, "label outside its span"
    return span, None


def _holds(finder, label, text, given, unit):
    span = _characters(text, given, unit)
    return bool(span and finder.spans(label, text[slice(*span)]))


def _characters(text, given, unit):
    """A span in characters, or None where it is not inside the text."""
    start, end = given
    if not 0 <= start < end:
        return None
    if OFFSETS[unit] is None or text.isascii():
        return given if end <= len(text) else None
    encoding, width = OFFSETS[unit]
    data = text.encode(encoding, "replace")
    if end * width > len(data):
        return None
    try:
        return len(data[: start * width].decode(encoding)), len(data[: end * width].decode(encoding))
    except UnicodeDecodeError:  # inside a character
        return None


def _value(row, source, missing, known):
    """The value of a row, which is that of all rows of its label."""
    value = _number(row, "value", source, missing)
    if known.setdefault(row["label"], value) != value:
        raise OrreryError(
            f"corpora.{source}: row {row['row']} of {row['file']!r} gives {row['label']!r} the value {value:g} "
            f"and an earlier row {known[row['label']]:g}; a label has one: correct it, or leave the column out."
        )
    return value


def _number(row, key, source, missing=None):
    if row.get(key) in (None, ""):
        return missing
    whole = key in ("start", "end")
    try:
        number = float(row[key])
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or (whole and not number.is_integer()):
        raise OrreryError(
            f"corpora.{source}: row {row['row']} of {row['file']!r} has {row[key]!r} under {key!r}; write a "
            f"{'whole number' if whole else 'number'}."
        )
    return number
