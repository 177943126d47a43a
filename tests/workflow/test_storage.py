"""Nothing is shared but a storage: a folder elsewhere, or a bucket of an S3 server on loopback."""

import shutil

import pytest
from tools import copy_workflow, snakemake, write

TARGETS = ["results/figures/tiny/mine/weekdays/01/pca/scatter-2d.html", "results/headline.csv"]


@pytest.fixture
def folder(small, tmp_path):
    folder = copy_workflow(tmp_path / "workflow")
    write(folder, {**small, "run": {**small["run"], "samples": ["mine/weekdays"]}})
    return folder


def run(folder, provider, prefix, env=None):
    """Two targets whose files are in a storage and nowhere else."""
    options = ["--default-storage-provider", provider, "--default-storage-prefix", prefix]
    done = snakemake(folder, *TARGETS, "--cores", "2", "--configfile", "mine.yaml", *options, env=env)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert {path.name for path in folder.glob("results/*")} <= {"scans"}  # what a scan in progress has found
    return done


@pytest.mark.skipif(not shutil.which("rsync"), reason="Snakemake's fs storage needs rsync")
def test_all_files_may_be_in_a_folder_elsewhere(folder, first_run, tmp_path):
    run(folder, "fs", str(tmp_path / "store"))
    for target in TARGETS[:1]:
        assert (tmp_path / "store" / target).read_bytes() == (first_run[0] / target).read_bytes()
    assert (tmp_path / "store/results/headline.csv").read_text().count("weekdays") > 2


@pytest.fixture
def bucket(monkeypatch):
    """A bucket of an S3 server on loopback, with the client's settings for it."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1",
                          aws_access_key_id="a", aws_secret_access_key="b")  # fmt: skip
    client.create_bucket(Bucket="orrery")
    yield client, f"http://{host}:{port}"
    server.stop()


def test_all_files_may_be_in_a_bucket(folder, first_run, bucket):
    client, url = bucket
    env = {"SNAKEMAKE_STORAGE_S3_ENDPOINT_URL": url, "SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "a",
           "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "b", "SNAKEMAKE_STORAGE_S3_REGION": "us-east-1"}  # fmt: skip
    run(folder, "s3", "s3://orrery/runs", env)
    read = client.get_object(Bucket="orrery", Key=f"runs/{TARGETS[0]}")["Body"].read()
    assert read == (first_run[0] / TARGETS[0]).read_bytes()
    again = snakemake(folder, *TARGETS, "-n", "--configfile", "mine.yaml", "--default-storage-provider", "s3",
                      "--default-storage-prefix", "s3://orrery/runs", env=env)  # fmt: skip
    assert "Nothing to be done" in again.stdout + again.stderr
