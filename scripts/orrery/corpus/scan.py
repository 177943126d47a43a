"""A scan: many files, several concepts, several processes; the same candidates whatever the number of each."""

import hashlib
import json
import multiprocessing
import shutil
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from orrery import store
from orrery.corpus.matcher import Matcher
from orrery.corpus.occurrences import First, Spread, place_of, pool_size, priority_of
from orrery.corpus.progress import Progress
from orrery.corpus.readers import read_batches, valid_utf8
from orrery.corpus.selection import Selection
from orrery.errors import OrreryError

TAKERS = {"first": First, "spread": Spread}


def scan(files, corpus, concepts, pieces, workers=1, name="corpus", code=""):
    """Candidates of every concept in files, taken in order.

    Every file is scanned on its own, and what it gave is kept as a piece until the scan is whole: a scan that was
    killed goes on at the file that was open. Pieces are merged in the order of the files.

    Parameters
    ----------
    files : list of files.File
    corpus : dict
        The corpus's entry in the config: format and text.
    concepts : dict of str → dict
        Name → {"forms", "values", "options", "seed"}.
    pieces : path
        Folder for the pieces; removed when the scan is done.
    workers : int
        Processes.
    name : str
        The corpus's name, for messages.
    code : str
        Version of the code; a piece of another is not used.

    Returns
    -------
    dict of str → (list of dict, dict)
        Concept → candidates in the order of preference, and the report.
    """
    merges = {concept: Merge(spec) for concept, spec in concepts.items()}
    job = {"corpus": {k: corpus[k] for k in ("format", "text")}, "concepts": concepts, "name": name}
    key = hashlib.blake2b(json.dumps([job, code], sort_keys=True).encode(), digest_size=8).hexdigest()
    paths = [Path(pieces, f"{n:06d}-{_file_key(file, key)}.parquet") for n, file in enumerate(files)]
    with Progress(name, files, concepts) as progress:
        for path in _scanned(files, paths, job, workers, progress):
            table = read_candidates(path)
            for concept, merge in merges.items():
                merge.add(*table[concept])
            progress.merged(merges)
            if all(merge.full for merge in merges.values()):
                break
    shutil.rmtree(pieces, ignore_errors=True)
    return {concept: merge.result() for concept, merge in merges.items()}


def _file_key(file, key):
    return hashlib.blake2b(f"{file.name}\0{file.size}\0{file.version}\0{key}".encode(), digest_size=8).hexdigest()


class Merge:
    """What several files, or several parts of a corpus, gave of one concept, as if it were one scan."""

    def __init__(self, spec):
        self._options = spec["options"]
        self._selection = Selection(spec["forms"], self._options)
        self._pools = {label: [] for label in spec["forms"]}
        self._spread = self._options["sampling"] == "spread"
        self._found, self._dropped = Counter(dict.fromkeys(spec["forms"], 0)), Counter()
        self._documents = self._files = 0

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
        self._files += report.get("files", 1)
        if not self._spread:
            for sample in candidates:
                self._selection.offer(sample)
            return
        for sample in candidates:
            self._pools[sample["label"]].append(sample)
        for pool in self._pools.values():
            pool.sort(key=priority_of)
            del pool[pool_size(self._options) :]

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
    }


# ------------------------------------------------------------------------------------------- candidates on disk


def write_candidates(path, results):
    """Write concept → (candidates, report) as one table."""
    rows = [{**sample, "concept": concept} for concept, (samples, _) in results.items() for sample in samples]
    columns = store.sample_columns(rows)
    columns["concept"] = [row["concept"] for row in rows]
    columns["priority"] = np.array([row.get("priority", 0) for row in rows], dtype=np.uint64)
    store.write_table(path, columns, {"reports": {concept: report for concept, (_, report) in results.items()}})


def read_candidates(path):
    """concept → (candidates, report) of a file of `write_candidates`."""
    columns, attributes = store.read_table(path)
    results = {concept: ([], report) for concept, report in attributes["reports"].items()}
    for values in zip(*(c if isinstance(c, list) else c.tolist() for c in columns.values())):
        row = dict(zip(columns, values))
        results[row["concept"]][0].append(row)
    return results


# ------------------------------------------------------------------------------------------------- one file


def scan_file(file, job, report_batch=lambda *_: None):
    """concept → (candidates, report) of one file.

    `report_batch(bytes of text, bytes of the file read, takers)` is called after each batch; if it returns True the
    scan is given up and None returned.
    """
    matcher = _matcher(json.dumps(job["concepts"]))
    takers = [
        TAKERS[spec["options"]["sampling"]](concept, spec, file.name)
        for concept, spec in job["concepts"].items()
    ]
    for batch in read_batches(file, **job["corpus"], corpus=job["name"], separated=matcher.separated):
        batch = valid_utf8(batch) if matcher.reads_utf8 else batch
        for taker, found in zip(takers, matcher.find(batch)):
            taker.take(batch, found)
        if report_batch(len(batch.data), batch.read, takers):
            return None
        if all(taker.full for taker in takers):
            break
    return {taker.name: taker.result() for taker in takers}


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


def _scanned(files, paths, job, workers, progress):
    """Yield the path of every file's piece, in order, each when it is there; some are scanned ahead."""
    _matcher(json.dumps(job["concepts"]))  # a wrong expression is found before a process is started
    if min(workers, len(files)) <= 1:
        for number, (file, path) in enumerate(zip(files, paths)):
            _make_piece(number, file, path, job, progress.shared)
            yield path
        return
    with _executor(min(workers, len(files)), progress.shared) as executor:
        ahead = [executor.submit(_make_piece_in_worker, *task, job) for task in _tasks(files, paths)[:workers]]
        waiting = iter(_tasks(files, paths)[workers:])
        progress.start()
        for file, path in zip(files, paths):
            try:
                ahead.pop(0).result()
            except BrokenProcessPool as error:
                raise OrreryError(
                    f"corpora.{job['name']}: a process died while it read {file.name!r} or a file after it (out of memory, "
                    "perhaps); what was read is kept, run again to go on."
                ) from error
            ahead += [executor.submit(_make_piece_in_worker, *task, job) for task in [next(waiting, None)] if task]
            yield path


def _tasks(files, paths):
    return [(number, file, path) for number, (file, path) in enumerate(zip(files, paths))]


@contextmanager
def _executor(workers, shared):
    executor = ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), _remember_shared, (shared,))
    try:
        yield executor
    finally:
        shared.stop.value = 1
        executor.shutdown(cancel_futures=True)


_shared = None


def _remember_shared(shared):
    global _shared
    _shared = shared


def _make_piece_in_worker(number, file, path, job):
    _make_piece(number, file, path, job, _shared)


def _make_piece(number, file, path, job, shared):
    if path.exists():
        shared.finish(number, file.size)
        return
    results = scan_file(file, job, lambda *seen: shared.note(number, *seen))
    if results is not None:
        write_candidates(path, results)
        shared.finish(number, file.size)
