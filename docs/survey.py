"""Put a survey into `docs/survey.md`: `python docs/survey.py FOLDER`, with the `survey/` of its results."""

import csv
import shutil
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
KINDS = ["circle", "line", "helix", "plane", "sphere", "torus", "grid", "tree", "simplex", "none"]
ALPHA = 0.05
FIRST, LAST = ["found", "in part", "as much as untrained", "less than untrained"], ["not found", "undecidable"]


def told(row):
    """What a cell says of a set in a model."""
    p, q = (f"{float(row[key] or 'nan'):.2g}".removeprefix("0") for key in ("p_decided", "q"))
    chance = f"*p* {p}" if float(row["p_decided"]) > ALPHA else f"*q* {q}"
    share = f", {float(row['share']):.0%} of the variance ({float(row['share_simplex']):.0%})" if row["share"] else ""
    apart = f"untrained {_value(row['untrained_value'])}, trained {_value(row['value'])}"
    return {
        "found": f"**{row['structure']}** {row['layers']}{share}",
        "in part": f"{row['structure']} {row['layers']}{share}",
        "as much as untrained": f"as much as untrained: {apart}",
        "less than untrained": f"less than untrained: {apart}",
        "not found": f"no ({chance})",
    }.get(row["outcome"], row["outcome"])


def _value(text):
    return f"{float(text):.2f}".replace("0.", ".")


def counted(rows, models):
    """The table of how many sets have their shape."""
    yield "| topology | sets | " + " | ".join(models) + " |"
    yield "|---|---|" + "---|" * len(models)
    for kind in KINDS:
        some = [row for row in rows if row["topology"] == kind and row["difficulty"] != "impossible"]
        if some and kind not in ("simplex", "none"):
            yield _count(kind, some, models)
    controls = [row for row in rows if row["difficulty"] == "impossible"]
    if controls:
        yield _count("negative controls", controls, models)


def _count(name, rows, models):
    cells = []
    for model in models:
        outcomes = Counter(row["outcome"] for row in rows if row["model"] == model)
        parts = [outcome for outcome in outcomes if outcome not in (*FIRST, *LAST)]
        cells.append(", ".join(f"{outcomes[o]} {o}" for o in [*FIRST, *sorted(parts), *LAST] if outcomes[o]))
    return f"| {name} | {len(rows) // len(models)} | " + " | ".join(cells) + " |"


def listed(rows, models):
    """The table of all sets."""
    yield "| set | topology | labels | " + " | ".join(models) + " |"
    yield "|---|---|---|" + "---|" * len(models)
    cells = {(row["concept"], row["model"]): told(row) for row in rows}
    first = [row for row in rows if row["model"] == models[0]]
    for row in sorted(first, key=lambda r: (KINDS.index(r["topology"]), r["concept"])):
        name, said = row["concept"], [cells[row["concept"], model] for model in models]
        control = ", a negative control" if row["difficulty"] == "impossible" else ""
        yield f"| `{name}`{control} | {row['topology']} | {float(row['labels']):g} | " + " | ".join(said) + " |"


def main(results):
    """Write both tables and the pictures of a survey into the documentation."""
    with open(results / "survey.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    models = list(dict.fromkeys(row["model"] for row in rows))
    place = ROOT / "docs/survey.md"
    page = place.read_text(encoding="utf-8")
    for mark, table in (("counts", counted(rows, models)), ("sets", listed(rows, models))):
        before, _, rest = page.partition(f"<!-- {mark} -->")
        page = before + "\n".join([f"<!-- {mark} -->", *table, f"<!-- end of {mark} -->"])
        page += rest.partition(f"<!-- end of {mark} -->")[2]
    place.write_text(page, encoding="utf-8")
    for model in models:
        for picture in ("shapes", "layers"):
            shutil.copy(results / model / f"{picture}.png", ROOT / f"docs/images/survey-{model}-{picture}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
