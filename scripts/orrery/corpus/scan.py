"""A scan: many files, several concepts, several processes; the same candidates whatever the number of each."""

import hashlib
import json
import multiprocessing
import os
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import numpy as np

from orrery import store
from orrery.corpus.matcher import Matcher, joined
from orrery.corpus.occurrences import (
    First,
    Spread,
    document_numbers,
    one_a_text,
    place_of,
    pool_size,
    priority_of,
    text_of,
)
from orrery.corpus.progress import Progress
from orrery.corpus.readers import format_of, parquet_facts, read_batches, valid_utf8
from orrery.corpus.selection import Selection, unusual
from orrery.errors import OrreryError

TAKERS = {"first": First, "spread": Spread}
UNIT_BYTES = 16 << 20
# Bytes of text that are looked at together: few at first, as a scan may end soon or a label be everywhere, then many
# where the best of all are drawn.
LOOKED_AT = {"first": 8 << 20, "spread": 64 << 20}


def scan(files, corpus, concept, concepts, pieces, workers=1, name="corpus", code=""):
    """Candidates of a concept in files, taken in order; those of others are found in the same reading and kept.

    Every file, or run of small files, is scanned on its own, and what it gave is kept as a piece, named after all that
    it depends on: a scan that was killed goes on at the file that was open. `discard` removes the pieces of a concept.
    Whoever scans holds the lock of `alone`: two jobs that look for the same concepts must not both read the corpus.

    Parameters
    ----------
    files : list of files.File
    corpus : dict
        The corpus's entry in the config: format and text.
    concept : str
        The one whose candidates are wanted.
    concepts : dict of str → dict
        All that are looked for: name → {"forms", "values", "options", "seed"}.
    pieces : path
        Folder for the pieces.
    workers : int
        Processes.
    name : str
        The corpus's name, for messages.
    code : str
        Version of the code; a piece of another is not used.

    Returns
    -------
    (list of dict, dict)
        Candidates in the order of preference, and the report.
    """
    job = {"corpus": {k: corpus[k] for k in ("format", "text")}, "concepts": concepts, "name": name}
    units = units_of(files)
    paths = [{c: Path(pieces, _piece_name(unit, c, job, code)) for c in concepts} for unit in units]
    merges = {c: Merge(spec) for c, spec in concepts.items()}
    Path(pieces).mkdir(parents=True, exist_ok=True)
    if there := sum(path.exists() for made in paths for path in made.values()):
        print(f"{name}: {there} pieces were there of a scan before")
    with Progress(name, units, concepts) as progress:
        for made in _scanned(units, paths, job, workers, progress):
            for c, merge in merges.items():
                if not merge.full:
                    merge.add(*read_candidates(made[c]))
            progress.merged(merges)
            if all(merge.full for merge in merges.values()):
                break
    merge, job = merges[concept], {**job, "concepts": {concept: concepts[concept]}}
    for file in files:
        _read_on(file, job, concept, merge)
    return merge.result()


def discard(files, corpus, concept, spec, pieces, code, shared):
    """Remove the pieces of a concept, once its samples are safe; `shared` where others look for it too."""
    job = {"corpus": {k: corpus[k] for k in ("format", "text")}, "concepts": {concept: spec}}
    with alone(files, pieces, shared):
        names = {_piece_name(unit, concept, job, code) for unit in units_of(files)}
        for name in names:
            Path(pieces, name).unlink(missing_ok=True)
        store.tidy(pieces, names)


def alone(files, pieces, shared):
    """A lock, where the reading is `shared`: while it is held nobody else scans these files for those concepts."""
    from filelock import FileLock

    if not (shared and files):
        return nullcontext()
    Path(pieces).mkdir(parents=True, exist_ok=True)
    return FileLock(Path(pieces, f".{hashlib.blake2b(files[0].name.encode(), digest_size=8).hexdigest()}.lock"))


def version_of(files, corpus, concept, spec, code):
    """A digest of all that the samples of a concept depend on."""
    job = {"corpus": {k: corpus[k] for k in ("format", "text")}, "concepts": {concept: spec}}
    return _piece_name(files, concept, job, code).removesuffix(".parquet")


def _piece_name(unit, concept, job, code):
    spec = json.dumps([concept, job["concepts"][concept], job["corpus"], code], sort_keys=True)
    text = "\0".join([spec, *(f"{file.name}\0{file.size}\0{file.version}" for file in unit)])
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest() + ".parquet"


