"""What the corpus engine must give, written for the eye: one document, one string, one loop at a time."""

import hashlib
from collections import Counter

import regex

WORD = r"[\p{L}\p{M}\p{N}\p{Pc}\u200c\u200d]"
MASK = (1 << 64) - 1


def occurrences(text, forms, case_sensitive=True, whole_words=True):
    """(start, end, label) of every occurrence: leftmost, then longest, then the form named first."""
    flags = regex.POSIX | (0 if case_sensitive else regex.IGNORECASE)
    forms = {label: [form.replace(r"\w", WORD) for form in fs] for label, fs in forms.items()}
    either = "|".join(f"(?:{form})" for fs in forms.values() for form in fs)
    bounded = f"(?<!{WORD})(?:{either})(?!{WORD})" if whole_words else either
    found = []
    for match in regex.finditer(bounded, text, flags):
        label = next(
            label for label, fs in forms.items() if any(regex.fullmatch(form, match.group(), flags) for form in fs)
        )
        found.append((*match.span(), label))
    return found


def sample_of(text, found, number, options):
    """(context, start, end, leaks) of one occurrence."""
    start, end, label = found[number]
    left = max(0, start - options["before"])
    if left > 0:
        left = next((i for i in range(left, min(left + 30, start)) if text[i - 1].isspace()), left)
    right = min(len(text), end + options["after"])
    if right < len(text):
        right = next((i for i in range(right, max(right - 30, end), -1) if text[i].isspace()), right)
    leaks = sum(left <= s and e <= right and other != label for s, e, other in found)
    before, word, after = text[left:start], text[start:end], text[end:right]
    if options["whitespace"] == "normalise":
        before, word, after = (regex.sub(r"\s+", " ", part) for part in (before, word, after))
        before, after = before.lstrip(), after.rstrip()
    return before + word + after, len(before), len(before) + len(word), leaks


def first(documents, spec):
    """Samples and drops of the first occurrences: `documents` are (row, text)."""
    options, forms = spec["options"], spec["forms"]
    kept, dropped, seen = {label: [] for label in forms}, Counter(), set()
    for row, text in documents:
        in_document = Counter()
        found = occurrences(text, forms, options["case_sensitive"], options["whole_words"])
        for number, (start, _, label) in enumerate(found):
            if len(kept[label]) >= options["per_label"]:
                continue
            context, left, right, leaks = sample_of(text, found, number, options)
            if left < options["min_chars"]:
                dropped["context too short"] += 1
            elif leaks and options["leaks"] == "drop":
                dropped["another label in the context"] += 1
            elif options["per_document"] != "all" and in_document[label] >= options["per_document"]:
                dropped["enough from this document"] += 1
            elif (context, left) in seen and options["duplicates"] == "drop":
                dropped["exact duplicate"] += 1
            else:
                seen.add((context, left))
                in_document[label] += 1
                kept[label].append((row, start, label, context, left, right, leaks))
        if all(len(samples) >= options["per_label"] for samples in kept.values()):
            break
    return [sample for samples in kept.values() for sample in samples], dict(dropped)


def mixed(x):
    """SplitMix64's finaliser, in Python's integers."""
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def spread(documents, spec, file):
    """Samples of a seeded draw of documents, one occurrence of each before a second of any; 2 × the quota are drawn.

    Where duplicates are dropped no text is drawn twice for a label.
    """
    options, forms = spec["options"], spec["forms"]
    key = int.from_bytes(hashlib.blake2b(f"{spec['seed']}/{file}".encode(), digest_size=8).digest(), "little")
    drawn = []
    for row, text in documents:
        found = occurrences(text, forms, options["case_sensitive"], options["whole_words"])
        document = mixed(row ^ key) >> 8
        numbers = [mixed((document + len(text[:start].encode())) & MASK) for start, _, _ in found]
        for i, (start, _, label) in enumerate(found):
            rank = sum(numbers[j] < numbers[i] for j in range(len(found)) if found[j][2] == label)
            if options["per_document"] != "all" and rank >= options["per_document"]:
                continue
            context, left, right, leaks = sample_of(text, found, i, options)
            if left >= options["min_chars"] and not (leaks and options["leaks"] == "drop"):
                drawn.append(((rank, document), row, start, label, context, left, right, leaks))
    chosen, seen = {label: [] for label in forms}, set()
    pools = []
    for label in forms:
        mine = sorted(d for d in drawn if d[3] == label)
        if options["duplicates"] == "drop":
            texts = [d[4:6] for d in mine]
            mine = [d for n, d in enumerate(mine) if d[4:6] not in texts[:n]]
        pools.append(mine[: 2 * options["per_label"]])
    for _, *sample in sorted(d for pool in pools for d in pool):
        label, content = sample[2], (sample[3], sample[4])
        if len(chosen[label]) < options["per_label"] and not (content in seen and options["duplicates"] == "drop"):
            seen.add(content)
            chosen[label].append(tuple(sample))
    return [sample for label in forms for sample in sorted(chosen[label])]
