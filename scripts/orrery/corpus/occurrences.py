"""From places in a batch of documents to candidates: context, leaks, and the few that are looked at of the many."""

import hashlib
import heapq
import re
import unicodedata
from collections import Counter
from itertools import repeat

import numpy as np

from orrery.corpus.conditions import Conditions
from orrery.corpus.selection import UNDECODABLE, Selection

ALL = np.uint64(2**64 - 1)
POOL = 2  # a spread sample draws this many times its quota, so that drops can be made up for
LOOK_FOR_A_SPACE = 30  # characters given up at the edge of a context so that it begins and ends with whole words
_SPACES = re.compile(r"\s+")


def context(batch, row, start, end, options):
    """The text around bytes [start, end) of a document, cut at white space where there is some near.

    Returns
    -------
    (text, start, end, reach) : str, int, int, tuple of int
        `text[start:end]` is the occurrence, in characters; `reach` is the first and the end byte of the context.
    """
    before, after = options["before"], options["after"]
    document = batch.starts.item(row), batch.ends.item(row)
    left, word, right = _around(batch.data, start, end, document, before + 1, after + 1)
    if not (left.isascii() and word.isascii() and right.isascii()):  # a character is up to four bytes
        left, word, right = _around(batch.data, start, end, document, 4 * before + 8, 4 * after + 8)
    left = _decode_tail(left, start - len(left) > document[0])
    word, right = word.decode("utf-8", "replace"), right.decode("utf-8", "replace")
    left, right = left[_word_start(left, len(left) - before) :], right[: _word_end(right, after)]
    reach = start - len(left.encode()), end + len(right.encode())
    return *normalised(left, word, right, options), reach


def normalised(left, word, right, options):
    """(text, start, end) of an occurrence and what stands around it, in the white space and Unicode form asked for."""
    if options["whitespace"] == "normalise":
        left, word, right = (_SPACES.sub(" ", part) for part in (left, word, right))
        left, right = left.lstrip(), right.rstrip()
    if (form := options.get("unicode", "keep")) != "keep":
        left, word, right = (unicodedata.normalize(form, part) for part in (left, word, right))
    return left + word + right, len(left), len(left) + len(word)


def _around(data, start, end, document, before, after):
    """Bytes before, in, and after [start, end), as far as the document reaches."""
    first, last = max(document[0], start - before), min(document[1], end + after)
    window = bytes(data[first:last])
    return window[: start - first], window[start - first : end - first], window[end - first :]


def _decode_tail(data, cut):
    """Text of bytes, which begin inside a character perhaps where they were `cut`."""
    skip = 0
    while cut and skip < min(3, len(data)) and data[skip] & 0xC0 == 0x80:
        skip += 1
    return data[skip:].decode("utf-8", "replace")


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
    """What `First` and `Spread` share: counting, conditions, contexts, and the drops that a document alone decides."""

    def __init__(self, name, spec, file):
        self.name, self.options, self.file = name, spec["options"], file
        self.labels = list(spec["forms"])
        self.values = spec["values"]
        self.conditions = Conditions(spec)
        self.found = np.zeros(len(self.labels), np.int64)
        self.dropped = Counter()
        self.documents = self.not_utf8 = 0

    def _counts(self, batch, found, i):
        """Whether the i-th occurrence counts by what stands around it; else a count of the reason."""
        reason = self.conditions.reason(batch, found, i)
        if reason:
            self.dropped[reason] += 1
        return reason is None

    def _sample(self, batch, found, i):
        """The sample of the i-th occurrence, or None and a count of the reason."""
        row, start, end = (part.item(i) for part in found[:3])
        text, left, right, reach = context(batch, row, start, end, self.options)
        if left < self.options["min_chars"]:
            self.dropped["context too short"] += 1
            return None
        if "\ufffd" in text and self.options.get("undecodable") == "drop":
            self.dropped[UNDECODABLE] += 1
            return None
        leaks = self._leaks(batch, found, i, *reach)
        if leaks and self.options["leaks"] == "drop":
            self.dropped["another label in the context"] += 1
            return None
        label = self.labels[found.labels.item(i)]
        return {
            "label": label, "value": self.values[label], "text": text, "start": left, "end": right, "file": self.file,
            "row": batch.rows.item(row), "position": start - batch.starts.item(row), "leaks": leaks,
        }  # fmt: skip

    def _leaks(self, batch, found, i, first, end):
        """Occurrences of other labels between two bytes around the i-th; those of other documents lie outside."""
        low = high = i
        while low > 0 and found.starts.item(low - 1) >= first:
            low -= 1
        while high + 1 < len(found.ends) and found.ends.item(high + 1) <= end:
            high += 1
        others = low + np.flatnonzero(found.labels[low : high + 1] != found.labels[i])
        return sum(not self.conditions.reason(batch, found, j) for j in others.tolist())


