"""All occurrences of many concepts' labels in a batch of documents: one pass of Hyperscan, then exact spans.

What an occurrence is: of all whole-word matches of a concept's forms in a document the leftmost is taken, of those that
begin there the longest, of equal ones the form named first; the search goes on behind it. Hyperscan proposes, over the
whole batch at once; the ends of plain words are turned into spans with NumPy, and only documents where a true regular
expression was proposed are searched again, by RE2. Both run in time linear in the text, whatever the expression.
"""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np

from orrery.corpus import forms as surface
from orrery.corpus.forms import ASCII_WORD, WORD, byte_pattern, case_variants, is_word, literal
from orrery.errors import OrreryError

KEPT_PARTS = 4  # compiled for some of the labels
TRIED_BYTES = 1 << 20
LONGEST = 1000  # bytes of an occurrence of a regular expression and what bounds it, else all could take quadratic time
WINDOW = 8 * LONGEST
WORTH_A_TRIAL = 4  # times as long as it took to compile: so long one algorithm is used before another is tried
# Bytes that no text in UTF-8 has, to be looked for besides: with more than some fifty literals Hyperscan takes another
# algorithm (FDR in place of Teddy), and with a short one among them that reads more densely, up to five times as fast.
_NEVER = [
    rb"\xff\xfe",
    *(rb"\xff" + b"".join(rb"\x%02x" % (128 + (n * k) % 127) for k in range(3, 12)) for n in range(64)),
]
_CONTINUATION = bytes(range(0x80, 0xC0))  # no character of UTF-8 begins with one
_IS_ASCII_WORD = np.zeros(256, bool)
_IS_ASCII_WORD[list(ASCII_WORD)] = True


class Batch(NamedTuple):
    """Documents of one file: `data[starts[i]:ends[i]]` is the UTF-8 of the file's row `rows[i]`; all by rising rows."""

    data: memoryview  # or Apart
    starts: np.ndarray
    ends: np.ndarray
    rows: np.ndarray
    facts: Callable | None  # rows → of each {"document", "title", "url"}; None where `parquet_facts` tells them later
    read: int = 0  # bytes of the file that were read so far
    separated: bool = True  # whether a byte that is no part of a word stands between two documents
    parts: tuple = ()  # of batches, where it was joined of some
    not_utf8: int = 0  # documents in which bytes were replaced, as they are no UTF-8

    def document(self, row):
        return bytes(self.data[self.starts[row] : self.ends[row]])

    def some(self, rows):
        """A batch of some of the documents, of rising indices, separated, in a copy."""
        starts, ends = self.starts[rows].tolist(), self.ends[rows].tolist()
        data = memoryview(b"\n".join([self.data[start:end] for start, end in zip(starts, ends)]))
        lengths = self.ends[rows] - self.starts[rows] + 1
        first = np.cumsum(lengths) - lengths
        ends = first + lengths - 1
        return self._replace(data=data, starts=first, ends=ends, rows=self.rows[rows], separated=True, parts=())

    def in_memory(self):
        """(batch, its first row in this one, its first byte) of each part whose text lies in one piece of memory."""
        row = shift = 0
        for part in self.parts or (self,):
            yield part, row, shift
            row, shift = row + len(part.starts), shift + len(part.data)


class Apart:
    """Pieces of memory, addressed as if one followed the other; a slice must lie in one of them."""

    def __init__(self, pieces):
        self._pieces, self._bases = pieces, list(accumulate(map(len, pieces), initial=0))

    def __len__(self):
        return self._bases[-1]

    def __getitem__(self, span):
        number = min(bisect_right(self._bases, span.start), len(self._pieces)) - 1
        base = self._bases[number]
        return self._pieces[number][span.start - base : span.stop - base]


