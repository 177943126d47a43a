"""Samples from prompt templates."""

import csv
import math
import os
import re
from itertools import product

from orrery.errors import OrreryError

FILE_BYTES = 16 << 20
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
PROMPTS = 1_000_000  # that a set may have at the most


def read_templates(path, concept):
    """(id, template) of each row of a CSV file with a column `template`, and perhaps `id`.

    Raises
    ------
    OrreryError
        The file cannot be read or has no such column.
    """
    key = f"concepts.{concept}.templates_file"
    if why := unreadable(path):
        raise OrreryError(f"{key}: {path!r} {why}.")
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


def distinct(templates):
    """(templates, repeated ones): each text once, under its first id."""
    kept, repeated, seen = [], [], set()
    for name, template in templates:
        (repeated if template in seen else kept).append((name, template))
        seen.add(template)
    return kept, repeated


def unreadable(path):
    """Why something cannot be the file of templates, or None: it may be no file, or one without an end."""
    if not os.path.isfile(path):
        return "is no regular file; write the path of a CSV file"
    if (size := os.path.getsize(path)) > FILE_BYTES:
        return f"has {size >> 20} MB, and templates may have {FILE_BYTES >> 20}; name a smaller CSV file"
    return None


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
        A template has no place for the label, or names what is no category; or there are more than PROMPTS prompts.
    """
    categories = categories or {}
    texts = [template for _, template in templates]
    if (count := number_of_prompts(texts, len(values), categories, phrase, concept)) > PROMPTS:
        raise OrreryError(
            f"concepts.{concept}.templates: make {count:,} prompts, more than {PROMPTS:,}; take fewer templates or "
            "categories."
        )
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


def flag_leaks(samples, labels):
    """Count in each sample the other labels that its text names besides its own; how many samples name one."""
    longest_first = sorted(labels, key=len, reverse=True)
    names = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
    for sample in samples:
        around = sample["text"][: sample["start"]], sample["text"][sample["end"] :]
        sample["leaks"] = sum(found != sample["label"] for text in around for found in names.findall(text))
        sample["flags"] = "another label in the context" if sample["leaks"] else ""
    return sum(sample["leaks"] > 0 for sample in samples)


def _combinations(template, phrase, categories, concept):
    """Every combination of the words of the categories that a template names."""
    used = named_categories(template, phrase, categories, concept)
    return [dict(zip(used, words)) for words in product(*(categories[name] for name in used))]


def number_of_prompts(templates, labels, categories, phrase="", concept="concept"):
    """How many prompts some templates make of a number of labels, with every combination of their categories."""
    used = (named_categories(template, phrase, categories, concept) for template in templates)
    return labels * sum(math.prod(len(categories[name]) for name in names) for names in used)


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
