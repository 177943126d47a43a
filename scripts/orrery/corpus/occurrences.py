"""From places in a batch of documents to candidates: context, leaks, and the few that are looked at of the many."""

import hashlib
import re
from collections import Counter

import numpy as np

from orrery.corpus.selection import Selection

POOL = 3  # a spread sample draws this many times its quota, so that drops can be made up for
LOOK_FOR_A_SPACE = 30  # characters given up at the edge of a context so that it begins and ends with whole words
_SPACES = re.compile(r"\s+")


def context(batch, row, start, end, options):
    """The text around bytes [start, end) of a document, cut at white space where there is some near.

    Returns
    -------
    (text, start, end, reach) : str, int, int, tuple of int
        `text[start:end]` is the occurrence, in characters; `reach` is the first and the end byte of the context.
    """
    low, high = batch.starts[row], batch.ends[row]
    before, after = options["before"], options["after"]
    left = _decode_tail(batch.data[max(low, start - 4 * before - 8) : start], start - 4 * before - 8 > low)
    right = bytes(batch.data[end : min(high, end + 4 * after + 8)]).decode("utf-8", "replace")
    word = bytes(batch.data[start:end]).decode("utf-8", "replace")
    left = left[_word_start(left, len(left) - before) :]
    right = right[: _word_end(right, after)]
    reach = start - len(left.encode()), end + len(right.encode())
    if options["whitespace"] == "normalise":
        left, word, right = (_SPACES.sub(" ", part) for part in (left, word, right))
        left, right = left.lstrip(), right.rstrip()
    return left + word + right, len(left), len(left) + len(word), reach


def _decode_tail(data, cut):
    """Text of bytes, which begin inside a character perhaps where they were `cut`."""
    skip = 0
    while cut and skip < min(3, len(data)) and data[skip] & 0xC0 == 0x80:
        skip += 1
    return bytes(data[skip:]).decode("utf-8", "replace")


def _word_start(text, place):
    if place <= 0:
        return 0
    for i in range(place, min(place + LOOK_FOR_A_SPACE, len(text))):
        if text[i - 1].isspace():
            return i
    return place


def _word_end(text, place):
    if place >= len(text):
        return len(text)
    for i in range(place, max(place - LOOK_FOR_A_SPACE, 0), -1):
        if text[i].isspace():
            return i
    return place


class _Taker:
    """What `First` and `Spread` share: counting, contexts, and the drops that a document alone decides."""

    def __init__(self, name, spec, file):
        self.name, self.options, self.file = name, spec["options"], file
        self.labels = list(spec["forms"])
        self.values = spec["values"]
        self.found = np.zeros(len(self.labels), np.int64)
        self.dropped = Counter()
        self.documents = 0
        self._chars = (-1, 0, 0)  # row, byte, characters before it

    def _sample(self, batch, found, i):
        """The sample of the i-th occurrence, or None and a count of the reason; `found` as lists."""
        row, start, end = found.rows[i], found.starts[i], found.ends[i]
        text, left, right, reach = context(batch, row, start, end, self.options)
        if left < self.options["min_chars"]:
            self.dropped["context too short"] += 1
            return None
        leaks = _leaks(found, i, *reach)
        if leaks and self.options["leaks"] == "drop":
            self.dropped["another label in the context"] += 1
            return None
        label = self.labels[found.labels[i]]
        return {
            "label": label, "value": self.values[label], "text": text, "start": left, "end": right, "file": self.file,
            "row": batch.first_row + row, "position": self._chars_before(batch, row, start), "leaks": leaks,
        }  # fmt: skip

    def _chars_before(self, batch, row, start):
        """Characters of the document before byte `start`; counted on from the last call where it can be."""
        known_row, known_byte, chars = self._chars
        if known_row != batch.first_row + row or known_byte > start:
            known_byte, chars = int(batch.starts[row]), 0
        chars += len(bytes(batch.data[known_byte:start]).decode("utf-8", "replace"))
        self._chars = (batch.first_row + row, start, chars)
        return chars


def _facts(sample, batch):
    sample.update(batch.facts(sample["row"]))
    sample["group"] = sample["document"] or f"{sample['file']}:{sample['row']}"
    return sample


def _leaks(found, i, first, end):
    """Occurrences of other labels between two bytes around the i-th; those of other documents lie outside."""
    low = high = i
    while low > 0 and found.starts[low - 1] >= first:
        low -= 1
    while high + 1 < len(found.ends) and found.ends[high + 1] <= end:
        high += 1
    return sum(label != found.labels[i] for label in found.labels[low : high + 1])


