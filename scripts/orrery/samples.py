"""Samples from prompt templates, and from tables of samples that somebody already labelled."""

import csv
import math
import re
from collections import Counter
from itertools import product

from orrery.errors import OrreryError

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def read_templates(path, concept):
    """(id, template) of each row of a CSV file with a column `template`, and perhaps `id`.

    Raises
    ------
    OrreryError
        The file cannot be read or has no such column.
    """
    key = f"concepts.{concept}.templates_file"
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if "template" not in (reader.fieldnames or ()):
                raise OrreryError(
                    f"{key}: {path!r} has no column 'template'; it has {', '.join(reader.fieldnames or ())}."
                )
            return [
                (row.get("id") or f"row {n + 1}", row["template"]) for n, row in enumerate(reader) if row["template"]
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OrreryError(f"{key}: {path!r} cannot be read as CSV ({error}).") from error


def expand_templates(templates, values, categories=None, phrase="{label}", concept="concept"):
    """Every template with every label and every combination of the categories that it names.

    Parameters
    ----------
    templates : list of (str, str)
        Id and template, each with one {label} or one {phrase}, and perhaps placeholders of categories.
    values : dict of str → float
        Label → value, in the labels' order.
    categories : dict of str → list of str
        Placeholder → words.
    phrase : str
        What {phrase} stands for, with {label} and placeholders.
    concept : str
        The concept's name, for messages.

    Returns
    -------
    list of dict
        One sample each, sorted by label; `group` is the template's id; `start` and `end` are the characters of the
        label, or of the whole phrase.

    Raises
    ------
    OrreryError
        A template has no place for the label, or names what is no category.
    """
    categories = categories or {}
    written = [(name, template, _combinations(template, phrase, categories, concept)) for name, template in templates]
    samples = []
    for label, value in values.items():
        for row, (name, template, combinations) in enumerate(written):
            for words in combinations:
                text, start, end = _fill(template, phrase, {**words, "label": label})
                samples.append(
                    {
                        "label": label,
                        "value": value,
                        "text": text,
                        "start": start,
                        "end": end,
                        "group": name,
                        "row": row,
                    }
                )
    return samples


def _combinations(template, phrase, categories, concept):
    """Every combination of the words of the categories that a template names."""
    used = named_categories(template, phrase, categories, concept)
    return [dict(zip(used, words)) for words in product(*(categories[name] for name in used))]


def named_categories(template, phrase, categories, concept):
    """The categories that a template names, its phrase included.

    Raises
    ------
    OrreryError
        It has no place for the label or several, or names what is no category.
    """
    names = PLACEHOLDER.findall(template)
    places = [name for name in names if name in ("label", "phrase")]
    if len(places) != 1:
        raise OrreryError(
            f"concepts.{concept}.templates: {template!r} has {len(places)} places for the label; write {{label}} or "
            "{phrase} once."
        )
    names += PLACEHOLDER.findall(phrase) if places == ["phrase"] else []
    used = [name for name in dict.fromkeys(names) if name not in ("label", "phrase")]
    unknown = [name for name in used if name not in categories]
    if unknown:
        raise OrreryError(
            f"concepts.{concept}.categories: {template!r} names {{{unknown[0]}}}, which is none of "
            f"{', '.join(categories) or 'none'}; add it, or write another."
        )
    return used


def _fill(template, phrase, words):
    def fill(text):
        return PLACEHOLDER.sub(lambda match: words[match.group(1)], text)

    before, name, after = re.split(r"\{(label|phrase)\}", template)
    before, occurrence = fill(before), words["label"] if name == "label" else fill(phrase)
    return before + occurrence + fill(after), len(before), len(before) + len(occurrence)


# ---------------------------------------------------------------------------------------------- labelled tables


def labelled_samples(rows, values, find, options, source="corpus", concept="concept"):
    """Samples of rows that are labelled already.

    Parameters
    ----------
    rows : iterable of dict
        label and text, and perhaps start, end, value, group, id, title, url; `file` and `row` say where they stand.
    values : dict of str → float
        Label → value of the concept.
    find : callable
        (label, text) → (start, end) of the label's last occurrence in a text, or None; for rows without a span.
    options : dict
        The `corpus` entry of the concept: per_label.
    source, concept : str
        Names, for messages.

    Returns
    -------
    (samples, report) : list of dict and dict

    Raises
    ------
    OrreryError
        A value is no finite number or not that of the label's other rows, or a span no whole ones inside the text.
    """
    kept, found, dropped = {label: [] for label in values}, Counter(dict.fromkeys(values, 0)), Counter()
    n_rows = 0
    for row in rows:
        n_rows += 1
        label, text = row["label"], row["text"]
        if label not in kept:
            dropped["no label of the concept"] += 1
            continue
        found[label] += 1
        span = _given_span(row, source) or find(label, text)
        if not span:
            dropped["label not in the text"] += 1
        elif len(kept[label]) >= options["per_label"]:
            dropped["quota full"] += 1
        else:
            place = f"{row['file']}:{row['row']}"
            kept[label].append(
                {
                    "label": label, "value": _value(row, source, values[label], kept[label]), "text": text,
                    "start": span[0], "end": span[1], "group": row.get("group") or row.get("id") or place,
                    "document": row.get("id") or "", "title": row.get("title") or "", "url": row.get("url") or "",
                    "file": row["file"], "row": row["row"],
                }
            )  # fmt: skip
    report = {
        "documents": n_rows,
        "found": dict(found),
        "kept": {label: len(samples) for label, samples in kept.items()},
        "dropped": dict(sorted(dropped.items())),
        "quota": options["per_label"],
    }
    return [sample for samples in kept.values() for sample in samples], report


def _given_span(row, source):
    if row.get("start") in (None, "") or row.get("end") in (None, ""):
        return None
    start, end = (int(_number(row, key, source)) for key in ("start", "end"))
    if not 0 <= start < end <= len(row["text"]):
        raise OrreryError(
            f"corpora.{source}: row {row['row']} of {row['file']!r} has the span {start} to {end}, which is not inside "
            f"its text of {len(row['text'])} characters; count characters from 0, the end not included."
        )
    return start, end


def _value(row, source, missing, others):
    """The value of a row, which is that of all rows of its label."""
    value = _number(row, "value", source, missing)
    if others and others[0]["value"] != value:
        raise OrreryError(
            f"corpora.{source}: row {row['row']} of {row['file']!r} gives {row['label']!r} the value {value:g} "
            f"and an earlier row {others[0]['value']:g}; a label has one: correct it, or leave the column out."
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
