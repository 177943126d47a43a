"""Where a job's words go: everything into its log, one sentence of an error and the progress bar to the terminal."""

import os
import sys
import traceback

from orrery.errors import OrreryError

terminal = sys.stderr


def log_to(path):
    """Send stdout and stderr of this process to the file `path` and errors there with their traceback.

    Call it before heavy imports, so that their failures are caught too.
    """
    global terminal
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    terminal = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="replace")
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout.reconfigure(line_buffering=True)  # what a job that is killed had said stands in its log
    sys.excepthook = lambda kind, error, trace: _report(kind, error, trace, path)


def note(sentence):
    """Say something on the terminal that a user should know, and in the log."""
    print(sentence)
    print(f"orrery: {sentence}", file=terminal, flush=True)


def progress(total, unit, desc):
    """A tqdm bar on the terminal, quiet where the terminal is a file."""
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, desc=desc, file=terminal, disable=not terminal.isatty(), leave=False)


def _report(kind, error, trace, path):
    traceback.print_exception(kind, error, trace)
    if isinstance(error, OrreryError):
        sentence = str(error)
    elif isinstance(error, OSError) and error.errno == 28:
        sentence = f"The disk is full: {error.filename or path} could not be written. Free some space and run again."
    else:
        first = (str(error).strip().splitlines() or [""])[0]
        sentence = f"{kind.__name__}: {first} (unexpected; the traceback is in {path})"
    print(f"orrery: {sentence}", file=terminal, flush=True)
