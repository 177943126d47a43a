"""Put the table of `results/headline.csv` into the README, between its two marks: `python docs/headline.py`."""

import csv
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = (
    r" (So it is in layers? [^.]*|In no other layer|This is the best layer[^.]*)\.",
    r" Not all that it needs is shown: [^.]*\.",
    r" An arc from which [^.]*\.", r" Distinct tokens alone [^.]*\.", r" The curve that fits best is closed\.",
    r" Of \d+ shapes the distances [^:]*: .*?\)\.", r"; exchanged: [^.]*(?=\.)",
)  # fmt: skip
MARKS = "<!-- headline -->", "<!-- end of headline -->"


def row_of(found):
    """A line of the table; what the columns say already is left out of the sentence."""
    sentence = found["sentence"].replace(" after the search over layers", "")
    for part in LEFT_OUT:
        sentence = re.sub(part, "", sentence)
    name = f"{found['model']}, {found['source']}/{found['concept']}"
    return f"| {name} | {found['structure']} | {found['verdict']} | {found['layers'] or '–'} | {sentence} |"


def main():
    """Write the table of the last run into the README."""
    with open(ROOT / "results/headline.csv", encoding="utf-8") as file:
        rows = [row_of(found) for found in csv.DictReader(file)]
    table = ["| set | structure | verdict | layers | what the numbers say |", "|---|---|---|---|---|", *rows]
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    readme.write_text(before + "\n".join([MARKS[0], *table, MARKS[1]]) + after, encoding="utf-8")


if __name__ == "__main__":
    main()