def units_of(files):
    """Files as they are scanned: a large one alone, small ones together with their neighbours."""
    units, size = [], UNIT_BYTES
    for file in files:
        if size + file.size > UNIT_BYTES:
            units.append([])
            size = 0
        units[-1].append(file)
        size += file.size
    return units


class Merge:
    """What several files, or several parts of a corpus, gave of one concept, as if it were one scan."""

    def __init__(self, spec):
        self._options = spec["options"]
        self._selection = Selection(spec["forms"], self._options)
        self._pools = {label: [] for label in spec["forms"]}
        self._spread = self._options["sampling"] == "spread"
        self._found, self._dropped = Counter(dict.fromkeys(spec["forms"], 0)), Counter()
        self._documents = self._files = self._not_utf8 = 0
        self.left = {}  # name of a file → documents read, and label → place at which it was no longer looked for

    @property
    def full(self):
        """Whether nothing that follows can change the result."""
        return not self._spread and self._selection.full

    def add(self, candidates, report):
        """Take the candidates and the report of the next file or part."""
        if self.full:
            return
        self._found.update(report["found"])
        self._dropped.update(report["dropped"])
        self._documents += report["documents"]
        self._files += report["files"]
        self._not_utf8 += report.get("not_utf8", 0)
        self.left |= report.get("left", {})
        if not self._spread:
            for sample in candidates:
                self._selection.offer(sample)
            return
        for sample in candidates:
            self._pools[sample["label"]].append(sample)
        for pool in self._pools.values():
            pool.sort(key=priority_of)
            if one_a_text(self._options):
                of_text = {}
                for sample in pool:
                    of_text.setdefault(text_of(sample), sample)
                pool[:] = of_text.values()
            del pool[pool_size(self._options) :]

    def leave(self, file):
        """Note that a file was not looked at."""
        self.left[file.name] = {"documents": 0, "places": {label: [-1, -1] for label in self._pools}}

    def taker_of_the_rest(self, name, spec, file):
        """One who goes on in a file that was left for labels that lack samples after all, or None.

        A file is read without knowing what was taken of those before, so what repeats them fills its quota in vain.
        """
        places = self.left.get(file.name, {}).get("places", {})
        places = {label: place for label, place in places.items() if self._selection.wants(label)}
        return First(name, spec, file.name, self._selection, places) if places else None

    def read_on(self, taker):
        """Count what was found by one of `taker_of_the_rest`."""
        before = self.left[taker.file]["documents"]
        self._found.update(dict(zip(taker.labels, taker.found.tolist())))
        self._dropped.update(taker.dropped)
        self._documents += max(0, taker.documents - before)
        self._files += before == 0

    def counts(self):
        """label → candidates so far."""
        pools = self._pools if self._spread else self._selection.kept
        return {label: min(len(pool), self._options["per_label"]) for label, pool in pools.items()}

    def result(self):
        """(candidates in the order of preference, report)."""
        if self._spread:
            kept = sorted((s for pool in self._pools.values() for s in pool), key=priority_of)
            dropped = Counter(self._dropped)
            dropped["not drawn"] = sum(self._found.values()) - len(kept) - sum(
                n for reason, n in dropped.items() if reason != "not drawn"
            )  # fmt: skip
        else:
            kept = sorted((s for samples in self._selection.kept.values() for s in samples), key=place_of)
            dropped = self._dropped + self._selection.dropped
        return kept, {
            "files": self._files,
            "documents": self._documents,
            "found": dict(self._found),
            "dropped": dict(sorted((+dropped).items())),
            **({"not_utf8": self._not_utf8} if self._not_utf8 else {}),
        }


def select(candidates, report, spec):
    """Samples by label and place, of candidates in the order of preference, with the report completed.

    Returns
    -------
    (samples, report) : list of dict and dict
        `report` has files and documents read, found and kept per label, drops by reason, and the quota.
    """
    selection = Selection(spec["forms"], spec["options"])
    for sample in candidates:
        selection.offer(sample)
    samples = [s for label in spec["forms"] for s in sorted(selection.kept[label], key=place_of)]
    return samples, {
        **report,
        "kept": {label: len(kept) for label, kept in selection.kept.items()},
        "dropped": dict(sorted((Counter(report["dropped"]) + selection.dropped).items())),
        "quota": spec["options"]["per_label"],
        **unusual(samples),
    }