def _locate(samples, batch):
    """Complete samples of a batch, in order, whose `position` is in bytes: in characters, and what the corpus knows."""
    row = place = chars = 0
    known = _facts([sample["row"] for sample in samples], batch) if batch.facts else repeat({})
    for sample, facts in zip(samples, known):
        if sample["row"] != row:
            row, place, chars = sample["row"], 0, 0
        begin = batch.starts.item(np.searchsorted(batch.rows, row))
        chars += len(bytes(batch.data[begin + place : begin + sample["position"]]).decode("utf-8", "replace"))
        place, sample["position"] = sample["position"], chars
        sample.update(facts)


def _facts(rows, batch):
    try:
        return batch.facts(rows)
    except (ValueError, RecursionError, OSError):  # a corpus is not trusted; file and row still tell where it stands
        if len(rows) == 1:
            return [{"document": "", "title": "", "url": ""}]
        return [facts for row in rows for facts in _facts([row], batch)]


class First(_Taker):
    """Takes occurrences in the corpus's order until every label has its quota.

    With a `selection` of other files it goes on behind the places, label → [row, byte], at which it stopped before.
    """

    def __init__(self, name, spec, file, selection=None, places=None):
        super().__init__(name, spec, file)
        self.selection = selection or Selection(self.labels, self.options)
        self._behind = places
        self._left = {}
        self.full = False
        self.limit = np.full(len(self.labels), ALL)
        if places is not None:
            self.limit[[label not in places for label in self.labels]] = 0

    def take(self, batch, found, numbers, documents):
        """Take what a batch gives, up to which so many `documents` were read; a label is counted until it is full."""
        if self.full:
            return
        new = []
        self.documents = documents
        self.not_utf8 += batch.not_utf8
        for i in np.flatnonzero(self.limit[found.labels]).tolist():
            number, row = found.labels.item(i), found.rows.item(i)
            label, place = self.labels[number], [batch.rows.item(row), found.starts.item(i) - batch.starts.item(row)]
            if not self.limit[number] or (self._behind and place <= self._behind[label]):
                continue
            self.found[number] += 1
            sample = self._counts(batch, found, i) and self._sample(batch, found, i)
            if sample and self.selection.offer(sample) is None:
                new.append(sample)
                if not self.selection.wants(label):
                    self.limit[number] = 0
                    self._left[label] = place
                    self.full = not self.limit.any()
            if self.full:
                self.documents = place[0] + 1
                break
        _locate(new, batch)

    def result(self):
        """(candidates in order, report); the report says where the file was left for which label."""
        kept = sorted((s for samples in self.selection.kept.values() for s in samples), key=place_of)
        report = _report(self, self.dropped + self.selection.dropped)
        left = {self.file: {"documents": self.documents, "places": self._left}} if self._left else {}
        return kept, report | {"left": left}