def joined(batches):
    """Batches that follow each other in a file as one, without a copy where none was made; what each knows is lost."""
    if len(batches) == 1:
        return batches[0]
    separated = all(batch.separated for batch in batches)
    pieces = [batch.data for batch in batches]
    bases = np.cumsum([0, *(len(piece) + separated for piece in pieces)])
    return Batch(
        data=memoryview(b"\n".join(pieces)) if separated else Apart(pieces),
        starts=np.concatenate([batch.starts + base for batch, base in zip(batches, bases)]),
        ends=np.concatenate([batch.ends + base for batch, base in zip(batches, bases)]),
        rows=np.concatenate([batch.rows for batch in batches]),
        facts=None,
        read=batches[-1].read,
        separated=separated,
        parts=() if separated else tuple(batches),
        not_utf8=sum(batch.not_utf8 for batch in batches),
    )


class Occurrences(NamedTuple):
    """Where labels stand in a batch, in order: row in the batch, first and end byte, index of the label. Each (n,)."""

    rows: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    labels: np.ndarray


@dataclass
class _Form:
    concept: int
    label: int
    text: str | None  # None where the form is a regular expression
    n_bytes: int
    n_chars: int
    varies: bool = False  # whether spellings differ in length


class Matcher:
    """The compiled forms of several concepts.

    Parameters
    ----------
    concepts : dict of str → dict
        Name → {"forms": label → list of forms, "case_sensitive": bool, "whole_words": bool}.

    Raises
    ------
    OrreryError
        A form is no regular expression that a linear-time engine can run.
    """

    def __init__(self, concepts):
        concepts = {name: {**spec, "forms": _equivalents(spec["forms"])} for name, spec in concepts.items()}
        self.names = list(concepts)
        self._whole = [spec["whole_words"] for spec in concepts.values()]
        self._bounded = any(_is_short(f) for spec in concepts.values() for fs in spec["forms"].values() for f in fs)
        self._forms, patterns = [], []
        for concept, spec in enumerate(concepts.values()):
            for label, forms in enumerate(spec["forms"].values()):
                for form in forms:
                    self._forms.append(_describe(concept, label, form))
                    patterns.append(_pattern(form, spec, self._forms[-1], self._bounded))
        self._patterns, self._parts = patterns, {}
        self._concepts = concepts
        self._all = self._compiled(range(len(patterns)))
        self._exact = [
            _Exact(name, spec) if any(f.text is None for f in self._forms if f.concept == number) else None
            for number, (name, spec) in enumerate(concepts.items())
        ]
        self._ascii_chars = np.array([len(f.text) if f.text and f.text.isascii() else 0 for f in self._forms])
        self._of_form = {
            name: np.array([getattr(f, name) for f in self._forms])
            for name in ("concept", "label", "n_bytes", "varies")
        }
        self._is_regex = np.array([f.text is None for f in self._forms])
        self.needs_utf8 = bool(self._is_regex.any())  # plain words are looked for byte by byte

    def rows_proposed(self, batch, wanted):
        """Indices of documents in which Hyperscan proposes one of the labels that are `wanted`, and of a few more.

        Parameters
        ----------
        batch : Batch
            In one piece of memory.
        wanted : list of boolean arrays
            One a concept, one value a label.
        """
        key = tuple(tuple(np.flatnonzero(w).tolist()) for w in wanted)
        if not any(key):
            return np.empty(0, np.int64)
        if key not in self._parts:
            if len(self._parts) >= KEPT_PARTS:
                self._parts.clear()
            chosen = [n for n, form in enumerate(self._forms) if wanted[form.concept][form.label]]
            self._parts[key] = self._compiled(chosen)
        rows = np.unique(np.searchsorted(batch.ends, self._parts[key].matches(batch.data, batch.ends)[1], "left"))
        rows = rows[rows < len(batch.ends)]
        return np.union1d(rows, _touched(batch)) if self._bounded and not batch.separated else rows

    def _compiled(self, chosen):
        owners = [(self.names[self._forms[n].concept], self._forms[n].label) for n in chosen]
        return _Engine([self._patterns[n] for n in chosen], owners, self._concepts)

    def find(self, batch):
        """Occurrences in a batch of valid UTF-8, one entry a concept in their order."""
        seen = [self._spans(*part) for part in batch.in_memory()]
        concepts, *spans = (np.concatenate(parts) for parts in zip(*(literal for literal, _ in seen)))
        proposed = np.concatenate([regex for _, regex in seen], axis=1)
        found = []
        for concept, exact in enumerate(self._exact):
            mine = [part[concepts == concept] for part in spans]
            if exact:
                again = np.unique(proposed[1, proposed[0] == concept])
                mine = [part[~np.isin(mine[0], again)] for part in mine]
                mine = [np.concatenate(parts) for parts in zip(mine, exact.find(batch, again))]
            found.append(_leftmost_longest(*mine))
        return found

    def _spans(self, batch, first_row, first_byte):
        """Plain words in a batch, (concept, row, start, end, label), and where true expressions are, (concept, row)."""
        if self._bounded and not batch.separated:
            whole, batch = batch, batch.some(np.arange(len(batch.starts)))
            shift = whole.starts - batch.starts + first_byte
        else:
            shift = np.full(len(batch.starts), first_byte)
        ids, ends = self._all.matches(batch.data, batch.ends)
        rows = np.searchsorted(batch.ends, ends, "left")
        inside = rows < len(batch.ends)
        ids, ends, rows = ids[inside], ends[inside], rows[inside]
        regex = self._is_regex[ids]
        concepts, at, starts, ends, labels = self._literal_spans(batch, ids[~regex], ends[~regex], rows[~regex])
        literal = concepts, at + first_row, starts + shift[at], ends + shift[at], labels
        return literal, np.array([self._of_form["concept"][ids[regex]], rows[regex] + first_row])

    def _literal_spans(self, batch, ids, ends, rows):
        """(concept, row, start, end, label) of the candidates that are whole words inside one document."""
        data = np.frombuffer(batch.data, dtype=np.uint8)
        starts = ends - self._of_form["n_bytes"][ids]
        for i in np.flatnonzero(~self._has_known_length(data, ids, ends)):
            starts[i] = _chars_back(data, ends[i], self._forms[ids[i]].n_chars)
        good = (starts >= batch.starts[rows]) & (ends <= batch.ends[rows])
        whole = np.array(self._whole, bool)[self._of_form["concept"][ids]]
        good &= ~whole | _bounded(batch, data, starts, ends, rows, good & whole)
        ids, rows, starts, ends = ids[good], rows[good], starts[good], ends[good]
        return self._of_form["concept"][ids], rows, starts, ends, self._of_form["label"][ids]

    def _has_known_length(self, data, ids, ends):
        """Whether a match is as long as its form: where all spellings are, or where it is ASCII throughout."""
        known, n_chars = ~self._of_form["varies"][ids], self._ascii_chars[ids]
        ascii = ~known & (n_chars > 0)
        for back in range(1, n_chars.max(initial=0) + 1):
            ascii &= (back > n_chars) | (data[np.maximum(ends - back, 0)] < 128)
        return known | ascii


