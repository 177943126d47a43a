"""Files that are whole or not there: each is written beside its place and renamed when it is whole.

A job may outlive its Snakemake and end after a later one of the same rule and place. Every attempt therefore writes
under a name of its own, the latest removes what the others left, and one that was overtaken places nothing.
"""

import errno
import os
import re
import secrets
from contextlib import contextmanager
from pathlib import Path

from orrery import logs
from orrery.errors import OrreryError

FORMAT = 4
ORIGIN = ("model", "source", "concept", "asset", "samples_from", "weights", "weights_sha256", "adapter", "pool", "over",
          "dtype", "versions")  # fmt: skip
PARTS = re.compile(r"\.(.+)\.[0-9a-f]{8}\.(part|journal)")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def beside(path, ending="part"):
    """A hidden name beside `path` that no other attempt has, on whatever machine it runs."""
    path = Path(path)
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{ending}")


def left_beside(path, ending="part"):
    """What other attempts at writing `path` left, or are writing."""
    return _left_in(Path(path).parent, {Path(path).name}, ending)


def tidy(folder, names):
    """Remove what killed attempts at writing some files of a folder left."""
    for part in _left_in(folder, names, "part"):
        part.unlink(missing_ok=True)


def _left_in(folder, names, ending):
    found = ((file, PARTS.fullmatch(file.name)) for file in Path(folder).iterdir())
    return sorted(file for file, part in found if part and part[1] in names and part[2] == ending)


@contextmanager
def atomic(path, clean=True):
    """Yield a temporary path beside `path`; rename it to `path` if the block ends well, remove it if not.

    What earlier attempts left there is removed; not where `clean` is false, for folders that are too full to be listed.

    Raises
    ------
    OrreryError
        The disk is full, or a later job writes the same file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = beside(path)
    refuse_overtaken(path)
    if clean:
        tidy(path.parent, {path.name})
    try:
        with naming_what_does_not_fit(path):
            yield part
        place(part, path)
    finally:
        part.unlink(missing_ok=True)


def place(part, path):
    """Rename a whole file to `path`.

    Raises
    ------
    OrreryError
        A later job writes the same file.
    """
    refuse_overtaken(path)
    try:
        os.replace(part, path)
    except FileNotFoundError:
        raise overtaken(path) from None


def refuse_overtaken(path):
    """Raise OrreryError where a later job of the same rule and place has begun."""
    if logs.replaced():
        raise overtaken(path)


def overtaken(path):
    """The error of a job that a later one has overtaken."""
    return OrreryError(f"{path}: a later run writes this file; what this one read is dropped.")


@contextmanager
def naming_what_does_not_fit(path, what=""):
    """Say which file a full disk concerns, and where it is known `what` needs the room.

    Raises
    ------
    OrreryError
        The disk, a quota or a limit of the process is full.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # HDF5 raises RuntimeError where it closes a file
        why = _full(error)
        if why is None:
            raise
        what = what or "this file"
        raise OrreryError(f"{path}: the disk has no room for {what} ({why}); make some and run again.") from error


def _full(error):
    codes = [code for code in FULL if getattr(error, "errno", None) == code or os.strerror(code) in str(error)]
    return os.strerror(codes[0]) if codes else None


def origin_of(attributes):
    """What every later file repeats of the attributes of the one that it was made from: which model read which set."""
    return {key: attributes[key] for key in ORIGIN if key in attributes}


def require(path, attributes, *kinds):
    """Refuse a file of another format, or of none of the kinds that are asked for.

    Raises
    ------
    OrreryError
        It is.
    """
    if (found := attributes.get("format")) != FORMAT:
        raise OrreryError(f"{path} has the format {found}, not {FORMAT}; delete it and run again.")
    if kinds and (found := attributes.get("kind")) not in kinds:
        raise OrreryError(f"{path} holds {found}, not {' or '.join(kinds)}; delete it and run again.")