class Spread(_Taker):
    """Draws documents from the whole corpus: for each label, one occurrence of each before a second of any.

    The random numbers belong to the seed and the place, so the same are drawn whoever scans which file. Once a label
    has more than it needs, documents whose number is too high for it are not looked at.
    """

    full = False

    def __init__(self, name, spec, file):
        super().__init__(name, spec, file)
        self._pools = [_Pool(pool_size(self.options), one_a_text(self.options)) for _ in self.labels]
        self.limit = np.full(len(self.labels), ALL)

    def take(self, batch, found, numbers, documents):
        """Take what a batch gives to each label in the documents whose `numbers` are low enough for it."""
        self.documents = documents
        self.not_utf8 += batch.not_utf8
        looked = np.flatnonzero(numbers[found.rows] < self.limit[found.labels])
        if not len(looked):
            return
        self.found += np.bincount(found.labels[looked], minlength=len(self.labels))
        if self.conditions.asked:
            looked = looked[[self._counts(batch, found, i) for i in looked.tolist()]]
        rows, starts, labels = found.rows[looked], found.starts[looked], found.labels[looked]
        offsets = (starts - batch.starts[rows]).astype(np.uint64)
        rank = _rank_in_group(rows, labels, mix(numbers[rows] + offsets))
        drawn = np.ones(len(rank), bool)
        if self.options["per_document"] != "all":
            drawn = rank < self.options["per_document"]
            self.dropped["enough from this document"] += int((~drawn).sum())
        priority = np.minimum(rank, 255).astype(np.uint64) << np.uint64(56) | numbers[rows]
        drawn &= priority < self.limit[labels]
        chosen = np.flatnonzero(drawn)
        if len(chosen):
            self._draw(batch, found, looked[chosen], priority[chosen])

    def _draw(self, batch, found, places, priority):
        new = []
        for j in np.argsort(priority, kind="stable").tolist():
            i, number = places.item(j), priority.item(j)
            label = found.labels.item(i)
            if number < self.limit[label] and (sample := self._sample(batch, found, i)):
                sample["priority"] = number
                entry = -number, -sample["row"], -sample["position"], sample
                self._pools[label].offer(entry)
                self.limit[label] = self._pools[label].limit
                new.append((label, entry))
        kept = [entry[3] for label, entry in new if self._pools[label].holds(entry)]
        _locate(sorted(kept, key=place_of), batch)

    def result(self):
        """(candidates by priority, report)."""
        kept = [entry[3] for pool in self._pools for entry in pool.entries]
        dropped = Counter(self.dropped)
        dropped["not drawn"] += int(self.found.sum()) - len(kept) - sum(dropped.values())
        return sorted(kept, key=priority_of), _report(self, +dropped)


class _Pool:
    """The candidates of a label with the lowest numbers, as (-number, -row, -position, sample); perhaps one a text."""

    def __init__(self, size, one_a_text):
        self.entries, self._size = [], size  # a heap, the highest number first
        self._of_text = {} if one_a_text else None

    @property
    def limit(self):
        """No candidate with this number or a higher one will be taken."""
        return ALL if len(self.entries) < self._size else np.uint64(-self.entries[0][0])

    def offer(self, entry):
        """Take a candidate, unless its text is there with a lower number; it may put another one out."""
        if self._of_text is not None:
            twin = self._of_text.get(text_of(entry[3]))
            if twin and twin[:3] > entry[:3]:
                return
            if twin:
                self.entries.remove(twin)
                heapq.heapify(self.entries)
            self._of_text[text_of(entry[3])] = entry
        if len(self.entries) < self._size:
            heapq.heappush(self.entries, entry)
            return
        out = heapq.heappushpop(self.entries, entry)
        if self._of_text is not None:
            del self._of_text[text_of(out[3])]

    def holds(self, entry):
        """Whether a candidate that was offered is there still."""
        if self._of_text is not None:
            return self._of_text.get(text_of(entry[3])) is entry
        return entry[:3] >= self.entries[0][:3]


def one_a_text(options):
    """Whether no text is drawn twice for a label, so that repeats leave no quota unfilled."""
    return options["duplicates"] == "drop"


def text_of(sample):
    """What makes two samples exact duplicates."""
    return sample["text"], sample["start"]


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
        **({"not_utf8": taker.not_utf8} if taker.not_utf8 else {}),
    }


def document_numbers(seed, file, rows):
    """A random number below 2⁵⁶ for each of some rows of a file: uint64."""
    text = f"{seed}/{file}".encode("utf-8", "surrogateescape")
    key = np.uint64(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little"))
    return mix(rows.astype(np.uint64) ^ key) >> np.uint64(8)


def mix(x):
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