class _Exact:
    """RE2's search of one document for all forms of a concept, leftmost and longest."""

    def __init__(self, name, spec):
        import re2

        options = re2.Options()
        options.longest_match, options.log_errors = True, False
        options.case_sensitive = spec["case_sensitive"]
        options.max_mem = 64 << 20
        self._each, edge = [], f"[^{WORD}]" if spec["whole_words"] else ""
        for number, (label, forms) in enumerate(spec["forms"].items()):
            for form in forms:
                try:
                    self._each.append((number, re2.compile(surface.unicode_classes(form).encode(), options)))
                except re2.error as error:
                    raise _not_linear(name, label, form, error.args[0].decode()) from error
        self._edge = len(edge) > 0
        either = b"|".join(b"(?:" + pattern.pattern + b")" for _, pattern in self._each)
        try:
            self._any = re2.compile(edge.encode() + b"(" + either + b")" + edge.encode(), options)
        except re2.error as error:
            raise OrreryError(f"concepts.{name}.labels: the forms are too large together; write fewer.") from error

    def find(self, batch, rows):
        found = ((row, *span) for row in rows for span in self._spans(batch.document(row), batch.starts[row]))
        return np.fromiter(chain.from_iterable(found), np.int64).reshape(-1, 4).T

    def _spans(self, document, offset):
        # A line end at either side lets a word at the edge of the document be bounded like any other.
        text, place, shift = b"\n" + document + b"\n", 0 if self._edge else 1, offset - 1
        end_of_text = len(text) if self._edge else len(text) - 1
        while place < end_of_text:
            stop = min(place + WINDOW, end_of_text)
            sure = stop - LONGEST - 4 if stop < end_of_text else stop  # what begins before is in the window entire
            match = self._any.search(text, place, stop)
            if not match or match.start() > sure:
                place = match.start() if match else sure
                continue
            begin, limit = match.start(), match.start(1) + LONGEST
            if match.end() > limit:
                match = self._any.match(text, begin, limit)
            if not match:
                place = begin + 1
                continue
            start, end = match.span(1)
            yield start + shift, end + shift, self._label(text[start:end])
            place = end
            if self._edge:  # the last character of an occurrence may bound the next one
                place -= 1
                while text[place] & 0xC0 == 0x80:
                    place -= 1

    def _label(self, text):
        return next(label for label, form in self._each if form.fullmatch(text))


