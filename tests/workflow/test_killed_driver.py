"""A job that outlives its Snakemake, and a run with an edited config, leave the file of the edited one."""

import importlib.util

from tools import ROOT

SPEC = importlib.util.spec_from_file_location("killed_driver", ROOT / "tests/benchmarks/killed_driver.py")
killed_driver = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(killed_driver)


def test_no_file_is_of_two_configs(tmp_path):
    counts = killed_driver.rounds(2, tmp_path, seed=1)
    assert counts["right"] == 2 and counts["WRONG"] == 0
