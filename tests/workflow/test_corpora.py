"""Corpora of every kind through the rules: files, the hub, tables, prompts; cut connections, killed scans, full disks."""

import bz2
import csv
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub import COMMIT, serving
from orrery import store
from tools import WEEKDAYS, jobs, snakemake, write

SAMPLES = "results/samples/{}/weekdays.parquet"
WORDS = [
    "the",
    "committee",
    "agreed",
    "that",
    "hearing",
    "would",
    "be",
    "held",
    "at",
    "noon",
    "nobody",
    "else",
    "had",
    "to",
]


def documents(n, seed=0):
    """Texts of common words with a weekday here and there."""
    rng = random.Random(seed)
    for _ in range(n):
        words = rng.choices(WORDS, k=rng.randrange(15, 80))
        if rng.random() < 0.5:
            words.insert(rng.randrange(len(words)), rng.choice(WEEKDAYS))
        yield " ".join(words)


def config(corpora, **more):
    """A config with corpora as name → (asset, entry)."""
    options = {"per_label": 20, "min_chars": 20, "near_duplicates": "ignore"}
    return {
        "assets": {name: asset for name, (asset, _) in corpora.items()},
        "corpora": {name: {"asset": name, **entry} for name, (_, entry) in corpora.items()},
        "concepts": {"weekdays": {"corpus": options}, "months": {"corpus": {"per_label": 5}}},
        **more,
    }


def make(folder, settings, *targets, cores=2, **env):
    done = snakemake(folder, *targets, "--cores", str(cores), "--configfile", write(folder, settings), env=env)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done


def plain(folder, source):
    columns, attributes = store.read_table(folder / SAMPLES.format(source))
    return list(zip(columns["label"], columns["text"], columns["start"], columns["row"])), attributes


@pytest.fixture(autouse=True)
def small_units(workflow):
    """Every file is a unit of its own."""
    module = workflow / "scripts/orrery/corpus/scan.py"
    module.write_text(module.read_text().replace("UNIT_BYTES = 16 << 20", "UNIT_BYTES = 0"))


def write_corpus(folder, n_files=6, rows=3000, **columns):
    folder.mkdir(exist_ok=True)
    for number in range(n_files):
        table = {"text": list(documents(rows, number)), **{k: [f(i) for i in range(rows)] for k, f in columns.items()}}
        pq.write_table(pa.table(table), folder / f"{number:03d}.parquet", row_group_size=500)
    return folder