def _equivalents(forms):
    return {label: [text for form in some for text in surface.equivalents(form)] for label, some in forms.items()}


def _is_short(form):
    """Whether a form stands inside so many other words that Hyperscan had better look for the word's ends too."""
    text = literal(form)
    return text is not None and (len(text.encode()) < 5 or text.isdigit())


def _describe(concept, label, form):
    text = literal(form)
    if text is None:
        return _Form(concept, label, None, 0, 0)
    return _Form(concept, label, text, len(text.encode()), len(text))


def _pattern(form, spec, described, bounded):
    """(pattern, flags) for Hyperscan; notes in `described` whether spellings differ in length."""
    import hyperscan as hs

    if described.text is None:
        return surface.spelled_out(surface.unicode_classes(form), spec["case_sensitive"]).encode(), hs.HS_FLAG_UTF8
    described.varies = not spec["case_sensitive"] and not _same_length(described.text)
    return byte_pattern(described.text, spec["case_sensitive"], bounded and spec["whole_words"]).encode(), 0


def _same_length(text):
    return all(len({len(v.encode()) for v in case_variants(char)}) == 1 for char in text)


class _Engine:
    """Hyperscan for some patterns, by the faster of its algorithms for the text at hand."""

    def __init__(self, patterns, owners, concepts):
        import hyperscan as hs

        began = time.perf_counter()
        try:
            self._ways = [_database(patterns)]
        except hs.error:
            for pattern, (name, label) in zip(patterns, owners):
                try:
                    _database([pattern])
                except hs.error as error:
                    form = list(concepts[name]["forms"])[label]
                    raise _not_linear(name, form, pattern[0].decode(), error) from error
            raise
        self._patterns, self._tried = patterns, False
        self._is_regex = [flags > 0 for _, flags in patterns] + [False] * len(_NEVER)
        self._reach = max(len(pattern) for pattern, _ in patterns)  # no plain word is longer than its pattern
        self._left = WORTH_A_TRIAL * (time.perf_counter() - began)

    def matches(self, data, document_ends=()):
        """(index of the pattern, end) of matches, by rising ends: a regular expression's first in each document.

        Of plain words all are there, one at the very end perhaps twice.
        """
        if not self._tried and self._left < 0 and len(data) >= TRIED_BYTES:
            self._tried = True
            never = _NEVER[: max(1, len(_NEVER) - len(self._patterns))]
            self._ways.append(_database([*self._patterns, *((text, 0) for text in never)]))
            self._ways = [_fastest(self._ways, data[:TRIED_BYTES])]  # which it is depends on the words, too
        began = time.perf_counter()
        ids, ends = self._scan(data, document_ends)
        if len(data) and _IS_ASCII_WORD[data[-1]]:
            # Hyperscan 5.4 may miss a word that ends where its data ends, but none before a line's end.
            tail = bytes(data[-self._reach - 3 :]).lstrip(_CONTINUATION)
            last, at = self._scan(tail + b"\n")
            last = last[at == len(tail)]
            ids, ends = np.append(ids, last), np.append(ends, np.full_like(last, len(data)))
        self._left -= time.perf_counter() - began
        return ids, ends

    def _scan(self, data, document_ends=()):
        hits = []
        take = hits.append  # one integer a match: millions of tuples would keep the garbage collector busy

        def note(form, _, end, *__):
            if end > passed[form]:
                take(form << 40 | end)
                if self._is_regex[form]:  # it may match at every character
                    passed[form] = document_ends[bisect_left(document_ends, end)]

        if any(self._is_regex):
            document_ends, passed = [*map(int, document_ends), len(data)], [-1] * len(self._is_regex)
        else:
            note = lambda form, _, end, *__: take(form << 40 | end)  # noqa: E731
        self._ways[0].scan(data, match_event_handler=note)
        hits = np.array(hits, dtype=np.int64)
        hits = hits[hits < len(self._patterns) << 40]
        return hits >> 40, hits & ((1 << 40) - 1)


