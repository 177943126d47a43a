"""Kill only Snakemake, edit the config, run again: whose vectors does the file hold?

    python tests/benchmarks/killed_driver.py [--rounds 20] [--seed 0]

Each round starts an extraction of a tiny model in batches of one text, kills the driver at a random moment while its job
runs on, edits how vectors are pooled, and runs again. When both jobs have ended, every row and attribute of the file must
be those of the edited config, and nothing may lie beside it. Prints how often the old job was alive when the new run
began, and the files that were mixed or of the old config, which must be 0.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[2] / "scripts"), str(Path(__file__).parents[1])]

from orrery import store
from tools import WEEKDAYS, copy_workflow, make_model, write

TARGET = "results/activations/tiny/prompts/days.h5"
LOG = "results/logs/extract_activations/tiny/prompts/days.log"
POOLS = ("last", "mean", "max")


def config(model, pool, texts=60):
    """A set of prompts whose extraction takes a while, one text a batch."""
    templates = [f"{'so ' * (n % 9)}{n} times we met on {{label}}" for n in range(texts)]
    return {
        "run": {"models": ["tiny"], "samples": ["prompts/days"], "reducers": ["pca"], "figures": ["variance"]},
        "assets": {"tiny": {"path": str(model)}},
        "models": {
            "tiny": {"asset": "tiny", "depth": 3, "layers": [1], "pool": pool, "batch_tokens": 1, "device": "cpu"}
        },
        "concepts": {"days": {"topology": "circle", "labels": WEEKDAYS, "templates": templates}},
    }


def start(folder, model, pool):
    """A driver that makes the target, in a process group of its own."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--nolock", TARGET]
    command += ["--configfile", write(folder, config(model, pool))]
    with open(folder / "said", "w") as said:
        return subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, start_new_session=True)


def alive(group):
    """Whether any process of a group runs; the driver itself must have been waited for."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_job(folder, before, process):
    """Until the job has put its log in place."""
    log = folder / LOG
    while process.poll() is None and (not log.exists() or log.stat().st_ino == before):
        time.sleep(0.02)


def content(path):
    """pool, and all vectors of a file."""
    return store.read_attributes(path)["pool"], {name: store.read_layer(path, name) for name in store.layer_names(path)}


def same(found, expected):
    """Whether two contents are equal, to the last bit."""
    return found[0] == expected[0] and all(np.array_equal(found[1][name], expected[1][name]) for name in expected[1])


def rounds(n, folder, seed=0):
    """Counter of what became of n rounds: right, WRONG, and how many old jobs were alive when the new run began."""
    rng, counts = random.Random(seed), Counter()
    folder, model = copy_workflow(Path(folder, "workflow")), make_model(Path(folder, "model"))
    expected = {}
    for pool in POOLS:
        began = time.monotonic()
        if start(folder, model, pool).wait():
            raise RuntimeError((folder / "said").read_text()[-3000:])
        expected[pool] = content(folder / TARGET)
        duration = time.monotonic() - began
    for number in range(n):
        old, new = rng.sample(POOLS, 2)
        log = folder / LOG
        (folder / TARGET).unlink(missing_ok=True)
        first = start(folder, model, old)
        wait_for_job(folder, log.stat().st_ino, first)
        time.sleep(rng.uniform(0, 0.4) * duration)
        first.kill()  # the driver alone, if it has not ended
        first.wait()
        counts["old jobs alive"] += alive(first.pid)
        second = start(folder, model, new)
        code = second.wait()
        while alive(first.pid):
            time.sleep(0.05)
        left = [file.name for file in (folder / TARGET).parent.iterdir() if file.name != Path(TARGET).name]
        good = code == 0 and same(content(folder / TARGET), expected[new]) and not left
        counts["right" if good else "WRONG"] += 1
        print(f"round {number}: {old} then {new}, {'right' if good else 'WRONG'}", flush=True)
        if not good:
            print(f"exit code {code}, beside it {left}")
            print((folder / "said").read_text()[-1500:])
    return counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        counts = rounds(chosen.rounds, scratch, chosen.seed)
    print(", ".join(f"{name} {number}" for name, number in sorted(counts.items())))
    sys.exit(counts["WRONG"] > 0)
