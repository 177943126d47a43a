"""Where the time of a run went, from its benchmark files: python tests/benchmarks/times.py [results]."""

import csv
import sys
from collections import defaultdict
from pathlib import Path


def read_times(results):
    """(rule, reducer or "") → list of (seconds, peak resident MB) of its jobs."""
    times = defaultdict(list)
    root = Path(results, "benchmarks")
    for file in sorted(root.rglob("*.tsv")):
        rule = file.relative_to(root).parts[0]
        with open(file, encoding="utf-8") as lines:
            row = next(csv.DictReader(lines, delimiter="\t"))
        memory = row["max_rss"]
        peak = float(memory) if memory not in ("-", "NA") else 0.0
        times[rule, file.stem if rule == "project" else ""].append((float(row["s"]), peak))
    return times


def main(results="results"):
    """Print one line a rule, the most costly first."""
    times = read_times(results)
    total = sum(s for jobs in times.values() for s, _ in jobs)
    print(f"{'rule':32} {'jobs':>5} {'seconds':>8} {'share':>6} {'median':>7} {'peak MB':>8}")
    for (rule, reducer), jobs in sorted(times.items(), key=lambda item: -sum(s for s, _ in item[1])):
        seconds = sorted(s for s, _ in jobs)
        print(
            f"{f'{rule} {reducer}'.strip():32} {len(jobs):5} {sum(seconds):8.1f} {sum(seconds) / total:6.1%} "
            f"{seconds[len(seconds) // 2]:7.2f} {max(m for _, m in jobs):8.0f}"
        )
    print(f"{'all':32} {sum(map(len, times.values())):5} {total:8.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