def _database(patterns):
    import hyperscan as hs

    database = hs.Database(mode=hs.HS_MODE_BLOCK)
    expressions, flags = zip(*patterns)
    database.compile(expressions=list(expressions), ids=list(range(len(patterns))), flags=list(flags))
    return database


def _fastest(databases, data):
    """The database that scans some data in the shortest time, of five rounds."""
    best = dict.fromkeys(databases, float("inf"))
    for _ in range(5):
        for database in databases:
            began = time.perf_counter()
            database.scan(data)
            best[database] = min(best[database], time.perf_counter() - began)
    return min(best, key=best.get)


def _not_linear(name, label, form, error):
    return OrreryError(
        f"concepts.{name}.labels.{label}: {form!r} cannot be searched for in linear time ({str(error).rstrip('.')}); "
        "write it shorter, without look-around, references, or the empty match."
    )


def _touched(batch):
    """Rows of documents that a neighbour's word touches, which hides a word's boundary."""
    data = np.frombuffer(batch.data, dtype=np.uint8)
    if not len(data):
        return np.empty(0, np.int64)
    starts, ends = np.minimum(batch.starts, len(data) - 1), np.minimum(batch.ends, len(data) - 1)
    word = _IS_ASCII_WORD[data[starts]] & _IS_ASCII_WORD[data[np.maximum(starts - 1, 0)]]
    word |= _IS_ASCII_WORD[data[ends]] & _IS_ASCII_WORD[data[np.maximum(ends - 1, 0)]]
    return np.flatnonzero(word)


def _bounded(batch, data, starts, ends, rows, wanted):
    """Whether no word character touches [start, end) inside its document; looked at only where `wanted`."""
    before = np.where(starts > batch.starts[rows], data[np.maximum(starts, 1) - 1], 10)
    after = np.where(ends < batch.ends[rows], data[np.minimum(ends, len(data) - 1)], 10)
    good = ~(_IS_ASCII_WORD[before] | _IS_ASCII_WORD[after])
    for i in np.flatnonzero(wanted & good & ((before > 127) | (after > 127))):
        row = rows[i]
        left = bytes(batch.data[max(batch.starts[row], starts[i] - 4) : starts[i]])
        right = bytes(batch.data[ends[i] : min(batch.ends[row], ends[i] + 4)])
        good[i] = not (_last_is_word(left) or (right and is_word(right.decode("utf-8", "replace")[0])))
    return good


def _last_is_word(data):
    return bool(data) and is_word(data.decode("utf-8", "replace")[-1])


def _chars_back(data, end, n):
    """The byte at which the last `n` characters before `end` begin."""
    place = end
    while n and place > 0:
        place -= 1
        n -= (data[place] & 0xC0) != 0x80
    return place if n == 0 else -1


def _leftmost_longest(rows, starts, ends, labels):
    if np.all(starts[1:] >= ends[:-1]) and np.all(starts[1:] > starts[:-1]):  # Hyperscan reports by the end
        return Occurrences(rows, starts, ends, labels)
    order = np.lexsort((labels, -ends, starts))
    rows, starts, ends, labels = (part[order] for part in (rows, starts, ends, labels))
    if np.any(starts[1:] < ends[:-1]):
        keep, reached = np.zeros(len(starts), bool), -1
        for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist())):
            if start >= reached:
                keep[i], reached = True, end
        rows, starts, ends, labels = (part[keep] for part in (rows, starts, ends, labels))
    return Occurrences(rows, starts, ends, labels)