class First(_Taker):
    """Takes occurrences in the corpus's order until every label has its quota."""

    def __init__(self, name, spec, file):
        super().__init__(name, spec, file)
        self.selection = Selection(self.labels, self.options)
        self.full = False

    def take(self, batch, found):
        if self.full:
            return
        wanted = np.array([self.selection.wants(label) for label in self.labels])
        last, lists = len(found.rows), found.lists()
        for i in np.flatnonzero(wanted[found.labels]).tolist():
            if i >= last:
                break
            if not self.selection.wants(self.labels[lists.labels[i]]):
                continue
            sample = self._sample(batch, lists, i)
            if sample and self.selection.offer(sample) is None:
                _facts(sample, batch)
                if self.selection.full:  # the document is read to its end
                    self.full = True
                    last = int(np.searchsorted(found.rows, lists.rows[i], "right"))
        self.found += np.bincount(found.labels[:last], minlength=len(self.labels))
        self.documents += lists.rows[last - 1] + 1 if self.full else len(batch.starts)

    def result(self):
        """(candidates in order, report)."""
        kept = sorted((s for samples in self.selection.kept.values() for s in samples), key=place_of)
        dropped = self.dropped + self.selection.dropped
        dropped["quota full"] += int(self.found.sum()) - len(kept) - sum(dropped.values())
        return kept, _report(self, +dropped)


class Spread(_Taker):
    """Draws occurrences from the whole corpus: those whose seeded random number is lowest.

    A number belongs to the place of an occurrence, so the same are drawn whoever scans which file.
    """

    full = False

    def __init__(self, name, spec, file):
        super().__init__(name, spec, file)
        text = f"{spec['seed']}/{name}/{file}".encode("utf-8", "surrogateescape")
        self._key = np.uint64(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little"))
        self._size = pool_size(self.options)
        self._pools = {label: [] for label in self.labels}
        self._limit = np.full(len(self.labels), np.iinfo(np.uint64).max, np.uint64)

    def take(self, batch, found):
        self.documents += len(batch.starts)
        self.found += np.bincount(found.labels, minlength=len(self.labels))
        rows, offsets = found.rows + batch.first_row, found.starts - batch.starts[found.rows]
        priority = _mix(_mix(rows.astype(np.uint64) ^ self._key) + offsets.astype(np.uint64))
        drawn = np.ones(len(rows), bool)
        if self.options["per_document"] != "all":
            drawn = _rank_in_group(found.rows, found.labels, priority) < self.options["per_document"]
            self.dropped["enough from this document"] += int((~drawn).sum())
        drawn &= priority < self._limit[found.labels]
        lists = found.lists()
        for i, number in zip(np.flatnonzero(drawn).tolist(), priority[drawn].tolist()):
            label = lists.labels[i]
            if number < self._limit[label] and (sample := self._sample(batch, lists, i)):
                sample["priority"] = number
                pool = self._pools[self.labels[label]]
                pool.append(_facts(sample, batch))
                if len(pool) >= 2 * self._size:
                    self._prune(label)

    def _prune(self, label):
        pool = self._pools[self.labels[label]]
        pool.sort(key=priority_of)
        del pool[self._size :]
        self._limit[label] = pool[-1]["priority"]

    def result(self):
        """(candidates by priority, report)."""
        kept = [s for pool in self._pools.values() for s in sorted(pool, key=priority_of)[: self._size]]
        dropped = Counter(self.dropped)
        dropped["not drawn"] += int(self.found.sum()) - len(kept) - sum(dropped.values())
        return sorted(kept, key=priority_of), _report(self, +dropped)


def pool_size(options):
    """Candidates of a label that are kept while a spread sample is drawn."""
    return POOL * options["per_label"]


def priority_of(sample):
    """The order of a spread sample: its random number, and where two are equal its place."""
    return sample["priority"], *place_of(sample)


def place_of(sample):
    """The order of the corpus."""
    return sample["file"], sample["row"], sample["position"]


def _report(taker, dropped):
    return {
        "files": 1,
        "documents": taker.documents,
        "found": {label: int(n) for label, n in zip(taker.labels, taker.found)},
        "dropped": dict(sorted(dropped.items())),
    }


def _mix(x):
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): uint64 → uint64, as good as random."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _rank_in_group(rows, labels, priority):
    """The rank of each occurrence's priority among those of its label in its document."""
    order = np.lexsort((priority, labels, rows))
    new = np.ones(len(rows), bool)
    new[1:] = (np.diff(rows[order]) != 0) | (np.diff(labels[order]) != 0)
    first = np.maximum.accumulate(np.where(new, np.arange(len(rows)), 0))
    rank = np.empty(len(rows), np.int64)
    rank[order] = np.arange(len(rows)) - first
    return rank
