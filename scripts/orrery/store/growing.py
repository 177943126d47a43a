"""Activations that are written row by row, and survive a kill."""

import hashlib
import json
import os
import time
from contextlib import nullcontext, suppress
from pathlib import Path

import numpy as np

from orrery.errors import OrreryError
from orrery.store.arrays import BITS, lay_out, spans_of
from orrery.store.files import (
    beside,
    left_beside,
    naming_what_does_not_fit,
    overtaken,
    place,
    refuse_overtaken,
)
from orrery.store.seal import digest, digest_of, outside, seal, write_at

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # not a Unix
    flock = None
SYNCED = 50  # times as long as a batch's way to the disk took, the next waits: 2 % of the time at most


class Growing:
    """An activations file that is written row by row and survives a kill: use it with `with`.

    It grows beside its place under a name that no other attempt has, with a journal of the batches that are in it and
    the digests of what was written, and is renamed when all are. The next attempt with the same `key` takes it over
    where nobody writes it any more, and goes on with the batches whose digests match; it removes those of other keys,
    so that an older job that still runs places nothing.

    Parameters
    ----------
    path : path
    widths : dict of str → int
        Layer → D.
    samples : dict of str → sequence of length N
    tokens : list of sequence of int
        What the model was given for each sample.
    attributes : dict
        What made the file. `stored_as` is the precision, float32, float16 or bfloat16, which is stored as its bits,
        uint16, and says so in an attribute of the dataset.
    key : list
        What else the numbers depend on.

    Raises
    ------
    OrreryError
        There is no room for the whole file, or a later job writes it.
    """

    def __init__(self, path, widths, samples, tokens, attributes, key):
        self._path, self.dtype = Path(path), attributes["stored_as"]
        self._widths = widths
        self._size = {name: width * np.dtype(BITS[self.dtype]).itemsize for name, width in widths.items()}
        self._n, self._waiting, self._pieces, self._next = len(tokens), [], [], 0
        self._path.parent.mkdir(parents=True, exist_ok=True)
        refuse_overtaken(self._path)
        self._part = beside(self._path)
        self._journal = self._part.with_suffix(".journal")
        key = _key([list(widths), attributes, key, *samples.items()], tokens)
        self.done = self._take_over(key)
        if self.done is None:
            self.done = set()
            with naming_what_does_not_fit(self._path, f"{sum(self._size.values()) * self._n / 1e9:.2g} GB of vectors"):
                self._begin(widths, samples, tokens, attributes, key)

    def _take_over(self, key):
        """The batches of an earlier attempt that are whole, its file now this one's; None where there is none."""
        done = None
        for part in left_beside(self._path):
            done = self._adopt(part, key) if done is None else done
        for old in [*left_beside(self._path), *left_beside(self._path, "journal")]:
            if old not in (self._part, self._journal):
                old.unlink(missing_ok=True)
        return done

    def _adopt(self, part, key):
        try:
            begun, *notes = _lines(part.with_suffix(".journal"))
            file = open(part, "r+b")  # noqa: SIM115
        except (FileNotFoundError, ValueError):
            return None
        if begun["key"] != key or not _lock(file) or digest_of(file.fileno(), begun["rest"]) != begun["digest"]:
            file.close()
            return None
        self._file, self._places = file, begun["places"]
        whole = [note for note in notes if all(self._digest(rows) == made for rows, made in note["pieces"])]
        with naming_what_does_not_fit(self._path):
            self._journal.write_text("".join(map(_line, [begun, *whole])), encoding="utf-8")
        try:
            os.replace(part, self._part)
        except FileNotFoundError:
            raise overtaken(self._path) from None
        print(f"{len(whole)} batches were there of a run before")
        if len(whole) < len(notes):
            print(f"{len(notes) - len(whole)} batches of it are damaged, and read again")
        return {note["batch"] for note in whole}

    def _digest(self, rows):
        """Of what the file holds of some rows in all layers, as `put` was given it."""
        spans = ((self._places[name] + row * size, size) for name, size in self._size.items() for row in rows)
        return digest_of(self._file.fileno(), spans)

    def _begin(self, widths, samples, tokens, attributes, key):
        try:
            self._places = lay_out(self._part, widths, self.dtype, samples, tokens, attributes)
            try:
                self._file = open(self._part, "r+b")  # noqa: SIM115
            except FileNotFoundError:
                raise overtaken(self._path) from None
            _lock(self._file)
            size = os.fstat(self._file.fileno()).st_size
            if hasattr(os, "posix_fallocate"):  # not on a Mac
                os.posix_fallocate(self._file.fileno(), 0, size)
            rest = outside(self._spans().values(), size)
            begun = {"key": key, "places": self._places, "rest": rest}
            begun["digest"] = digest_of(self._file.fileno(), rest)
            self._journal.write_text(_line(begun), encoding="utf-8")
        except BaseException:
            self._part.unlink(missing_ok=True)
            self._journal.unlink(missing_ok=True)
            raise

    def _spans(self):
        shapes = {name: (self._n, width) for name, width in self._widths.items()}
        return spans_of(self._places, shapes, self.dtype)

    def __enter__(self):
        self._notes = open(self._journal, "a", encoding="utf-8")
        return self

    def put(self, rows, vectors):
        """Write the vectors (name → array (len(rows), D)) of some samples."""
        vectors = {name: np.ascontiguousarray(vectors[name]) for name in self._size}
        with naming_what_does_not_fit(self._path):
            for name, values in vectors.items():
                start, size = self._places[name], self._size[name]
                for row, vector in zip(rows, values):
                    write_at(self._file.fileno(), vector, start + row * size)
        self._pieces.append([[int(row) for row in rows], digest(*vectors.values())])

    def finished(self, number):
        """Note that all of a batch is written; at once, or with those that follow where the disk is slow.

        Raises
        ------
        OrreryError
            A later job has taken the file over.
        """
        self._waiting.append({"batch": number, "pieces": self._pieces})
        self._pieces = []
        if not self._part.exists():
            raise overtaken(self._path)
        if time.monotonic() >= self._next:
            self._note()

    def _note(self):
        """The data first, so that the journal names nothing that a machine that stops would lose."""
        began = time.monotonic()
        with naming_what_does_not_fit(self._path):
            getattr(os, "fdatasync", os.fsync)(self._file.fileno())
            self._notes.write("".join(map(_line, self._waiting)))
            self._notes.flush()
        self._waiting, now = [], time.monotonic()
        self._next = now + SYNCED * (now - began)

    def __exit__(self, kind, *_):
        try:
            with nullcontext() if kind is None else suppress(OSError, OrreryError):
                self._note()
            if kind is None:
                with naming_what_does_not_fit(self._path):
                    seal(self._file, self._spans())
                    os.fsync(self._file.fileno())
                place(self._part, self._path)
        finally:
            self._file.close()
            self._notes.close()
            if not self._part.exists():
                self._journal.unlink(missing_ok=True)


def _lock(file):
    """Whether nobody else writes the file, as far as its file system can tell."""
    try:
        flock and flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some file systems of clusters have no locks
        return True
    return True


def _line(value):
    text = json.dumps(value)
    return f"{text}\t{digest(text.encode())}\n"


def _lines(journal):
    """What stands in a journal; a line that was cut or is damaged is left out, unless it is the first: ValueError."""
    lines = [line.rpartition(b"\t") for line in journal.read_bytes().split(b"\n")[:-1]]
    whole = [digest(text).encode() == check for text, _, check in lines]
    if not (whole and whole[0]):
        raise ValueError
    return [json.loads(text) for (text, _, _), good in zip(lines, whole) if good]


def _key(parts, tokens):
    """A digest of anything that JSON can hold, and of lists of integers."""
    made = hashlib.sha256()
    for part in parts:
        made.update(json.dumps(part, default=lambda value: value.tolist()).encode())
    for ids in tokens:
        made.update(np.asarray(ids, dtype=np.int32).tobytes() + b"/")
    return made.hexdigest()