DUMP = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/"><siteinfo><base>https://x.org/wiki/Main</base></siteinfo>
{}</mediawiki>"""
PAGE = "<page><title>P{0}</title><ns>0</ns><id>{0}</id><revision><id>9</id><text>{1}</text></revision></page>"


def test_every_kind_of_file_gives_the_same_samples(workflow, tmp_path):
    texts = list(documents(2000))
    rows = [{"id": str(n), "text": text} for n, text in enumerate(texts)]
    jsonl = "".join(json.dumps(row) + "\n" for row in rows).encode()
    files = {
        "x.jsonl": jsonl, "x.jsonl.gz": gzip.compress(jsonl), "x.jsonl.zst": pa.compress(jsonl, "zstd", asbytes=True),
        "x.csv": ("id,text\n" + "".join(f'{n},"{text}"\n' for n, text in enumerate(texts))).encode(),
        "x.tsv": ("id\ttext\n" + "".join(f"{n}\t{text}\n" for n, text in enumerate(texts))).encode(),
        "x.txt": "\n".join(texts).encode(),
        "x.xml.bz2": bz2.compress(DUMP.format("".join(PAGE.format(n, text) for n, text in enumerate(texts))).encode()),
    }  # fmt: skip
    corpora = {}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        asset = {"path": str(tmp_path / name), **({"convert": "mediawiki"} if "xml" in name else {})}
        corpora[name.replace("x.", "")] = asset, {}
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    corpora["parquet"] = {"path": str(tmp_path / "x.parquet")}, {}
    for n, text in enumerate(texts[:700]):
        (tmp_path / "texts" / f"{n:04d}.txt").parent.mkdir(exist_ok=True)
        (tmp_path / "texts" / f"{n:04d}.txt").write_text(text)
    corpora["texts"] = {"path": str(tmp_path / "texts")}, {"format": "text"}
    make(workflow, config(corpora), *map(SAMPLES.format, corpora))
    expected, attributes = plain(workflow, "parquet")
    assert len(expected) == 140 and attributes["report"]["kept"]["Monday"] == 20
    for name in {*corpora} - {"texts"}:
        assert plain(workflow, name)[0] == expected, name
    assert [sample[:3] for sample in plain(workflow, "texts")[0]] == [sample[:3] for sample in expected]


# ------------------------------------------------------------------------------------------------------- the hub

CARD = """---
configs:
- config_name: small
  data_files: [{split: train, path: sample/*.parquet}, {split: test, path: held/*.parquet}]
---
"""


@pytest.fixture(scope="module")
def data_set(tmp_path_factory):
    """A data set with a card, two splits, and a column that nobody needs and that is larger than the text."""
    folder = tmp_path_factory.mktemp("hub")
    rubbish = random.Random(1)
    write_corpus(folder / "sample", 3, 3000, id=str, junk=lambda _: rubbish.randbytes(900).hex())
    write_corpus(folder / "held", 1, 500)
    (folder / "README.md").write_text(CARD)
    return folder


def hub_config(**asset):
    return config({"web": ({"hub": "org/texts", "kind": "dataset", **asset}, {}), "local": ({"path": "sample"}, {})})


def hub_environment(hub, tmp_path):
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "cache"),
        "HF_TOKEN": "hf_secret",
        "HF_HUB_DISABLE_XET": "1",
    }


def local_samples(workflow, data_set):
    if data_set != workflow:
        (workflow / "sample").symlink_to(data_set / "sample")
    make(workflow, hub_config(), SAMPLES.format("local"))
    return plain(workflow, "local")[0]


def test_a_data_set_is_read_in_place(workflow, tmp_path, data_set):
    expected = local_samples(workflow, data_set)
    with serving({"datasets/org/texts": data_set}, faults=[500, None, 429, None, "cut", None, 503]) as hub:
        make(
            workflow, hub_config(config="small", split="train"), SAMPLES.format("web"), **hub_environment(hub, tmp_path)
        )
    samples, attributes = plain(workflow, "web")
    assert samples == expected and attributes["asset"]["commit"] == COMMIT
    content = [entry for entry in hub.log if entry[0].endswith(".parquet")]
    assert {name for name, *_ in content} == {"sample/000.parquet"}  # the quotas were full before the second
    size = (data_set / "sample/000.parquet").stat().st_size
    read = sum(length for _, _, length, _ in content)
    assert read < 0.45 * size, (read, size)  # the text's column and the id's, not the other
    assert {token for *_, token in content} == {"Bearer hf_secret"}
    assert not list((workflow / "results/assets/web").glob("*.parquet"))


def test_compressed_lines_of_the_hub_and_labels_that_are_short(workflow, tmp_path):
    rows = [{"text": text, "url": f"https://x.org/{n}"} for n, text in enumerate(documents(100))]
    for folder in (tmp_path / "hub" / "en", workflow / "sample"):
        folder.mkdir(parents=True)
        (folder / "c4-train.000.json.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    expected = local_samples(workflow, workflow)
    with serving({"datasets/org/texts": tmp_path / "hub"}, faults=[500, None, "cut"]) as hub:
        done = make(workflow, hub_config(files=["en/*"]), SAMPLES.format("web"), **hub_environment(hub, tmp_path))
    samples, attributes = plain(workflow, "web")
    report = attributes["report"]
    assert samples == expected and attributes["asset"]["commit"] == COMMIT
    assert max(report["kept"].values()) < 20
    assert "web/weekdays: fewer than the 20 wanted of " in done.stdout + done.stderr
    assert f"Monday {report['kept']['Monday']} (found {report['found']['Monday']})" in done.stdout + done.stderr


def test_without_the_network_from_the_standard_cache(workflow, tmp_path, data_set):
    expected = local_samples(workflow, data_set)
    with serving({"datasets/org/texts": data_set}) as hub:
        environment = {**os.environ, **hub_environment(hub, tmp_path)}
        download = "import huggingface_hub as h; h.snapshot_download('org/texts', repo_type='dataset')"
        subprocess.run([sys.executable, "-c", download], env=environment, check=True, capture_output=True, timeout=120)
        n_requests = len(hub.log)
        make(workflow, hub_config(files=["sample/*.parquet"]), SAMPLES.format("web"), HF_HUB_OFFLINE="1",
             **hub_environment(hub, tmp_path))  # fmt: skip
        assert len(hub.log) == n_requests
    assert plain(workflow, "web")[0] == expected


REFUSALS = [
    ({"config": "large"}, (), "assets.web.config: "),
    ({"config": "small", "split": "dev"}, (), "assets.web.split: 'org/texts' has no split 'dev'; it has train, test."),
    ({"files": ["*.gz"]}, (), "assets.web.files: no file of 'org/texts' matches"),
    ({"revision": "v9"}, (), "assets.web.hub: 'org/texts' has no revision 'v9'"),
    ({"files": ["sample/*"]}, [403], "corpora.web: 'sample/000.parquet' could not be read: 'org/texts' is gated;"),
    ({"files": ["sample/*"]}, [404], "corpora.web: 'sample/000.parquet' could not be read: "),
]


@pytest.mark.parametrize("asset, faults, sentence", REFUSALS, ids=[r[2][:40] for r in REFUSALS])
def test_what_the_hub_refuses(workflow, tmp_path, data_set, asset, faults, sentence):
    with serving({"datasets/org/texts": data_set}, faults) as hub:
        done = snakemake(workflow, SAMPLES.format("web"), "--cores", "1", "--configfile", write(workflow, hub_config(**asset)),
                         env=hub_environment(hub, tmp_path))  # fmt: skip
    text = done.stdout + done.stderr
    assert done.returncode and f"orrery: {sentence}" in text and "Traceback (most" not in text, text[-3000:]


# ------------------------------------------------------------------------------------------- tables and templates


def test_a_table_of_ones_own(workflow, tmp_path):
    rows = [(day, f"{n} of us met on {day}") for n in range(9) for day in WEEKDAYS]
    with open(tmp_path / "days_filtered.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [("day", "context"), *rows, ("Someday", "it was Someday"), ("Friday", "no day here")]
        )
    corpora = {
        "days": ({"path": str(tmp_path / "days_filtered.csv")}, {"labelled": True, "label": "day", "text": "context"})
    }
    done = make(workflow, config(corpora), SAMPLES.format("days"))
    samples, attributes = plain(workflow, "days")
    assert len(samples) == 63 and all(text[start:] == label for label, text, start, _ in samples)
    assert attributes["report"]["dropped"] == {"label not in the text": 1, "no label of the concept": 1}
    assert "days/weekdays: kept 63 of 65 rows" in done.stderr


def test_templates_with_categories_and_from_a_table(workflow, tmp_path):
    (tmp_path / "t.csv").write_text("id,template\ngreeting,See you {phrase}\nbare,It is {label} {time}\n")
    days = {
        "topology": "circle", "labels": WEEKDAYS, "templates_file": str(tmp_path / "t.csv"),
        "templates": ["We left on a {part} {label}"], "phrase": "{part} {label} {time}",
        "categories": {"part": ["early", "late"], "time": ["morning", "evening"]},
    }  # fmt: skip
    make(workflow, {"concepts": {"day-times": days}}, "results/samples/prompts/day-times.parquet")
    columns, _ = store.read_table(workflow / "results/samples/prompts/day-times.parquet")
    assert len(columns["text"]) == 7 * (2 + 4 + 2)
    tuesday = {(g, t, t[s:e]) for g, t, s, e, label in zip(*(columns[c] for c in ("group", "text", "start", "end", "label")))
               if label == "Tuesday"}  # fmt: skip
    assert ("greeting", "See you early Tuesday morning", "early Tuesday morning") in tuesday
    assert ("bare", "It is Tuesday evening", "Tuesday") in tuesday
    assert ("template 1", "We left on a late Tuesday", "Tuesday") in tuesday


# ------------------------------------------------------------------------------ the same for any number of anything


def spread_config(folder, scatter=1, per_label=60, **more):
    settings = config({"mine": ({"path": str(folder)}, {"scatter": scatter, **more})})
    settings["concepts"]["weekdays"]["corpus"] |= {
        "sampling": "spread",
        "per_label": per_label,
        "near_duplicates": "drop",
    }
    return settings


def test_cores_and_scatter_change_no_byte(workflow, tmp_path):
    corpus, target = write_corpus(tmp_path / "corpus"), workflow / SAMPLES.format("mine")
    made = {}
    for scatter, cores in ((1, 1), (1, 4), (7, 2)):
        target.unlink(missing_ok=True)
        make(workflow, spread_config(corpus, scatter), SAMPLES.format("mine"), cores=cores)
        made[scatter, cores] = target.read_bytes()
    assert len(set(made.values())) == 1
    assert not list((workflow / "results/scans").rglob("*.parquet"))
    assert jobs(snakemake(workflow, "-n", SAMPLES.format("mine"), "--configfile", "mine.yaml")) == {}


def test_concepts_share_a_scan_and_an_edit_touches_its_own_only(workflow, tmp_path):
    corpus = write_corpus(tmp_path / "corpus", 2, 1000)
    settings = spread_config(corpus, together=["weekdays", "words"])
    settings["concepts"]["words"] = {"topology": "line", "labels": ["noon", "nobody"], "corpus": {"min_chars": 5}}
    targets = [SAMPLES.format("mine"), "results/samples/mine/words.parquet"]
    make(workflow, settings, *targets)
    logs = [(workflow / f"results/logs/filter_corpus/mine/{c}.log").read_text() for c in ("weekdays", "words")]
    assert sorted("0 MB of text" in log for log in logs) == [False, True], logs  # one of them found its pieces made
    assert not list((workflow / "results/scans").rglob("*.parquet"))
    settings["concepts"]["words"]["corpus"]["min_chars"] = 9
    assert jobs(snakemake(workflow, "-n", *targets, "--configfile", write(workflow, settings))) == {"filter_corpus": 1}
    make(workflow, settings, *targets)
    assert not list((workflow / "results/scans").rglob("*.parquet"))  # weekdays were not looked for
    settings["corpora"]["mine"]["together"] = []
    assert jobs(snakemake(workflow, "-n", *targets, "--configfile", write(workflow, settings))) == {}
    (corpus / "000.parquet").write_bytes((corpus / "001.parquet").read_bytes())
    planned = jobs(snakemake(workflow, "-n", *targets, "--configfile", "mine.yaml"))
    assert planned == {"fetch_asset": 1, "filter_corpus": 2}


def test_a_scan_killed_at_any_moment_goes_on(workflow, tmp_path):
    corpus, target = write_corpus(tmp_path / "corpus", 12, 4000), workflow / SAMPLES.format("mine")
    settings = spread_config(corpus)
    make(workflow, settings, SAMPLES.format("mine"))
    whole = target.read_bytes()
    rng, pieces = random.Random(0), workflow / "results/scans/mine"
    target.unlink()
    kept = []
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-m", "snakemake", SAMPLES.format("mine"), "--cores", "2", "--configfile", "mine.yaml"],
            cwd=workflow, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        deadline, n_before = time.time() + 60, len(kept)
        while time.time() < deadline and len(kept := list(pieces.glob("[0-9a-f]*.parquet"))) < n_before + rng.randrange(
            1, 4
        ):
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        snakemake(workflow, "--unlock", "--configfile", "mine.yaml")
    assert 3 <= len(kept) <= 12 and not target.exists()
    log = workflow / "results/logs/filter_corpus/mine/weekdays.log"
    make(workflow, settings, SAMPLES.format("mine"))
    assert target.read_bytes() == whole and f"{len(kept)} pieces were there" in log.read_text()
    assert not list(pieces.rglob("*.parquet"))


def test_a_full_disk_gets_a_sentence(workflow, tmp_path):
    corpus = write_corpus(tmp_path / "corpus", 1, 6000)
    write(workflow, spread_config(corpus, per_label=800))
    (workflow / "results").mkdir()
    run = f"mount -t tmpfs -o size=256k tmpfs results && exec {sys.executable} -m snakemake {SAMPLES.format('mine')} --cores 1 " \
          "--configfile mine.yaml"  # fmt: skip
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs a namespace of its own to mount a small disk")
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", run], cwd=workflow, capture_output=True, text=True, check=False
    )
    text = done.stdout + done.stderr
    assert done.returncode and "the disk has no room for this file" in text and "Traceback (most" not in text, text[
        -3000:
    ]
