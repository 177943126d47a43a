"""What a run says on the terminal: short reasons, the time left, and at the end what was found and where it is."""

import csv
from collections import Counter

LONGEST = 160  # characters of a reason
MOST = 12  # structures named at the end


def shortened(reason):
    """The reason for a job, of whose files only the first are named."""
    if len(reason) <= LONGEST:
        return reason
    head = reason[:LONGEST].rpartition(", ")[0] or reason[:LONGEST]
    return f"{head} … ({reason.count(', ') - head.count(', ')} more)"


def time_left(seconds, done, total):
    """`about 0:04:10 left`, as if the jobs to come took as long as those done; nothing at the first and the last."""
    if not 0 < done < total:
        return ""
    left = round(seconds * (total - done) / done)
    return f", about {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"


def summary(table, atlas):
    """Lines that say what a run found.

    Parameters
    ----------
    table, atlas : path
        `results/headline.csv`, and the page that binds all figures.
    """
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [row for row in rows if row["verdict"] == "found"]
    others = Counter(row["verdict"] for row in rows if row["verdict"] != "found")
    also = "".join(f", {count} {verdict}" for verdict, count in others.most_common())
    lines = [f"Of {len(rows)} structures asked for, {len(found)} were found{also}."]
    named = "  {model}, {source}/{concept}: {structure} (layers {layers})"
    lines += [named.format(**row) for row in found[:MOST]]
    if len(found) > MOST:
        lines.append(f"  … and {len(found) - MOST} more")
    return [*lines, f"All of it, with reasons: {table}; all figures: {atlas} (open it in a browser)."]
