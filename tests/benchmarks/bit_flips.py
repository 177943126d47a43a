"""What single flipped bits, cuts and emptied files do to every kind of result file.

    python tests/benchmarks/bit_flips.py [--flips 300] [--seed 0]

Makes one file of each kind, flips one random bit at a time in copies of them in turn, and reads the copy as the stages do.
Each reading runs in a process that can be timed out. Prints a line a kind: flips that were named in a sentence, that
changed nothing that is read, that changed something in silence, tracebacks, hangs. The last three must be 0.
"""

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import numpy as np
from orrery import catalogue, headline, store
from orrery.corpus import scan
from orrery.errors import OrreryError

LIMIT = 20  # seconds a reading may take
NAMED, SAME, SILENT, TRACEBACK, HANG = "named", "the same", "SILENT", "TRACEBACK", "HANG"
ABOUT = {"model": "m", "source": "prompts", "concept": "days", "asset": {"asset": "a"}, "seed": 0}


def samples(n):
    """Samples with texts of all kinds."""
    rows = [
        {"label": f"día {i % 7}", "value": float(i % 7), "text": f"See 猫 {i} on day {i % 7}", "row": i}
        for i in range(n)
    ]
    return store.sample_columns(rows)


def make(folder, seed=0):
    """Write a file of each kind; name → path."""
    rng, folder = np.random.default_rng(seed), Path(folder)
    columns = samples(60)
    layers = {name: rng.standard_normal((60, 24)).astype(np.float32) for name in ("embed", "00", "01")}
    arrays = {"coordinates": rng.standard_normal((60, 3)), "explained_variance_ratio": rng.random(3)}
    paths = {
        name: folder / f"{name}.h5" for name in ("vocabulary", "projection", "neighbours", "analysis", "similarity")
    }
    store.write_activations(paths["vocabulary"], layers, columns, ABOUT)
    for kind in ("projection", "neighbours", "analysis", "similarity"):
        rows = {} if kind == "neighbours" else columns
        store.write_projection(paths[kind], arrays, rows, {**ABOUT, "kind": kind, "layer": "00"})
    paths["activations"] = grow(folder / "activations.h5", layers, columns)
    facts = {**ABOUT, "report": {"kept": {"día 0": 9}, "found": {"día 0": 9}}}
    paths |= {name: folder / f"{name}.parquet" for name in ("samples", "metrics", "candidates")}
    store.write_table(paths["samples"], columns, {**facts, "kind": "samples"})
    numbers = {"layer": ["00"] * 40, "value": rng.random(40), "p": rng.random(40), "n": np.arange(40)}
    store.write_table(paths["metrics"], numbers, {**facts, "kind": "metrics"})
    scan.write_candidates(paths["candidates"], [{"label": "a", "text": f"a {i}", "priority": i} for i in range(40)], {})
    paths |= {name: folder / f"{name}.csv" for name in ("headline", "fitness")} | {"asset": folder / "asset.json"}
    words = {name: 'words, "quoted"' for name in headline.WORDS}
    rows = [{**words, **{name: float(x) for name, x in zip(headline.NUMBERS, rng.random(12))}} for _ in range(9)]
    headline.write(rows, paths["headline"])
    catalogue.write([{**dict.fromkeys(catalogue.COLUMNS, i), "concept": "days", "verdict": "fits"} for i in range(9)],
                    paths["fitness"])  # fmt: skip
    store.write_facts(
        paths["asset"], {"asset": "a", "listing": [["a.txt", 12, "v"], ["b.txt", 13, "v"]], "licence": "é"}
    )
    return paths


def grow(path, layers, columns):
    """An activations file as an extraction writes it, in bfloat16 and with tokens."""
    bits = {name: (values.view(np.uint32) >> 16).astype(np.uint16) for name, values in layers.items()}
    widths, tokens = {name: values.shape[1] for name, values in bits.items()}, [[1, 2, i] for i in range(60)]
    columns = {**columns, "token_first": [1] * 60}
    with store.Growing(path, widths, columns, tokens, {**ABOUT, "stored_as": "bfloat16"}, []) as file:
        for batch in range(6):
            rows = list(range(batch, 60, 6))
            file.put(rows, {name: values[rows] for name, values in bits.items()})
            file.finished(batch)
    return path


