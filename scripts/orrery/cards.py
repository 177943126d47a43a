"""Which of several cards a job reads with: Snakemake counts cards, but gives none away."""

import tempfile
from functools import cache
from pathlib import Path

import torch


@cache
def own_card(folder=None):
    """The number of the first card that no other job of this machine has taken; it is kept until the process ends.

    A scheduler such as Slurm shows a job only its own cards, and then those are the ones to choose from. Where all are
    taken it is the first: the profile's `resources: gpu` says how many jobs may run.

    Parameters
    ----------
    folder : path
        Where the locks are, by default the folder of temporary files; one lock a card, named by its UUID.
    """
    from filelock import FileLock, Timeout

    for card in range(torch.cuda.device_count()):
        name = getattr(torch.cuda.get_device_properties(card), "uuid", card)
        lock = FileLock(Path(folder or tempfile.gettempdir(), f"orrery-card-{name}.lock"), mode=0o666)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):  # or a lock that another user made
            continue
        _held.append(lock)
        return card
    return 0


_held = []  # a lock that nobody holds on to is released
