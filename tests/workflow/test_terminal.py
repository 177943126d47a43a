"""What a run says on the terminal."""

import csv
import re

from orrery import console


def test_a_run_is_short_tells_the_time_left_and_ends_with_what_was_found(first_run):
    folder, done = first_run
    lines = (done.stdout + done.stderr).splitlines()
    reasons = [line for line in lines if line.startswith("Reason: ")]
    assert len(reasons) > 50 and max(map(len, reasons)) < 220 and any(" more)" in line for line in reasons)
    assert max(map(len, lines)) < 1000, max(lines, key=len)
    steps = [line for line in lines if re.match(r"\d+ of \d+ steps", line)]
    assert all(re.search(r"done, about \d+:\d\d:\d\d left$", line) for line in steps[:-1]) and steps[-1].endswith(
        "(100%) done"
    )
    with open(folder / "results/headline.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = [row for row in rows if row["verdict"] == "found"]
    (at,) = [
        n
        for n, line in enumerate(lines)
        if line.startswith(f"Of {len(rows)} structures asked for, {len(found)} were found")
    ]
    assert "results/atlas/index.html (open it in a browser)" in " ".join(lines[at : at + console.MOST + 3])
    kept = max((folder / ".snakemake/log").glob("*.log"), key=lambda path: path.stat().st_size).read_text()
    assert max(len(line) for line in kept.splitlines() if line.startswith("Reason: ")) > 1000  # the file has all


def test_reasons_are_cut_between_files():
    files = [f"results/figures/minilm/prompts/weekdays/{n:02d}/pca/scatter-2d.html" for n in range(60)]
    reason = "Missing output files: x; Input files updated by another job: " + ", ".join(files)
    said = console.shortened(reason)
    assert len(said) < 180 and said.endswith(f"{files[0]} … (59 more)") and console.shortened("Forced") == "Forced"


def test_the_time_left_is_that_of_the_jobs_to_come():
    assert console.time_left(100, 10, 40) == ", about 0:05:00 left"
    assert console.time_left(7200, 1, 3) == ", about 4:00:00 left"
    assert console.time_left(9, 0, 5) == console.time_left(9, 5, 5) == ""


def test_a_summary_names_what_was_found_and_counts_the_rest(tmp_path):
    table = tmp_path / "headline.csv"
    with open(table, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "source", "concept", "structure", "verdict", "layers"])
        writer.writerows(["m", "prompts", f"c{n}", "ring", "found", "00–03"] for n in range(20))
        writer.writerows(
            [["m", "news", "d", "order", "not found", "–"]] * 3 + [["m", "news", "e", "ring", "undecidable", "–"]]
        )
    lines = console.summary(table, "atlas.html")
    assert lines[0] == "Of 24 structures asked for, 20 were found, 3 not found, 1 undecidable."
    assert lines[1] == "  m, prompts/c0: ring (layers 00–03)" and lines[-2] == "  … and 8 more" and len(lines) == 15
