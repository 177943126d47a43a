"""What checksums and syncs cost: of loading a layer, a table and a projection, and of an extraction.

    python tests/benchmarks/checksums.py [results/assets/smollm2-135m] [--rounds 15] [--texts 60]

Each reading is timed beside that of h5py or pyarrow alone, in turn, in seconds of the processor, so that other programs
count little; the files are in the system's cache, where a checksum weighs most. Of an extraction the seconds inside the
digests, the seal and the syncs are compared with those of the whole.
"""

import argparse
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(Path(__file__).parent)]

from orrery import store
from orrery.store import growing, seal


def seconds(run):
    """Of the processor, in this process."""
    began = time.process_time()
    run()
    return time.process_time() - began


def compare(name, size, checked, plain, rounds):
    """Print a line: medians, and the median of the ratios of each round."""
    times = [(seconds(checked), seconds(plain)) for _ in range(rounds + 1)][1:]
    a, b = (statistics.median(column) for column in zip(*times))
    print(
        f"{name:46} {size / 1e6:6.0f} MB  {1e3 * a:7.1f} ms {1e3 * b:7.1f} ms  {100 * (a / b - 1):+5.1f} %", flush=True
    )


def loading(folder, rounds, rng):
    """Time the reading of files as large as those of a sweep."""
    samples = store.sample_columns([{"label": "a", "text": f"a text of some words, number {i}"} for i in range(5000)])
    layers = {f"{i:02d}": rng.standard_normal((5000, 576), dtype=np.float32) for i in range(12)}
    store.write_activations(folder / "a.h5", layers, samples, {"model": "m"})
    store.write_table(folder / "t.parquet", samples, {})
    store.write_projection(folder / "p.h5", {"coordinates": layers["00"][:, :50]}, samples, {})

    def checked(read):
        seal._checked.cache_clear()
        return read()

    def plain_layer(name):
        with h5py.File(folder / "a.h5") as file:
            data = file["layers"][name]
            return data.attrs.get("dtype"), data[:].astype(np.float32, copy=False)

    def plain_table():
        table = pq.read_table(folder / "t.parquet")
        return [
            c.to_pylist() if str(c.type) == "string" else c.to_numpy() for c in table.columns
        ], table.schema.metadata

    def plain_projection():
        with h5py.File(folder / "p.h5") as file:
            columns = [[s.decode() for s in d[:]] if d.dtype == object else d[:] for d in file["samples"].values()]
            return file["coordinates"][()], columns, dict(file.attrs)

    for name, file, ours, plain in (
        ("one layer of 12", "a.h5", lambda: store.read_layer(folder / "a.h5", "05"), lambda: plain_layer("05")),
        (
            "all 12 layers",
            "a.h5",
            lambda: [store.read_layer(folder / "a.h5", n) for n in layers],
            lambda: [*map(plain_layer, layers)],
        ),
        ("samples and attributes", "t.parquet", lambda: store.read_table(folder / "t.parquet"), plain_table),
        ("a projection of 50 columns", "p.h5", lambda: store.read_projection(folder / "p.h5"), plain_projection),
    ):
        compare(name, (folder / file).stat().st_size, partial(checked, ours), plain, rounds)


def extraction(model, texts, folder):
    """Time what an extraction of all layers spends on digests, the seal and syncs."""
    import extract
    from orrery import models, stack

    loaded = stack.find_stack(models.load(model, device="cpu"))
    encoded, spent = extract.news(loaded, texts), dict.fromkeys(("digest", "seal", "_note"), 0.0)

    def timed(owner, name):
        inner = getattr(owner, name)

        def outer(*arguments):
            began = time.perf_counter()
            try:
                return inner(*arguments)
            finally:
                spent[name] += time.perf_counter() - began

        setattr(owner, name, outer)

    for owner, name in ((growing, "digest"), (growing, "seal"), (growing.Growing, "_note")):
        timed(owner, name)
    began = time.perf_counter()
    extract.orrery(loaded, encoded, folder)
    whole, size = time.perf_counter() - began, (folder / "x.h5").stat().st_size / 1e6
    parts = ", ".join(f"{name.strip('_')} {100 * s / whole:.3f} %" for name, s in spent.items())
    print(f"extraction of {len(encoded.ids)} texts, {size:.0f} MB, {whole:.1f} s: {parts}")
    print(f"digest and seal of {size:.0f} MB: {1e6 * (spent['digest'] + spent['seal']) / size:.0f} ms a GB, sync apart")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model", nargs="?")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--texts", type=int, default=60)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        loading(Path(scratch), chosen.rounds, np.random.default_rng(0))
        if chosen.model:
            extraction(chosen.model, chosen.texts, Path(scratch))
