"""The linters agree."""

import subprocess
import sys

import pytest
from tools import ROOT, snakemake


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["snakefmt", "--check", "Snakefile", "workflow"]],
    ids=" ".join,
)
def test_linter(command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_snakemake_lint(workflow):
    done = snakemake(workflow, "--lint")
    assert done.returncode == 0, done.stdout + done.stderr
