"""The target `survey`: which sets have their shape, from what a run has measured already."""

import copy
import csv

from tools import jobs, snakemake, write


def test_a_survey_of_what_is_measured(swept, small):
    name = write(swept, small)
    assert jobs(snakemake(swept, "-n", "survey", "--configfile", name)) == {
        "sum_up_survey": 1, "draw_survey": 1, "survey": 1}  # fmt: skip
    done = snakemake(swept, "survey", "--cores", "2", "--configfile", name)
    assert done.returncode == 0, done.stderr[-3000:]
    with open(swept / "results/survey/survey.csv", encoding="utf-8", newline="") as file:
        rows = {(row["source"], row["concept"]): row for row in csv.DictReader(file)}
    assert set(rows) == {("prompts", "weekdays"), ("mine", "weekdays"), ("vocabulary", "digits")}
    assert rows["vocabulary", "digits"]["structure"] == "order" and rows["vocabulary", "digits"]["labels"] == "10"
    for picture in ("shapes", "layers"):
        page = (swept / f"results/survey/tiny/{picture}.html").read_text(encoding="utf-8")
        assert 'src="../../figures/plotly.min.js"' in page and "weekdays" in page
        assert (swept / f"results/survey/tiny/{picture}.png").stat().st_size > 5000
    assert "Nothing to be done" in snakemake(swept, "survey", "--cores", "2", "--configfile", name).stderr


def test_all_prompts_are_surveyed_in_a_folder_of_their_own(workflow, small, tmp_path):
    """With the assets and the sets of the repository, and nothing asked but what each set claims."""
    config = copy.deepcopy(small)
    config["run"] |= {"samples": ["prompts/*"], "templates": 2}
    config |= {"controls": ["untrained"], "metrics": {"permutations": 99, "structures": "claimed"}}
    config["concepts"] = {"odd": {"topology": "tree", "labels": ["a", "b", "c", "d"], "templates": ["It is {label}"] * 1,
                                  "parents": dict(zip("abcd", "xxyy"))}}  # fmt: skip
    name = write(workflow, config)
    planned = jobs(snakemake(workflow, "-n", "survey", "--directory", str(tmp_path / "apart"), "--configfile", name))
    sets = planned["expand_prompts"]
    assert sets > 90 and planned["measure"] == sets and planned["extract_activations"] == 4 * sets  # three twins
    target = "results/samples/prompts/weekdays.parquet"
    done = snakemake(workflow, target, "--cores", "1", "--directory", str(tmp_path / "apart"), "--configfile", name)
    assert done.returncode == 0, done.stderr[-3000:]
    import pyarrow.parquet as pq

    assert pq.read_table(tmp_path / "apart" / target).num_rows == 2 * 7
