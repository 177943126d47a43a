"""The sweep through a real Slurm on loopback, with the profile for clusters, and what is left when something dies.

Skipped where there is no Slurm (as root, `tests/slurm.sh install`). Nothing of the profile is edited but its account.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import h5py
import pyarrow.parquet as pq
import pytest
import yaml
from tools import ROOT, copy_workflow, jobs, snakemake, write

SLURM = str(ROOT / "tests/slurm.sh")
FIGURE = "results/figures/tiny/prompts/weekdays/01/pca/scatter-2d.html"
READ = "results/activations/tiny/prompts/weekdays.h5"
PROFILE = ["--workflow-profile", "profiles/slurm", "--configfile", "mine.yaml"]
# Checked sooner than on a cluster, sbatch's lines in the log, and the threads that a run on two cores has.
HERE = ["--verbose", "--latency-wait", "5", "--slurm-init-seconds-before-status-checks", "8",
        "--set-threads", "extract_activations=1"]  # fmt: skip
CONF = Path("/etc/slurm/slurm.conf")
OTHERS = CONF.exists() and "Orrery's tests" not in CONF.read_text()
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or OTHERS or not os.path.exists("/usr/sbin/slurmctld"), reason="no Slurm for tests"
)


def call(*command, check=True):
    """The output of a command."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def until(found, seconds, driver=None):
    """What `found` gives as soon as it gives anything."""
    end = time.time() + seconds
    while not (answer := found()):
        assert time.time() < end, "it did not happen in time"
        assert driver is None or driver.poll() is None, "the driver ended before"
        time.sleep(0.3)
    return answer


def queued(state, partition="gpu"):
    """The ids of a partition's jobs in a state."""
    return call("squeue", "-h", "-p", partition, "-t", state, "-o", "%i", check=False).split()


def script_of(folder):
    """The ids of the processes that read the model in a folder."""
    return call("pgrep", "-f", f"{folder}/.snakemake/scripts/.*extract_activations", check=False).split()


