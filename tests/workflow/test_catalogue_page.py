"""The target `catalogue`: a row for every set, before anything is extracted."""

import copy
import csv
import json

from tools import jobs, snakemake, write


def test_the_catalogue_lists_every_set(workflow, small):
    config = copy.deepcopy(small)
    config["concepts"]["odd"] = {
        "topology": "none", "labels": ["<b>one</b>", "</script>", "a&b"], "about": "<img src=x onerror=alert(1)>",
        "templates": ["It is {label}"],
    }  # fmt: skip
    name = write(workflow, config)
    planned = jobs(snakemake(workflow, "-n", "catalogue", "--configfile", name))
    assert planned == {"fetch_asset": 2, "filter_corpus": 1, "fit_labels": 1, "build_catalogue": 1, "catalogue": 1}
    done = snakemake(workflow, "--cores", "2", "catalogue", "--configfile", name)
    assert done.returncode == 0, done.stderr[-3000:]
    files = {path.stem for path in (workflow / "workflow/concepts").glob("*.yaml")}
    with open(workflow / "results/fitness/tiny.csv", encoding="utf-8", newline="") as file:
        rows = {row["concept"]: row for row in csv.DictReader(file)}
    assert set(rows) == files | {"odd", "digits"} and all(row["verdict"] for row in rows.values())
    assert rows["weekdays"]["verdict"] == "single tokens"
    page = (workflow / "results/catalogue.html").read_text(encoding="utf-8")
    assert page.count("<script") == page.count("</script") == 1 and "<img" not in page and "<b>" not in page
    assert "http" not in page.split("/*")[0].split("<body>")[0]
    data = json.loads(page.split("const { models, sets } = ")[1].split(";\n")[0])
    sets = {entry["name"]: entry for entry in data["sets"]}
    assert set(sets) == set(rows) and data["models"] == ["tiny"]
    assert sets["odd"]["labels"][1] == "</script>" and sets["odd"]["templates"] == 1
    (found,) = sets["weekdays"]["found"]
    assert found["source"] == "mine" and found["kept"] == 42 and not found["missing"]
    assert "Nothing to be done" in snakemake(workflow, "--cores", "2", "catalogue", "--configfile", name).stderr
