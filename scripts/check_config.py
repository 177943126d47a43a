"""Check config files without running anything: python scripts/check_config.py mine.yaml …

It says what `snakemake --configfile mine.yaml …` would say, and names file and line also where a file is no YAML, which
Snakemake does not. Nothing in the files is executed.
"""

import sys
from pathlib import Path

from orrery import checks
from orrery.errors import OrreryError


def main(files):
    """Check files as they are merged over config.yaml; the exit code."""
    home = Path(__file__).parents[1]
    try:
        checks.check_files(home, files)
    except OrreryError as mistakes:
        print(mistakes, file=sys.stderr)
        return 1
    print("The configuration is right.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
