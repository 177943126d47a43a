"""Put the table of all sets into `docs/catalogue.md`, between its two marks: `python docs/catalogue.py`."""

from collections import defaultdict
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
MARKS = "<!-- sets -->", "<!-- end of sets -->"
WHY = {  # topology → why one would look at such sets
    "circle": "does what comes round close, and in its order?",
    "line": "is there an order, and is the curve more than an arch?",
    "helix": "does a line of numbers wind?",
    "plane": "are two or more properties laid out beside each other?",
    "sphere": "are places where they are on the globe?",
    "torus": "are two cycles kept apart?",
    "grid": "is a product of two orders a product of directions?",
    "tree": "do members lie by their class, and classes apart?",
    "simplex": "are things without an order equally far apart?",
    "none": "what does a set without a shape look like?",
}


def lines(folder):
    """The table: a row a topology, with its sets, the easy ones first."""
    sets = defaultdict(list)
    for path in sorted(folder.glob("*.yaml")):
        entry = yaml.safe_load(path.read_text(encoding="utf-8"))
        rank = ("easy", "medium", "hard", "impossible", None).index(entry.get("difficulty"))
        sets[entry["topology"]].append((rank, path.stem))
    yield "| topology | the question | sets, from easy to hard |"
    yield "|---|---|---|"
    for topology, why in WHY.items():
        if names := [f"`{name}`" for _, name in sorted(sets[topology])]:
            yield f"| {topology} ({len(names)}) | {why} | {', '.join(names)} |"


def written(page, table):
    """A page with its table replaced."""
    before, _, rest = page.partition(MARKS[0])
    return before + "\n".join([MARKS[0], *table, MARKS[1]]) + rest.partition(MARKS[1])[2]


if __name__ == "__main__":
    place = ROOT / "docs/catalogue.md"
    page = written(place.read_text(encoding="utf-8"), lines(ROOT / "workflow/concepts"))
    place.write_text(page, encoding="utf-8")
