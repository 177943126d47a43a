"""A sweep of a tiny model, run once by the real snakemake; tests take copies of it."""

import shutil

import pytest
from tools import WEEKDAYS, copy_workflow, snakemake, write

WORDS = ["The", "committee", "agreed", "that", "the", "hearing", "would", "be", "held", "at", "noon", "on"]
# The sentences of the tiny corpus are much alike.
KEEP_ALL = {"near_duplicates": "ignore", "phrases": "ignore"}


def tiny_config(model, corpus):
    """A small sweep over a tiny model: prompts, a corpus and the vocabulary."""
    return {
        "run": {
            "models": ["tiny"],
            "samples": ["prompts/weekdays", "mine/weekdays", "vocabulary/digits"],
            "reducers": ["pca", "tsne"],
            "figures": ["scatter-2d", "variance", "metrics"],
            "formats": ["html", "png", "svg"],
        },
        "assets": {"tiny": {"path": str(model)}, "mine": {"path": str(corpus)}},
        "models": {"tiny": {"asset": "tiny", "depth": 3, "layers": ["embed", 1]}},
        "corpora": {"mine": {"asset": "mine", "files": "*.txt", "format": "lines"}},
        "concepts": {
            "digits": {"topology": "line", "labels": [str(n) for n in range(10)]},
            "weekdays": {"corpus": {"per_label": 6, "min_chars": 10, "before": 90, **KEEP_ALL}},
        },
        "reducers": {"tsne": {"method": "tsne", "iterations": 250}},
        "metrics": {"permutations": 99, "twins": 1},
        "controls": ["gaussian", "untrained"],
    }


@pytest.fixture(scope="session")
def small(tiny_model, tmp_path_factory):
    """The small sweep's config."""
    corpus = tmp_path_factory.mktemp("corpus")
    lines = [f"{' '.join(WORDS[i % 4 :])} {day}, number {i}" for i in range(8) for day in WEEKDAYS]
    (corpus / "news.txt").write_text("\n".join(lines) + "\n")
    return tiny_config(tiny_model, corpus)


@pytest.fixture(scope="session")
def first_run(small, tmp_path_factory):
    """(folder, finished process) of the small sweep."""
    folder = copy_workflow(tmp_path_factory.mktemp("sweep") / "workflow")
    done = snakemake(folder, "--cores", "2", "--configfile", write(folder, small))
    assert done.returncode == 0, done.stderr[-4000:]
    return folder, done


@pytest.fixture
def swept(first_run, tmp_path):
    """A copy of the small sweep, everything made, with its history."""
    shutil.copytree(first_run[0], tmp_path / "swept", symlinks=True)
    return tmp_path / "swept"
