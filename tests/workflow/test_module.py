"""The workflow as a module of another one, with a config and a prefix of its own."""

import re

import pyarrow.parquet as pq
import pytest
import yaml
from conftest import tiny_config
from tools import ROOT, jobs, snakemake

MODULE = """
module {name}:
    snakefile: "{root}/Snakefile"
{more}
use rule * from {name} as {name}_*
"""


def outer(folder, *modules, config=None):
    """Write a workflow that uses Orrery's once or several times: (name, further lines)."""
    lines = [f'configfile: "{config}"\n'] if config else []
    lines += [MODULE.format(name=name, root=ROOT, more=more) for name, more in modules]
    (folder / "Snakefile").write_text("".join(lines))


@pytest.fixture
def tiny(tiny_model, tmp_path):
    """A small config without controls, as a part of the config of another workflow."""
    (tmp_path / "corpus").mkdir()
    days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    (tmp_path / "corpus/news.txt").write_text(
        "\n".join(f"They agreed to meet again on {d} {n}" for n in range(8) for d in days)
    )
    config = tiny_config(tiny_model, tmp_path / "corpus") | {"controls": []}
    config["run"].update(
        samples=["prompts/weekdays", "mine/weekdays"], reducers=["pca"], figures=["scatter-2d"], formats=["html"]
    )
    (tmp_path / "outer.yaml").write_text(yaml.safe_dump({"mine": 1, "rings": config}))
    return tmp_path


def test_a_module_without_a_config_plans_the_default_sweep(tmp_path):
    outer(tmp_path, ("orrery", ""))
    (tmp_path / "plain").mkdir()
    planned = jobs(snakemake(tmp_path, "-n", "--cores", "1"))
    alone = jobs(snakemake(tmp_path / "plain", "-n", "--cores", "1", "--snakefile", str(ROOT / "Snakefile")))
    assert {name.removeprefix("orrery_"): count for name, count in planned.items()} == alone and alone["measure"] == 6


def test_a_module_with_config_and_prefix_makes_the_same_numbers(tiny):
    outer(tiny, ("rings", '    config: config["rings"]\n    prefix: "deep/rings"\n'), config="outer.yaml")
    done = snakemake(tiny, "--cores", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    made = tiny / "deep/rings/results"
    assert not (tiny / "results").exists() and (made / "atlas/index.html").exists() and (made / "scans/mine").exists()
    again = snakemake(tiny, "--cores", "1")
    assert "Nothing to be done" in again.stdout + again.stderr
    plain = tiny / "plain"
    plain.mkdir()
    (plain / "mine.yaml").write_text(yaml.safe_dump(yaml.safe_load((tiny / "outer.yaml").read_text())["rings"]))
    tables = [f"results/metrics/tiny/{source}/weekdays.parquet" for source in ("prompts", "mine")]
    done = snakemake(
        plain, "--cores", "2", "--snakefile", str(ROOT / "Snakefile"), "--configfile", "mine.yaml", "--", *tables
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for table in tables:
        alone, inside = (repr(pq.read_table(folder / table).to_pylist()) for folder in (plain, tiny / "deep/rings"))
        assert alone == inside and "left_out_angle_error" in alone


def test_two_modules_have_a_config_each(tiny):
    seed = '    config: {{**config["rings"], "seed": {n}, "controls": {controls}}}\n    prefix: "part{n}"\n'
    outer(
        tiny,
        ("one", seed.format(n=1, controls=[])),
        ("two", seed.format(n=2, controls=["untrained"])),
        config="outer.yaml",
    )
    done = snakemake(tiny, "-n", "--cores", "1", "one_all", "two_all")
    planned = jobs(done)
    assert planned["one_measure"] == planned["two_measure"] == 2 and planned["one_extract_activations"] == 2
    assert planned["two_extract_activations"] == 4  # the untrained twin's too
    assert set(re.findall(r"part\d", done.stdout + done.stderr)) == {"part1", "part2"}


def test_a_mistake_in_the_config_of_a_module_is_one_sentence(tiny):
    outer(tiny, ("rings", '    config: {"run": {"models": ["minilm"], "samples": ["prompts/weekday"]}}\n'))
    done = snakemake(tiny, "-n", "--cores", "1")
    text = done.stdout + done.stderr
    assert done.returncode != 0 and "\nrun.samples: 'weekday' is not in concepts; did you mean 'weekdays'?" in text, (
        text
    )
    assert "Traceback" not in text