def read(path):
    """All that the stages read of a file, as bytes that can be compared."""
    kind = path.stem
    if path.suffix == ".h5":
        if kind in ("activations", "vocabulary"):
            made = [(name, store.read_layer(path, name)) for name in store.layer_names(path)]
            made += [store.read_samples(path), store.read_token_ids(path), store.read_attributes(path)]
        else:
            made = store.read_projection(path, kind)
    elif kind == "candidates":
        made = scan.read_candidates(path)
    elif path.suffix == ".parquet":
        made = store.read_table(path, kind), store.table_attributes(path, kind)
    else:
        made = {"headline": headline.read, "fitness": catalogue.read, "asset": store.read_facts}[kind](path)
    return json.dumps(made, default=lambda value: [str(value.dtype), value.shape, value.tobytes().hex()])


def answer(pipe):
    """Read what is asked for until told to stop: a worker's loop."""
    while path := pipe.recv():
        try:
            pipe.send((True, read(path)))
        except OrreryError as error:
            pipe.send((False, str(error)))
        except BaseException as error:
            pipe.send((None, repr(error)))


class Reader:
    """Reads files in another process; one that hangs or dies is replaced."""

    def __init__(self):
        self._start()

    def _start(self):
        context = multiprocessing.get_context("fork")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=answer, args=(other,), daemon=True)
        self._process.start()
        other.close()

    def read(self, path):
        """(True, content), (False, sentence), (None, traceback), or (None, "hang")."""
        self._pipe.send(path)
        try:
            if self._pipe.poll(LIMIT):
                return self._pipe.recv()
            made = None, HANG
        except EOFError:
            made = None, "the process died"
        self._process.kill()
        self._process.join()
        self._start()
        return made

    def close(self):
        """End the process."""
        self._pipe.send(None)
        self._process.join()


def judge(reader, path, data, whole, scratch):
    """What becomes of a file with other bytes, and what was said."""
    copy = Path(scratch, path.name)
    copy.unlink(missing_ok=True)
    copy.write_bytes(data)
    good, said = reader.read(copy)
    if good is None:
        return (HANG if said == HANG else TRACEBACK), said
    if good:
        return (SAME if said == whole else SILENT), ""
    return (NAMED if str(copy) in said and "\n" not in said and "run again" in said else TRACEBACK), said


def flip(data, rng):
    """The bytes with one random bit flipped."""
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]


def trials(flips, seed=0):
    """kind → Counter of outcomes of its share of the flips, and of cuts and of an empty file."""
    rng, found = random.Random(seed), {}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as scratch:
        paths, reader = make(folder, seed), Reader()
        for number in range(flips):
            kind, path = list(paths.items())[number % len(paths)]
            data = path.read_bytes()
            whole = reader.read(path)[1]
            outcome, said = judge(reader, path, flip(data, rng), whole, scratch)
            found.setdefault(kind, Counter())[outcome] += 1
            if outcome not in (NAMED, SAME):
                print(kind, outcome, said)
        for kind, path in paths.items():
            data = path.read_bytes()
            for size in (0, 1, 40, len(data) // 2, len(data) - 1):
                outcome, said = judge(reader, path, data[:size], None, scratch)
                found[kind][f"cut: {outcome}"] += 1
                if outcome != NAMED:
                    print(kind, "cut to", size, outcome, said)
        reader.close()
    return found


def bad(found):
    """How many trials ended in silence, a traceback or a hang; a cut file must be named."""
    fine = {NAMED, SAME, f"cut: {NAMED}"}
    return sum(n for counts in found.values() for outcome, n in counts.items() if outcome not in fine)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--flips", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    found = trials(chosen.flips, chosen.seed)
    for kind, counts in found.items():
        print(f"{kind:12}", ", ".join(f"{outcome} {n}" for outcome, n in sorted(counts.items())))
    print(f"{sum(map(Counter.total, found.values()))} trials, {bad(found)} silent changes, tracebacks or hangs")
    sys.exit(bad(found) > 0)
