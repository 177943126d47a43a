"""Checksums of files: every byte counts, and is checked before HDF5 or Parquet interpret any of it.

Digests are XXH3 in 64 bits, as 16 hexadecimal digits. A sealed file ends with a table of them, as JSON, and a tail:
digest and length of the table and `MAGIC`. What stands before is untouched, and HDF5 ignores what follows its own end.
"""

import json
import os
from functools import lru_cache

import xxhash

from orrery.errors import OrreryError
from orrery.store.files import FORMAT, require

CHUNK = 1 << 19  # bytes that stay in a core's cache from their reading to their digest
MAGIC = b"\nORRERY\n"
TAIL = 16 + 8 + len(MAGIC)


def damaged(path, why):
    """The error of a file that is not as it was written."""
    return OrreryError(f"{path} is damaged ({why}); delete it and run again.")


def digest(*parts):
    """Of bytes or contiguous arrays, one after the other."""
    made = xxhash.xxh3_64()
    for part in parts:
        made.update(part)
    return made.hexdigest()


def bytes_of(data):
    """The bytes of a contiguous array or of bytes, as a view."""
    view = memoryview(data)
    return view.cast("B") if view.nbytes else memoryview(b"")


def write_at(descriptor, data, start):
    """Write all bytes of an array or bytes at a place; the system may take fewer at once."""
    data = bytes_of(data)
    while len(data):
        written = os.pwrite(descriptor, data, start)
        data, start = data[written:], start + written


def digest_of(descriptor, spans):
    """Of some spans (start, length) of an open file; what is not there does not count."""
    made, buffer = xxhash.xxh3_64(), memoryview(bytearray(CHUNK))
    for start, length in spans:
        for place in range(start, start + length, CHUNK):
            piece = buffer[: min(CHUNK, start + length - place)]
            made.update(piece[: os.preadv(descriptor, [piece], place)])
    return made.hexdigest()


def read_into(descriptor, array, start):
    """Fill a contiguous array from an open file; the digest of what was read."""
    made, data = xxhash.xxh3_64(), bytes_of(array)
    for place in range(0, len(data), CHUNK):
        piece = data[place : place + CHUNK]
        made.update(piece[: os.preadv(descriptor, [piece], start + place)])
    return made.hexdigest()


def outside(spans, size):
    """The spans of a file that are between others: list of (start, length)."""
    found, end = [], 0
    for start, length in [*sorted(tuple(s[:2]) for s in spans if s[1]), (size, 0)]:
        found.append((end, start - end))
        end = start + length
    return found


def seal(file, spans):
    """Append the digests of a file that is open for reading and writing.

    Parameters
    ----------
    file : binary file
    spans : dict of str → (int, int, …)
        Start and length of what is checked apart, when it is read, and what a reader must know of it; all the rest has
        one digest.
    """
    descriptor, size = file.fileno(), file.seek(0, os.SEEK_END)
    table = {
        "format": FORMAT,
        "size": size,
        "rest": digest_of(descriptor, outside(spans.values(), size)),
        "spans": {name: [digest_of(descriptor, [span[:2]]), *span] for name, span in spans.items()},
    }
    text = json.dumps(table).encode()
    write_at(descriptor, text + digest(text).encode() + b"%08x" % len(text) + MAGIC, size)


def check(path):
    """Check all of a sealed file but its spans.

    Returns
    -------
    dict of str → [digest, start, length, …]
        The spans, which `read_into` checks.

    Raises
    ------
    OrreryError
        The file is damaged, cut short, empty, of another format, or was never sealed.
    """
    return _checked(os.fspath(path), *identity(path))


def identity(path):
    """What is another where a file is: device, inode, size and time."""
    now = os.stat(path)
    return now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns


@lru_cache(64)  # a file is opened once a layer
def _checked(path, *_):
    with open(path, "rb") as file:
        table = _table(path, file.fileno(), os.fstat(file.fileno()).st_size)
        spans = table["spans"]
        rest = outside([span[1:3] for span in spans.values()], table["size"])
        if digest_of(file.fileno(), rest) != table["rest"]:
            raise damaged(path, "a checksum does not match")
        require(path, table)
    return spans


def _table(path, descriptor, size):
    if size == 0:
        raise damaged(path, "it is empty")
    tail = os.pread(descriptor, TAIL, max(0, size - TAIL))
    if not tail.endswith(MAGIC):
        raise damaged(path, "its end is missing, or it was written by something else")
    try:
        start = size - TAIL - int(tail[16:24], 16)
        text = os.pread(descriptor, size - TAIL - start, max(0, start))
    except ValueError:
        text = b""
    if digest(text).encode() != tail[:16] or (table := json.loads(text))["size"] != start:
        raise damaged(path, "the table of its checksums does not match")
    return table