def identify(samples, files, corpus, name="corpus"):
    """Complete samples by what the corpus calls their documents, which Parquet files are asked for only here."""
    of_file = {}
    for sample in samples:
        of_file.setdefault(sample["file"], []).append(sample)
    for file in files:
        if file.name in of_file and format_of(file, corpus["format"], name) == "parquet":
            mine = sorted(of_file[file.name], key=place_of)
            for sample, facts in zip(mine, parquet_facts(file, [sample["row"] for sample in mine], name)):
                sample.update(facts)
    for sample in samples:
        sample["group"] = sample["document"] or f"{sample['file']}:{sample['row']}"


# ------------------------------------------------------------------------------------------- candidates on disk


def write_candidates(path, candidates, report, version=""):
    """Write candidates in their order, with the report and the version of what they were made from."""
    columns = store.sample_columns(candidates)
    columns["priority"] = np.array([sample.get("priority", 0) for sample in candidates], dtype=np.uint64)
    facts = {"kind": "candidates", "report": report, "version": version}
    store.write_table(path, columns, facts, clean=False)  # a folder of pieces is too full to be listed for each


def read_candidates(path):
    """(candidates, report) of a file of `write_candidates`."""
    columns, attributes = store.read_table(path, "candidates")
    values = [c if isinstance(c, list) else c.tolist() for c in columns.values()]
    return [dict(zip(columns, row)) for row in zip(*values)], attributes["report"]


# ------------------------------------------------------------------------------------------------- one unit


def scan_unit(files, job, note_batch=lambda *_: False):
    """concept → (candidates, report) of some files.

    `note_batch(bytes of text, bytes of the files read)` is called after each batch; where it returns True the scan is
    given up and None returned.
    """
    if len(files) == 1:
        return _scan_file(files[0], job, note_batch)
    merges, before = {name: Merge(spec) for name, spec in job["concepts"].items()}, 0
    for file in files:
        wanted = [name for name, merge in merges.items() if not merge.full]
        results = wanted and _scan_file(file, job, lambda text, read, before=before: note_batch(text, before + read))
        if results is None:
            return None
        for name, merge in merges.items():
            merge.add(*results[name]) if name in wanted else merge.leave(file)
        before += file.size
    of_each = {name: merge.result() for name, merge in merges.items()}
    return {name: (kept, report | {"left": merges[name].left}) for name, (kept, report) in of_each.items()}


def _scan_file(file, job, note_batch):
    takers = [TAKERS[spec["options"]["sampling"]](name, spec, file.name) for name, spec in job["concepts"].items()]
    return {t.name: t.result() for t in takers} if _read(file, job, takers, note_batch) else None


def _read_on(file, job, concept, merge):
    if taker := merge.taker_of_the_rest(concept, job["concepts"][concept], file):
        print(f"{job['name']}: {file.name!r} is read on, as much of what it gave was there before", flush=True)
        _read(file, job, [taker])
        merge.read_on(taker)


def _read(file, job, takers, note_batch=lambda *_: False):
    """Let takers of all concepts of a job see a file; whether it was not given up."""
    matcher = _matcher(json.dumps(job["concepts"]))
    numbers_of = partial(document_numbers, max(spec["seed"] for spec in job["concepts"].values()), file.name)
    at_once = max(LOOKED_AT[spec["options"]["sampling"]] for spec in job["concepts"].values())
    sieve = _Sieve(matcher, takers, numbers_of)
    batches = read_batches(file, **job["corpus"], corpus=job["name"])
    for batch, documents, size in _portions(batches, sieve, at_once):
        numbers = numbers_of(batch.rows)
        for taker, found in zip(takers, matcher.find(batch)):
            taker.take(batch, found, numbers, documents)
        sieve.adjust()
        if note_batch(size, batch.read):
            return False
        if all(taker.full for taker in takers):
            break
    return True


