"""Where a job's words go: everything into its log, one sentence of an error and the progress bar to the terminal."""

import os
import secrets
import stat
import sys
import traceback
from contextlib import suppress

from orrery.errors import OrreryError

terminal = sys.stderr
_log = None  # path and identity of the log of this process


def log_to(path):
    """Send stdout and stderr of this process to the file `path` and errors there with their traceback.

    Call it before heavy imports, so that their failures are caught too. The log is a new file in the place of the last
    one, by which a job that outlives its Snakemake sees that another has begun: `replaced`.
    """
    global terminal, _log
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    terminal = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="replace")
    log = _create(path)
    _log = path, _identity(log)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout.reconfigure(line_buffering=True)  # what a job that is killed had said stands in its log
    sys.excepthook = lambda kind, error, trace: _report(kind, error, trace, path)


def replaced():
    """Whether a later job has put its log in the place of this one's: it is of the same rule and place."""
    if _log is None:
        return False
    try:
        now = os.open(_log[0], os.O_RDONLY)  # a network file system looks again when a file is opened
    except OSError:
        return False
    try:
        return _identity(now) != _log[1]
    finally:
        os.close(now)


def _create(path):
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        return os.open(path, os.O_WRONLY)
    new = f"{path}.{secrets.token_hex(4)}"
    log = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.replace(new, path)
    return log


def _identity(descriptor):
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def note(sentence):
    """Say something on the terminal that a user should know, and in the log."""
    print(sentence)
    print(f"orrery: {sentence}", file=terminal, flush=True)


def progress(total, unit, desc):
    """A tqdm bar on the terminal, quiet where the terminal is a file."""
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, desc=desc, file=terminal, disable=not terminal.isatty(), leave=False)


def _report(kind, error, trace, path):
    with suppress(OSError):  # the log's own disk may be full
        traceback.print_exception(kind, error, trace)
    if isinstance(error, OrreryError):
        sentence = str(error)
    elif isinstance(error, OSError) and error.errno == 28:
        sentence = f"The disk is full: {error.filename or path} could not be written. Free some space and run again."
    else:
        first = (str(error).strip().splitlines() or [""])[0]
        sentence = f"{kind.__name__}: {first} (unexpected; the traceback is in {path})"
    print(f"orrery: {sentence}", file=terminal, flush=True)
