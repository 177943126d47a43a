"""An extraction that is killed goes on, and what it makes in the end is the same to the last bit."""

import multiprocessing
import os
import random
import runpy
import signal
import time
from types import SimpleNamespace

from orrery import store
from orrery.samples import expand_templates
from snakemake.iocontainers import Wildcards
from tools import ROOT, WEEKDAYS, make_model

KILLS = 25


def extract(folder, model):
    """Run the script of the rule, as Snakemake would."""
    reading = {
        "model": {"dtype": "float32", "weights": "trained", "seed": 0, "quantization": "none", "trust_remote_code": False,
                  "allow_pickle": False},
        "blocks": None, "tokens": {"over": "span", "context_tokens": None, "short": "drop", "bos": "auto"}, "pool": "mean",
        "sites": ["resid_post", "mlp_out"], "store": "all", "store_dtype": "float32",
    }  # fmt: skip
    job = SimpleNamespace(
        input=SimpleNamespace(model=str(model), samples=f"{folder}/samples.parquet"),
        output=SimpleNamespace(activations=f"{folder}/out/activations.h5"),
        params=SimpleNamespace(reading=reading, code="1", machine={"device": "cpu", "batch_tokens": 1}),
        wildcards=Wildcards(fromdict={"model": "tiny", "source": "prompts", "concept": "weekdays"}),
        log=[f"{folder}/log"], threads=1,
    )  # fmt: skip
    runpy.run_path(str(ROOT / "scripts/extract_activations.py"), init_globals={"snakemake": job})


def test_killed_at_random_moments(tmp_path):
    model = make_model(tmp_path / "model")
    (model / "asset.json").write_text('{"asset": "tiny"}')
    templates = [(str(n), f"{'so ' * (n % 7)}we met on {{label}}") for n in range(60)]
    samples = expand_templates(templates, {day: float(i) for i, day in enumerate(WEEKDAYS)})
    store.write_table(tmp_path / "samples.parquet", store.sample_columns(samples), {"kind": "samples"})
    made = tmp_path / "out/activations.h5"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["h5py", "pyarrow.parquet", "transformers.models.gpt2.modeling_gpt2"])

    def noted():
        """Batches that are written, whichever run wrote them."""
        return max((file.read_text().count("\n") - 1 for file in left("journal")), default=0)

    def left(ending):
        return list(made.parent.glob(f".{made.name}.*.{ending}"))

    def start():
        process = context.Process(target=extract, args=(tmp_path, model))
        process.start()
        return process

    process = start()
    process.join()
    assert process.exitcode == 0, (tmp_path / "log").read_text()
    whole = made.read_bytes()
    began = time.monotonic()
    made.unlink()
    start().join()
    duration = time.monotonic() - began
    assert made.read_bytes() == whole
    made.unlink()
    rng, killed, in_the_middle, resumed = random.Random(0), 0, 0, 0
    while killed < KILLS:
        before = noted()
        process = start()
        while killed % 2 and process.exitcode is None and noted() <= before:
            time.sleep(0.01)
        process.join(rng.uniform(0, 0.4) * duration)  # from the start, or from when this run has written a batch
        resumed += "were there of a run before" in (tmp_path / "log").read_text()
        if process.exitcode is None:
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            killed += 1
            in_the_middle += bool(left("part"))
            if made.exists():  # it ended well and was killed before it was gone
                assert made.read_bytes() == whole
                made.unlink()
        else:
            assert process.exitcode == 0 and made.read_bytes() == whole
            made.unlink()
    process = start()
    process.join()
    assert made.read_bytes() == whole and sorted(f.name for f in made.parent.iterdir()) == ["activations.h5"]
    assert in_the_middle >= 10 and resumed >= 5