def strike(processes, number):
    """Send a signal to processes, some of which may have ended."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(int(process), number)


@pytest.fixture(scope="module")
def slurm():
    """A Slurm of two nodes, gone afterwards."""
    up = subprocess.run([SLURM, "up"], capture_output=True, text=True, timeout=120, check=False)
    if up.returncode:
        pytest.skip(f"no Slurm comes up on this machine: {up.stderr[-300:]}")
    yield
    call(SLURM, "down")


@pytest.fixture(scope="module")
def config(small):
    run = {**small["run"], "reducers": ["pca"], "figures": ["scatter-2d", "metrics"], "formats": ["html", "png"]}
    return {**small, "run": run}


def folder_of(folder, config):
    """A copy of the workflow whose profile has the account filled in."""
    copy_workflow(folder)
    profile = folder / "profiles/slurm/config.yaml"
    profile.write_text(profile.read_text().replace("my_account", "orrery"))
    write(folder, config)
    return folder


@pytest.fixture(scope="module")
def local(config, tmp_path_factory):
    """The results of a run without Slurm."""
    folder = folder_of(tmp_path_factory.mktemp("local") / "workflow", config)
    done = snakemake(folder, "--cores", "2", "--configfile", "mine.yaml")
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "results"


@pytest.fixture
def folder(config, tmp_path, slurm):
    return folder_of(tmp_path / "workflow", config)


def start(folder, *arguments):
    """A driver that runs in the background, what it says in `driver.log`."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE", "HF_"))}
    with open(folder / "driver.log", "a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments, *PROFILE, *HERE],
            cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def finish(driver, folder, seconds=300):
    """Wait for a driver that must end well; the lines of sbatch that it wrote."""
    try:
        assert driver.wait(seconds) == 0, (folder / "driver.log").read_text()[-4000:]
    finally:
        if driver.poll() is None:
            os.killpg(driver.pid, signal.SIGKILL)
    return submissions((folder / "driver.log").read_text())


def submissions(log):
    return re.findall(r"^sbatch call: (sbatch .*?) --wrap", log, re.MULTILINE)


def contents(path):
    """What a file says, without where and when its corpus was read."""
    if path.suffix == ".h5":
        found = {}
        with h5py.File(path) as file:
            file.visititems(lambda name, item: found.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
        return {name: (a.tolist() if a.dtype.kind == "O" else a.tobytes()) for name, a in found.items()}
    return repr(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else path.read_bytes()


def files(results):
    return {
        path.relative_to(results)
        for path in results.rglob("*")
        if path.is_file() and path.relative_to(results).parts[0] not in ("logs", "benchmarks", "assets", "scans")
    }


@pytest.fixture(scope="module")
def sweep(slurm, config, tmp_path_factory):
    """(folder, sbatch's lines) of the small sweep through Slurm."""
    folder = folder_of(tmp_path_factory.mktemp("slurm") / "workflow", config)
    return folder, finish(start(folder), folder, 600)


def test_the_sweep_is_the_same_through_slurm(sweep, local):
    """Every file of it, byte by byte; every job's sbatch line is in the log, and the log of every job is kept."""
    folder, lines = sweep
    found = files(folder / "results")
    assert found == files(local) and len([f for f in found if f.suffix == ".html"]) > 8
    assert [str(f) for f in found if contents(folder / "results" / f) != contents(local / f)] == []
    assert len(lines) == 7 + 4  # the set's six readings and one scan; projections, measures, figures and the summary
    cards = [line for line in lines if "extract_activations" in line]
    assert len(cards) == 4 and all(" -p gpu " in line and "--gpus=1" in line and "-A orrery" in line for line in cards)
    assert all("--gpus" not in line and " -p cpu " in line for line in lines if line not in cards)
    logs = list((folder / ".snakemake/slurm_logs").rglob("*.log"))
    assert len(logs) == len(lines)


def test_a_group_asks_for_what_runs_at_a_time(sweep):
    """Drawings of 1,000 MB and five minutes each, one after another, as the plugin runs them."""
    folder, lines = sweep
    figures = [line for line in lines if "group_figures" in line or "rule_figures" in line]
    drawn = len([f for f in files(folder / "results") if f.parts[0] == "figures" and f.suffix in (".html", ".png")])
    assert len(figures) == 1
    assert f"-t {5 * drawn} --mem 1000 " in figures[0] and "--cpus-per-task=1" in figures[0]


def test_a_thousand_figures_are_sixty_submissions(config, tmp_path):
    many = {
        **config,
        "models": {name: {"asset": "tiny", "depth": 3, "layers": ["embed", 0, 1, 2]} for name in ("a", "b", "c")},
        "reducers": {f"pca-{n}": {"method": "pca", "components": n} for n in range(3, 10)},
    }
    many["run"] = {
        "models": ["a", "b", "c"], "samples": ["prompts/weekdays", "prompts/months", "prompts/integers-0-99"],
        "reducers": list(many["reducers"]), "figures": ["scatter-2d", "scatter-3d", "grid", "variance"], "formats": ["html"],
    }  # fmt: skip
    folder = folder_of(tmp_path / "workflow", many)
    planned = snakemake(folder, "-n", *PROFILE)
    text, counted = planned.stdout + planned.stderr, jobs(planned)
    assert counted["draw_interactive"] > 1000
    groups = len(re.findall(r"^\[.*\] Group job \w+", text, re.MULTILINE))
    apart = len(re.findall(r"^Job \d+: ", text, re.MULTILINE)) - sum(
        counted.get(rule, 0) for rule in ("fetch_asset", "expand_prompts", "share_plotly", "all")
    )
    assert groups + max(apart, 0) <= 60, (groups, apart)


@pytest.fixture
def reading(folder, local):
    """(folder, driver, id) of a run for one figure whose model is being read."""
    driver = start(folder, FIGURE)
    job = until(lambda: queued("R"), 90, driver)[0]
    # An srun that asks slurmctld for a step in the very second in which that is away waits for ever.
    until(lambda: script_of(folder), 90, driver)
    yield folder, driver, job
    if driver.poll() is None:
        os.killpg(driver.pid, signal.SIGKILL)
    call("scancel", "-u", "root", check=False)
    until(lambda: not call("squeue", "-h", check=False), 30)


def is_as_local(folder, local):
    return all(contents(folder / name) == contents(local.parent / name) for name in (FIGURE, READ))


def test_a_cancelled_job_is_tried_again_with_more(reading, local):
    folder, driver, job = reading
    call("scancel", job)
    lines = [line for line in finish(driver, folder) if "extract_activations" in line]
    assert [re.search(r"-t (\d+) --mem (\d+)", line).groups() for line in lines] == [("240", "16000"), ("480", "32000")]
    assert is_as_local(folder, local)


def test_slurmd_dies_and_comes_back(reading, local):
    folder, driver, _ = reading
    call(SLURM, "stop", "gpu1", "KILL")
    time.sleep(2)
    call(SLURM, "start", "gpu1")
    lines = finish(driver, folder)
    assert len([line for line in lines if "extract_activations" in line]) == 1 and is_as_local(folder, local)


def test_slurmctld_is_restarted(reading, local):
    folder, driver, _ = reading
    call(SLURM, "stop", "slurmctld")
    time.sleep(5)
    call(SLURM, "start", "slurmctld")
    assert len(finish(driver, folder)) == 3 and is_as_local(folder, local)


def test_the_driver_is_killed_and_started_again(reading, local):
    """As the page says: cancel what is left, unlock, and run the same line."""
    folder, driver, job = reading
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    assert queued("R") == [job]
    page = (ROOT / "docs/cluster.md").read_text()
    cancel = re.search(r"^squeue .*xargs -r scancel$", page, re.MULTILINE).group(0)
    subprocess.run(cancel, shell=True, check=True, timeout=60)
    until(lambda: not queued("R,CG"), 30)
    assert snakemake(folder, "--unlock", *PROFILE).returncode == 0
    finish(start(folder, FIGURE), folder)
    assert is_as_local(folder, local)


def test_all_cards_are_taken(folder, local):
    """The job waits in Slurm's queue and not in Snakemake's."""
    other = call("sbatch", "--parsable", "-p", "gpu", "--gpus=2", "--mem=100", "-o", "/dev/null", "--wrap", "sleep 900")
    until(lambda: queued("R"), 20)
    driver = start(folder, FIGURE)
    until(lambda: queued("PD"), 90, driver)
    time.sleep(3)
    assert driver.poll() is None and len(queued("PD")) == 1
    call("scancel", other)
    finish(driver, folder)
    assert is_as_local(folder, local)


def test_a_job_that_hangs_is_ended_by_its_time_and_tried_again(folder, local):
    """One minute, then two: a reading that is stopped (as on a file system that hangs) is killed by Slurm."""
    limits = ["--set-resources", "extract_activations:slurm_partition=gpu", "extract_activations:runtime=attempt"]
    driver = start(folder, FIGURE, *limits)
    job = until(lambda: queued("R"), 90, driver)[0]
    strike(until(lambda: script_of(folder), 60, driver), signal.SIGSTOP)
    until(lambda: job not in queued("R"), 150, driver)
    lines = [line for line in finish(driver, folder, 400) if "extract_activations" in line]
    assert [re.search(r"-t (\d+)", line).group(1) for line in lines][:2] == ["1", "2"]
    assert is_as_local(folder, local)


def test_a_node_is_lost(reading, local):
    """All that ran on it is gone, Slurm says so, and the reading is done anew."""
    folder, driver, job = reading
    steps = call("pgrep", "-f", f"slurmstepd: \\[{job}\\.", check=False).split()
    call(SLURM, "stop", "gpu1", "KILL")
    strike([*steps, *script_of(folder)], signal.SIGKILL)
    call("scontrol", "update", "nodename=gpu1", "state=down", "reason=lost")
    time.sleep(5)
    call(SLURM, "start", "gpu1")
    call("scontrol", "update", "nodename=gpu1", "state=resume")
    finish(driver, folder, 500)
    assert is_as_local(folder, local)


def test_the_profile_names_rules_that_exist():
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    rules = set(
        re.findall(
            r"^(?:use )?rule (?:\w+ as )?(\w+)",
            "\n".join(p.read_text() for p in sorted(ROOT.glob("workflow/rules/*.smk"))),
            re.MULTILINE,
        )
    )
    named = {*profile["groups"], *profile["set-resources"], *profile["set-threads"]}
    assert named <= rules and set(profile["group-components"]) <= set(profile["groups"].values())
    assert shutil.which("sbatch")
