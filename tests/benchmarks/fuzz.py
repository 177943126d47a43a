"""Try odd configs: python tests/benchmarks/fuzz.py [2000] [--snakemake 5]

Each is the shipped config with a few changes (tests/fuzzing.py). It must be right or get one sentence a mistake within
2 seconds of CPU; the first that does not is shown, made as small as it can be. Some go through `snakemake -n` as well.
"""

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from fuzzing import changes, tried
from hypothesis import HealthCheck, Phase, given, seed, settings
from tools import snakemake

CRASH = re.compile(r"Traceback|^(?!Workflow)\w*(Error|Exception) in file", re.MULTILINE)


def main():
    """Run the mutants and print how many were refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mutants", nargs="?", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--snakemake",
        type=int,
        default=5,
        help="so many right and so many refused ones through the real snakemake -n too",
    )
    options = parser.parse_args()
    counts, slowest, some = Counter(), 0.0, []

    with tempfile.TemporaryDirectory() as folder:

        @seed(options.seed)
        @settings(max_examples=options.mutants, deadline=None, database=None, suppress_health_check=list(HealthCheck),
                  phases=[Phase.generate, Phase.shrink])  # fmt: skip
        @given(text=changes())
        def each(text):
            nonlocal slowest
            began = time.process_time()
            lines = tried(text, folder)
            slowest = max(slowest, time.process_time() - began)
            counts["refused" if lines else "right"] += 1
            counts["sentences"] += len(lines)
            if sum(bool(others) == bool(lines) for _, others in some) < options.snakemake:
                some.append((text, lines))

        each()
        for text, lines in some:
            Path(folder, "mine.yaml").write_text(text, encoding="utf-8")
            done = snakemake(
                folder, "-n", "--cores", "1", "--snakefile", str(ROOT / "Snakefile"), "--configfile", "mine.yaml"
            )
            said = done.stdout + done.stderr
            assert not CRASH.search(said) and bool(done.returncode) == bool(lines), text + said
            counts["same in snakemake"] += not lines or lines[0].partition(": ")[2] in said
    print(f"{counts['right']} right, {counts['refused']} refused with {counts['sentences']} sentences, 0 tracebacks, 0 over "
          f"2 s; the slowest took {slowest:.2f} s; {counts['same in snakemake']} of {len(some)} the same in snakemake")  # fmt: skip


if __name__ == "__main__":
    main()
