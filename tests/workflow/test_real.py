"""The real models and texts: what they are known to show, from fetching to the browser."""

import shutil
import subprocess

import numpy as np
import pytest
from orrery import store
from tools import copy_workflow, snakemake, write

REAL = {
    "run": {
        "models": ["smollm2-135m", "minilm"],
        "samples": ["prompts/weekdays", "vocabulary/integers"],
        "reducers": ["pca", "pca-within", "umap"],
        "figures": ["scatter-3d", "scatter-2d", "variance", "metrics"],
        "formats": ["html", "png"],
    },
    "models": {"smollm2-135m": {"layers": ["embed", 8]}, "minilm": {"layers": ["embed"]}},
    "controls": ["random-tokens", "untrained"],
    "metrics": {"permutations": 1999},
}
MONTHS = "results/metrics/minilm/wikipedia/months.parquet"
PAGES = ["atlas/index.html", "figures/smollm2-135m/prompts/weekdays/08/pca/scatter-3d.html",
         "figures/minilm/vocabulary/integers/embed/umap/scatter-2d.html",
         "figures/smollm2-135m/prompts/weekdays/all/raw/metrics.html"]  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The results of a sweep of the embedded models."""
    folder = copy_workflow(tmp_path_factory.mktemp("real") / "workflow")
    done = snakemake(folder, "all", MONTHS, "--cores", "2", "--configfile", write(folder, REAL))
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return folder / "results"


def rows_of(results, model, sample, measure, control=""):
    """layer → row of one measure."""
    table, _ = store.read_table(results / f"metrics/{model}/{sample}.parquet")
    rows = [dict(zip(table, row)) for row in zip(*table.values())]
    return {row["layer"]: row for row in rows if row["measure"] == measure and row["control"] == control}


def test_smollm2_says_tuesday_after_monday(results):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = results / "assets/smollm2-135m"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("Monday, Tuesday, Wednesday,", return_tensors="pt")
    with torch.no_grad():
        following = model.generate(**ids, max_new_tokens=2, do_sample=False)[0, ids["input_ids"].shape[1] :]
    assert "Thursday" in tokenizer.decode(following)


def test_the_weekday_ring(results):
    for layer in ("embed", "08", "12", "16"):
        share = rows_of(results, "smollm2-135m", "prompts/weekdays", "first_harmonic_share")[layer]
        error = rows_of(results, "smollm2-135m", "prompts/weekdays", "left_out_angle_error")[layer]
        assert 0.45 < share["value"] < 0.55 and share["null_mean"] == pytest.approx(1 / 3, abs=0.01)
        assert error["value"] < 0.6 and error["null_mean"] > 1.7 and error["exact"]
        assert share["p"] == error["p"] == pytest.approx(1 / 360)
        assert error["p_corrected"] < 0.05
    errors = rows_of(results, "smollm2-135m", "prompts/weekdays", "left_out_angle_error")
    assert errors["24"]["value"] <= 0.6 and errors["final"]["value"] <= 0.9 and errors["final"]["p_corrected"] <= 0.05


def test_within_templates_the_days_stand_in_order(results):
    arrays, samples, _ = store.read_projection(results / "projections/smollm2-135m/prompts/weekdays/08/pca-within.h5")
    values = samples["value"]
    means = np.array([arrays["coordinates"][values == v, :2].mean(0) for v in range(7)])
    turn = np.diff(np.unwrap(np.arctan2(means[:, 1], means[:, 0])))
    assert (turn > 0).all() or (turn < 0).all()


def test_months_of_real_text(results):
    report = store.read_table(results / "samples/wikipedia/months.parquet")[1]["report"]
    assert set(report["kept"].values()) == {40} and 100 <= report["documents"] <= 106
    share = rows_of(results, "minilm", "wikipedia/months", "first_harmonic_share")["03"]
    assert (
        share["value"] > 0.3 and share["null_mean"] == pytest.approx(2 / 11, abs=0.01) and share["p_corrected"] < 0.01
    )


def test_integers_of_the_vocabularies(results):
    numbers = store.read_samples(results / "activations/minilm/vocabulary/integers.h5")
    assert numbers["label"] == [str(n) for n in range(342)]
    digits = store.read_samples(results / "activations/smollm2-135m/vocabulary/integers.h5")
    assert digits["label"] == [str(n) for n in range(10)]
    row = rows_of(results, "minilm", "vocabulary/integers", "left_out_value_r2")["embed"]
    assert row["value"] > 0.85 and row["null_high"] < 0.1 and row["p"] < 0.001
    control = store.read_samples(results / "activations/minilm/vocabulary/random-tokens.h5")
    assert len(control["label"]) == 342 and not set(control["token_id"]) & set(numbers["token_id"])


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine")
@pytest.mark.parametrize("page", PAGES)
def test_pages_open_without_an_error(results, page, tmp_path):
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path}", "--use-angle=swiftshader",
         "--enable-unsafe-swiftshader", "--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom",
         (results / page).resolve().as_uri()],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert "</html>" in done.stdout and ('class="card"' in done.stdout or "js-plotly-plot" in done.stdout)
    words = [line for line in done.stderr.splitlines() if "CONSOLE" in line and "willReadFrequently" not in line]
    assert words == []
