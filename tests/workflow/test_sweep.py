"""The small sweep makes everything, once, and a change reruns what depends on it and nothing else."""

import os
import re
import signal
import subprocess
import sys
import time

import h5py
import pytest
import yaml
from orrery import config as orrery
from orrery import store
from tools import completed, jobs, snakemake, write

TARGET = "results/figures/tiny/prompts/weekdays/01/pca/scatter-2d.html"


def test_everything_is_made(first_run):
    folder, done = first_run
    assert "profiles/default" in done.stderr
    config = completed(folder, yaml.safe_load((folder / "mine.yaml").read_text()))
    targets = orrery.figure_targets(config)
    assert len(targets) > 40 and [t for t in targets if not (folder / t).stat().st_size] == []
    assert (folder / "results/atlas/index.html").read_text().count('"figure": ') == len(
        {t.rpartition(".")[0] for t in targets}
    )


def test_a_second_run_has_nothing_to_do(swept):
    assert "Nothing to be done" in snakemake(swept, "--cores", "2", "--configfile", "mine.yaml").stderr


def test_files_say_what_made_them(first_run):
    folder, _ = first_run
    path = folder / "results/activations/tiny/mine/weekdays.h5"
    made, samples = store.read_attributes(path), store.read_samples(path)
    assert made["model"] == "tiny" and made["source"] == "mine" and made["causal"] and made["dtype"] == "float32"
    assert made["layers"] == ["embed", "00", "01", "02", "final"] and "torch" in made["versions"]
    report = made["samples_from"]["report"]
    assert report["kept"] == dict.fromkeys(report["kept"], 6) and report["documents"] <= 56
    for text, start, end, label in zip(*(samples[k] for k in ("text", "start", "end", "label"))):
        assert text[start:end] == label and end == len(text)
    lines = (folder / "results/assets/mine/news.txt").read_text().splitlines()
    for row, position, label in zip(samples["row"], samples["position"], samples["label"]):
        assert lines[row][position:].startswith(label)
    with h5py.File(folder / "results/projections/tiny/mine/weekdays/01/tsne.h5") as file:
        assert file["coordinates"].shape == (42, 2) and file.attrs["perplexity"] == pytest.approx(10.25)


def test_one_figure_runs_only_what_it_needs(workflow, small, tmp_path):
    planned = jobs(snakemake(workflow, "-n", TARGET, "--configfile", write(workflow, small)))
    assert planned == {"fetch_asset": 1, "expand_prompts": 1, "extract_activations": 1, "find_neighbours": 1,
                       "project": 1, "share_plotly": 1, "draw_interactive": 1}  # fmt: skip


def change(folder, edit):
    """Edit the config of a swept folder and plan again."""
    config = yaml.safe_load((folder / "mine.yaml").read_text())
    edit(config)
    (folder / "mine.yaml").write_text(yaml.safe_dump(config))
    return jobs(snakemake(folder, "-n", "--configfile", "mine.yaml"))