def _portions(batches, sieve, at_once):
    """What passes the sieve of so many bytes of text; documents read so far; bytes of text in this portion.

    What a batch of Parquet leaves behind is a copy of a few documents; another one may hold more than its text.
    """
    held, documents, size, enough = [], 0, 0, LOOKED_AT["first"]
    for batch in batches:
        held.append(sieve.some(batch))
        documents += len(batch.starts)
        size += len(batch.data)
        if size >= enough or batch.facts:
            yield _together(held), documents, size
            held, size, enough = [], 0, at_once
    if held:
        yield _together(held), documents, size


def _together(batches):
    """Batches as one of valid UTF-8; it is looked at once where it lies in one piece of memory."""
    if all(batch.separated for batch in batches):
        return valid_utf8(joined(batches))
    return joined([valid_utf8(batch) for batch in batches])


class _Sieve:
    """Spares a search for labels that have what they need. What it leaves out no taker would look at."""

    FEW = 0.25  # of the documents: a label that looks at fewer is not searched for in the others

    def __init__(self, matcher, takers, numbers_of):
        self._matcher, self._takers, self._numbers_of = matcher, takers, numbers_of
        self._portions, self._next = 0, 1
        self._open = [np.ones(len(taker.labels), bool) for taker in takers]

    def adjust(self):
        """Sort out again which labels are looked for everywhere, after another portion."""
        self._portions += 1
        if self._portions >= self._next:  # seldom, as Hyperscan must compile what is left
            self._next = 2 * self._portions
            self._open = [taker.limit >= self.FEW * 2.0**56 for taker in self._takers]

    def some(self, batch):
        """All documents while all labels are open, then those with an open one or that others want."""
        if all(wanted.all() for wanted in self._open):
            return batch
        batch = valid_utf8(batch) if self._matcher.needs_utf8 else batch
        most = max(taker.limit[~wanted].max(initial=0) for taker, wanted in zip(self._takers, self._open))
        passes = self._numbers_of(batch.rows) < most
        passes[self._matcher.rows_proposed(batch, self._open)] = True
        return batch.some(np.flatnonzero(passes))


_compiled = {}


def _matcher(concepts):
    if concepts not in _compiled:
        _compiled.clear()
        _compiled[concepts] = Matcher(
            {
                name: {"forms": spec["forms"], **{k: spec["options"][k] for k in ("case_sensitive", "whole_words")}}
                for name, spec in json.loads(concepts).items()
            }
        )
    return _compiled[concepts]


# ---------------------------------------------------------------------------------------------- many processes


def _scanned(units, paths, job, workers, progress):
    """Yield the paths of every unit's pieces, in order, when they are there; some units are scanned ahead."""
    _matcher(json.dumps(job["concepts"]))  # a wrong expression is found before a process is started
    tasks = list(zip(range(len(units)), units, paths))
    workers = min(workers, len(units))
    if workers <= 1:
        for task in tasks:
            _make_pieces(*task, job, progress.shared)
            yield task[2]
        return
    with _executor(workers, progress.shared) as executor:
        ahead = [executor.submit(_make_in_worker, *task, job) for task in tasks[:workers]]
        progress.start()
        for n, (_, unit, made) in enumerate(tasks):
            try:
                ahead.pop(0).result()
                ahead += [executor.submit(_make_in_worker, *task, job) for task in tasks[n + workers : n + workers + 1]]
            except BrokenProcessPool as error:
                raise OrreryError(
                    f"corpora.{job['name']}: a process died while it read {unit[0].name!r} or what comes after (out of "
                    "memory, perhaps); what was read is kept, run again to go on."
                ) from error
            yield made


@contextmanager
def _executor(workers, shared):
    executor = ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), _begin_worker, (shared, os.getpid()))
    try:
        yield executor
    finally:
        shared.stop.value = 1
        executor.shutdown(cancel_futures=True)


_shared = None


def _begin_worker(shared, parent):
    global _shared
    _shared = shared
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent):
    """End this process when its parent is gone, which a killed parent cannot ask for."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _make_in_worker(number, unit, paths, job):
    _make_pieces(number, unit, paths, job, _shared)


def _make_pieces(number, unit, paths, job, shared):
    missing = {c: spec for c, spec in job["concepts"].items() if not paths[c].exists()}
    if missing:
        results = scan_unit(unit, {**job, "concepts": missing}, lambda *seen: shared.note(number, *seen))
        if results is None:
            return
        for concept, result in results.items():
            write_candidates(paths[concept], *result)
    shared.finish(number, sum(file.size for file in unit))
