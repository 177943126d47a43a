"""Which of the occurrences found become samples: quotas, duplicates, repeated phrases; every drop with its reason."""

import re
import unicodedata
from collections import Counter
from zlib import crc32

SHINGLE = 5  # characters
PERMUTATIONS = 128
UNDECODABLE = "bytes that are no text in the context"
_DIGIT = re.compile(r"\d")


class Selection:
    """Takes candidates one by one, in the order in which they are preferred.

    Parameters
    ----------
    labels : iterable of str
    options : dict
        The `corpus` entry of a concept: per_label, per_document, duplicates, near_duplicates, similarity, phrases,
        phrase_repeats, and perhaps undecodable.
    near_of_label : bool
        Whether near duplicates are looked for among the samples of a label only.
    """

    def __init__(self, labels, options, near_of_label=False):
        self.options = options
        self.kept = {label: [] for label in labels}
        self.dropped = Counter()
        self._in_document = Counter()
        self._seen = set()
        self._phrases = Counter()
        self._near_of_label, self._near = near_of_label, {}

    def wants(self, label):
        """Whether a label has not yet its quota."""
        return len(self.kept[label]) < self.options["per_label"]

    @property
    def full(self):
        """Whether every label has its quota."""
        return not any(map(self.wants, self.kept))

    def offer(self, sample):
        """Keep a sample or count why not; the reason, or None."""
        reason = self._reason(sample)
        if reason:
            self.dropped[reason] += 1
        else:
            self.kept[sample["label"]].append(sample)
        return reason

    def _reason(self, sample):
        label, limit = sample["label"], self.options["per_document"]
        place = (sample["file"], sample["row"], label)
        if not self.wants(label):
            return "quota full"
        if limit != "all" and self._in_document[place] >= limit:
            return "enough from this document"
        flags = ["another label in the context"] if sample["leaks"] else []
        if "\ufffd" in sample["text"] and self.options.get("undecodable") == "flag":
            flags.append(UNDECODABLE)
        for option, reason in self._copies(sample):
            if self.options[option] == "drop":
                return reason
            flags.append(reason)
        sample["flags"] = ", ".join(flags)
        self._remember(sample)
        self._in_document[place] += 1
        return None

    def _copies(self, sample):
        """(option, reason) of everything that the sample repeats of those kept; the dearest test comes last."""
        if (sample["text"], sample["start"]) in self._seen and self.options["duplicates"] != "ignore":
            yield "duplicates", "exact duplicate"
        if self._phrases[_phrase(sample)] >= self.options["phrase_repeats"] and self.options["phrases"] != "ignore":
            yield "phrases", "repeated phrase"
        if self.options["near_duplicates"] != "ignore" and self._near_ones(sample).has(sample["text"]):
            yield "near_duplicates", "near duplicate"

    def _remember(self, sample):
        self._seen.add((sample["text"], sample["start"]))
        self._phrases[_phrase(sample)] += 1
        if self.options["near_duplicates"] != "ignore":
            self._near_ones(sample).add(sample["text"])

    def _near_ones(self, sample):
        key = sample["label"] if self._near_of_label else None
        if key not in self._near:
            self._near[key] = _NearDuplicates(self.options["similarity"])
        return self._near[key]


def unusual(samples):
    """How many contexts are not in Unicode's form NFC, and how many hold U+FFFD; no key where there are none."""
    counts = {
        "not_nfc": sum(not unicodedata.is_normalized("NFC", sample["text"]) for sample in samples),
        "replaced": sum("\ufffd" in sample["text"] for sample in samples),
    }
    return {key: n for key, n in counts.items() if n}


def say_unusual(report):
    """Sentences on hits inside numbers, on documents that are no UTF-8, and on what `unusual` counted."""
    parts = {
        reason.partition(": ")[2]: n for reason, n in report["dropped"].items() if reason.startswith("in a number")
    }
    if parts:
        kinds = ", ".join(f"{kind} {n}" for kind, n in parts.items())
        yield f"{sum(parts.values())} hits were parts of numbers ({kinds}) and did not count; the key numbers chooses"
    if n := report.get("not_utf8"):
        yield f"{n} of {report['documents']} documents are not UTF-8; convert the files if the text matters"
    if n := report.get("replaced"):
        yield f"{n} contexts hold U+FFFD, which stands for bytes that are no text"
    if n := report.get("not_nfc"):
        yield f"{n} contexts are not in Unicode's form NFC, as most text is that models saw; unicode: NFC changes them"


def _phrase(sample):
    """Six words before an occurrence and four after it, digits hidden: what boilerplate has in common."""
    before = sample["text"][: sample["start"]].split()[-6:]
    after = sample["text"][sample["end"] :].split()[:4]
    return _DIGIT.sub("0", " ".join([*before, "\0", *after])).casefold()


class _NearDuplicates:
    """Texts whose sets of five-character shingles have a Jaccard similarity above a threshold.

    Locality-sensitive hashing of MinHash signatures proposes (Broder 1997; datasketch), the exact similarity decides.
    """

    def __init__(self, threshold):
        self._threshold, self._index, self._sets = threshold, None, {}
        self._last, self._blank = (None, None, None), None

    def has(self, text):
        """Whether a text is nearly one that was added."""
        shingles, signature = self._read(text)
        proposed = self._index.query(signature) if self._index else ()
        return any(_jaccard(shingles, self._sets[key]) >= self._threshold for key in proposed)

    def add(self, text):
        """Remember a text."""
        from datasketch import MinHashLSH

        shingles, signature = self._read(text)
        if self._index is None:  # what it proposes in vain costs little, what it misses is lost
            self._index = MinHashLSH(threshold=min(self._threshold, 0.99), num_perm=PERMUTATIONS, weights=(0.1, 0.9))
        key = len(self._sets)
        self._sets[key] = shingles
        self._index.insert(key, signature)

    def _read(self, text):
        from datasketch import MinHash

        if self._last[0] != text:
            plain = " ".join(text.casefold().split())
            shingles = frozenset(plain[i : i + SHINGLE] for i in range(max(1, len(plain) - SHINGLE + 1)))
            self._blank = self._blank or MinHash(num_perm=PERMUTATIONS, seed=1, hashfunc=crc32)
            signature = self._blank.copy()  # drawing the permutations takes longer than hashing a context
            signature.update_batch([s.encode() for s in shingles])
            self._last = (text, shingles, signature)
        return self._last[1:]


def _jaccard(a, b):
    return len(a & b) / len(a | b)