BELOW = {"build_atlas": 1, "all": 1}
SUMMED = {"summarise": 1, "draw_headline": 1}
EDITS = {  # what is edited: (how, the jobs that run again beside the atlas)
    "a reducer's parameter": (
        lambda c: c["reducers"]["tsne"].update(iterations=260),
        {"project": 5, "draw_interactive": 5, "draw_static": 5},
    ),
    "a figure's style": (
        lambda c: c.update(figures={"variance": {"kind": "variance", "width": 7}}),
        {"draw_interactive": 5, "draw_static": 5},
    ),
    "the drawn layers": (
        lambda c: c["models"]["tiny"].update(layers=["embed", 1, 2]),
        {"find_neighbours": 2, "project": 4, "draw_interactive": 6, "draw_static": 6},
    ),
    "a concept's labels": (
        lambda c: c["concepts"]["digits"].update(labels=[str(n) for n in range(9)]),
        {"extract_vocabulary": 2, "find_neighbours": 1, "project": 2, "measure": 1, **SUMMED, "draw_interactive": 4, "draw_static": 4},
    ),
    "a concept's templates": (
        lambda c: c["concepts"]["weekdays"].update(templates=["It is {label}", "On {label}", "By {label}", "Next {label}"]),
        {"expand_prompts": 1, "extract_activations": 2, "find_neighbours": 2, "project": 4, "measure": 1, **SUMMED,
         "draw_interactive": 7, "draw_static": 7},
    ),
    "a corpus option": (
        lambda c: c["concepts"]["weekdays"]["corpus"].update(per_label=5),
        {"filter_corpus": 1, "extract_activations": 2, "find_neighbours": 2, "project": 4, "measure": 1, **SUMMED,
         "draw_interactive": 7, "draw_static": 7},
    ),
    "the permutations": (
        lambda c: c["metrics"].update(permutations=199),
        {"measure": 3, **SUMMED, "draw_interactive": 3, "draw_static": 3},
    ),
    "the precision of a model": (
        lambda c: c["models"]["tiny"].update(dtype="bfloat16"),
        {"extract_activations": 4, "extract_vocabulary": 2, "find_neighbours": 5, "project": 10, "measure": 3, **SUMMED, "draw_interactive": 18, "draw_static": 18},
    ),
    "the speed of a model": (lambda c: c["models"]["tiny"].update(batch_tokens=64, device="cpu"), None),
    "the depth of a model": (lambda c: c["models"]["tiny"].update(depth=4), None),
    "an entry that nothing uses": (lambda c: c["reducers"].update({"other": {"method": "svd"}}), None),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_reruns_what_depends_on_it(swept, name):
    edit, expected = EDITS[name]
    assert change(swept, edit) == ({**expected, **BELOW} if expected else {})


CODE = {  # module: rules that run again
    "reducers.py": {"project", "draw_interactive", "draw_static"},
    "methods/embeddings.py": {"project", "draw_interactive", "draw_static"},
    "neighbours.py": {"find_neighbours", "project", "measure", "draw_interactive", "draw_static"},
    "geometry/cyclic.py": {"project", "measure", "draw_interactive", "draw_static"},
    "figures/static.py": {"draw_static", "draw_headline"},
    "activations.py": {"extract_activations", "find_neighbours", "project", "measure", "draw_interactive", "draw_static"},
    "corpus/occurrences.py": {"filter_corpus", "extract_activations", "find_neighbours", "project", "measure", "draw_interactive", "draw_static"},
    "logs.py": set(),
    "store/arrays.py": set(),
    "assets.py": set(),
}  # fmt: skip


@pytest.mark.parametrize("module", CODE)
def test_edited_code_reruns_its_stage_and_below(swept, module):
    file = swept / "scripts/orrery" / module
    file.write_text(file.read_text() + "\nEDITED = True\n")
    planned = jobs(snakemake(swept, "-n", "--configfile", "mine.yaml"))
    summed = set(SUMMED) if "measure" in CODE[module] else set()
    assert set(planned) == (CODE[module] | summed | set(BELOW) if CODE[module] else set())


def test_a_touch_reruns_nothing(swept):
    for file in (swept / "scripts").rglob("*.py"):
        os.utime(file)
    assert jobs(snakemake(swept, "-n", "--configfile", "mine.yaml")) == {}


def test_a_new_text_in_a_local_corpus_is_noticed(swept, small, tmp_path):
    corpus = tmp_path / "news"
    corpus.mkdir()
    (corpus / "news.txt").write_text((swept / "results/assets/mine/news.txt").read_text())
    planned = change(swept, lambda c: c["assets"]["mine"].update(path=str(corpus)))
    assert planned["fetch_asset"] == 1 and planned["filter_corpus"] == 1 and "expand_prompts" not in planned


def test_a_new_line_in_a_local_file_is_noticed(swept, tmp_path):
    corpus = tmp_path / "news"
    (corpus / "deep").mkdir(parents=True)
    text = (swept / "results/assets/mine/news.txt").read_text()
    (corpus / "deep" / "news.txt").write_text(text)
    config = yaml.safe_load((swept / "mine.yaml").read_text())
    config["assets"]["mine"]["path"] = str(corpus)
    config["corpora"]["mine"]["files"] = "deep/*.txt"
    target, sample = "results/samples/mine/weekdays.parquet", [*("--configfile", write(swept, config)), "--cores", "1"]
    assert snakemake(swept, target, *sample).returncode == 0
    assert jobs(snakemake(swept, "-n", target, *sample)) == {}
    (corpus / "deep" / "news.txt").write_text(text + "The last meeting of the year was on Monday\n")
    assert jobs(snakemake(swept, "-n", target, *sample)) == {"fetch_asset": 1, "filter_corpus": 1}


def test_gpu_jobs_never_share_a_card(workflow, small):
    """Also where a command line has dropped the profile's cap."""
    targets = [f"results/activations/tiny/{source}/weekdays.h5" for source in ("prompts", "mine")]
    done = snakemake(
        workflow, *targets, "--configfile", write(workflow, small), "--cores", "32", "--resources", "mem_mb=99999"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    events = re.findall(r"(Reading every layer|Finished jobid: \d+ \(Rule: extract_activations\))", done.stderr)
    assert [e[:7] for e in events] == ["Reading", "Finishe"] * 2


def test_a_killed_run_goes_on(workflow, small):
    command = [sys.executable, "-m", "snakemake", "--cores", "2", TARGET, "--configfile", write(workflow, small)]
    process = subprocess.Popen(command, cwd=workflow, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.time() + 120
    while not list((workflow / "results/logs/extract_activations").rglob("*.log")) and time.time() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (workflow / TARGET).exists()
    unlocked = snakemake(workflow, "--unlock", TARGET, "--configfile", "mine.yaml")
    assert unlocked.returncode == 0, unlocked.stderr[-2000:]
    done = snakemake(workflow, "--cores", "2", TARGET, "--configfile", "mine.yaml")
    assert done.returncode == 0, done.stderr[-2000:]
    assert (workflow / TARGET).exists() and not list((workflow / "results").rglob("*.part"))
