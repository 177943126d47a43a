"""A file that is not as it was written is named; nothing in it is used, and no two jobs share one."""

import importlib.util
import io
import multiprocessing
import random
import re
import resource
import time
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from orrery import logs, store
from orrery.corpus import scan
from orrery.errors import OrreryError
from orrery.store import seal
from tools import ROOT

SPEC = importlib.util.spec_from_file_location("bit_flips", ROOT / "tests/benchmarks/bit_flips.py")
flips = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(flips)


def test_a_flipped_bit_or_a_cut_is_named_in_every_kind_of_file():
    found = flips.trials(60, seed=3)
    assert flips.bad(found) == 0 and len(found) == 12
    named = sum(counts[flips.NAMED] for counts in found.values())
    assert named == 60 and all(counts[f"cut: {flips.NAMED}"] == 5 for counts in found.values())


def test_what_is_wrong_is_said(tmp_path):
    paths = flips.make(tmp_path)

    def said(path, data):
        path.write_bytes(data)
        with pytest.raises(OrreryError) as error:
            flips.read(path)
        return str(error.value)

    path, data = paths["vocabulary"], paths["vocabulary"].read_bytes()
    with h5py.File(path) as file:
        place = file["layers/00"].id.get_offset() + 9
    flipped = data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]
    again = "delete it and run again."
    assert said(path, flipped) == f"{path} is damaged (the checksum of layer 00 does not match); {again}"
    np.testing.assert_array_equal(store.read_layer(path, "01"), np.asarray(store.read_layer(path, "01")))
    assert said(path, b"") == f"{path} is damaged (it is empty); {again}"
    assert said(path, data[:-9]) == (
        f"{path} is damaged (its end is missing, or it was written by something else); {again}"
    )
    table, rows = paths["samples"].read_bytes(), paths["headline"].read_bytes().splitlines(keepends=True)
    for kind in ("samples", "headline", "asset"):
        assert said(paths[kind], b"") == f"{paths[kind]} is damaged (it is empty); {again}"
    assert said(paths["samples"], table[:-3]) == f"{paths['samples']} is damaged (its end is missing); {again}"
    assert "its checksum does not match, or it was edited" in said(paths["headline"], b"".join(rows[:-1]))
    assert "its checksum does not match, or it was edited" in said(paths["headline"], rows[0])


def test_other_programs_read_what_is_sealed(tmp_path):
    paths = flips.make(tmp_path)
    with h5py.File(paths["vocabulary"]) as file:
        np.testing.assert_array_equal(file["layers/01"][:], store.read_layer(paths["vocabulary"], "01"))
    table = pq.read_table(paths["metrics"])
    assert (
        table.num_rows == 40 and table["value"].to_pylist() == store.read_table(paths["metrics"])[0]["value"].tolist()
    )
    assert paths["headline"].read_text().count("\n") == 10


def test_tables_without_rows_are_checked_too(tmp_path):
    store.write_rows(tmp_path / "x.csv", [], ["a", "b"])
    assert store.read_rows(tmp_path / "x.csv") == []
    text = (tmp_path / "x.csv").read_text()
    (tmp_path / "x.csv").write_text(text.replace("a,b", "a,c"))
    with pytest.raises(OrreryError, match=r"x.csv is damaged"):
        store.read_rows(tmp_path / "x.csv")


def test_facts_of_older_versions_are_taken(tmp_path):
    (tmp_path / "asset.json").write_text('{"asset": "a"}')
    assert store.read_facts(tmp_path / "asset.json") == {"asset": "a"}


def test_files_of_other_kinds_and_formats_are_refused(tmp_path, monkeypatch):
    paths = flips.make(tmp_path)
    with pytest.raises(OrreryError, match=r"analysis.h5 holds analysis, not projection; delete it and run again\."):
        store.read_projection(paths["analysis"], "projection")
    with pytest.raises(OrreryError, match=r"samples.parquet holds samples, not metrics"):
        store.read_table(paths["samples"], "metrics")
    with pytest.raises(OrreryError, match=r"projection.h5 holds projection, not activations"):
        store.read_layer(paths["projection"], "00")
    monkeypatch.setattr("orrery.store.files.FORMAT", store.FORMAT + 1)
    seal._checked.cache_clear()
    for kind in ("projection", "samples", "activations"):
        with pytest.raises(OrreryError, match=f"{kind}.* has the format 4, not 5; delete it and run again"):
            flips.read(paths[kind])
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file["x"] = [1]
    with pytest.raises(
        OrreryError, match=r"old.h5 is damaged \(its end is missing, or it was written by something else"
    ):
        store.read_attributes(tmp_path / "old.h5")


def test_arrays_beyond_what_the_system_writes_at_once(tmp_path, monkeypatch):
    """Linux takes at most 2 GiB, and a disk that fills takes what it can."""
    import os

    pwrite = os.pwrite
    monkeypatch.setattr("os.pwrite", lambda descriptor, data, place: pwrite(descriptor, bytes(data)[:100], place))
    layers = {"00": np.arange(200, dtype=np.float32).reshape(10, 20)}
    store.write_activations(tmp_path / "x.h5", layers, {"label": ["a"] * 10}, {})
    np.testing.assert_array_equal(store.read_layer(tmp_path / "x.h5", "00"), layers["00"])


# ------------------------------------------------------------------------------------------------------- two jobs


N, T = 40, [[1, 2, 3]] * 40


def growing(path, tag):
    """An extraction of a config that is called `tag`; its vectors are all the number `tag`."""
    return store.Growing(path, {"00": 8, "01": 4}, {"label": ["a"] * N}, T, {"stored_as": "float32", "tag": tag}, [tag])


def fill(file, tag, batches=range(8), wait=0.0):
    for batch in batches:
        if batch not in file.done:
            rows = range(batch * 5, batch * 5 + 5)
            file.put(rows, {name: np.full((5, d), tag, np.float32) for name, d in (("00", 8), ("01", 4))})
            file.finished(batch)
            time.sleep(wait)


def job(path, tag, wait, begun):
    """A process that extracts; its exit code tells whether it placed its file."""
    try:
        file = growing(path, tag)
        begun.set()
        with file:
            fill(file, tag, wait=wait)
    except OrreryError as error:
        assert "a later run writes this file" in str(error)
        raise SystemExit(3) from None


def check_tag(path, tag):
    assert store.read_attributes(path)["tag"] == tag
    assert all(np.unique(store.read_layer(path, name)).tolist() == [tag] for name in ("00", "01"))


@pytest.mark.parametrize("seed", range(6))
def test_the_later_of_two_configs_is_in_the_file(tmp_path, seed):
    """Whichever ends first, and with three at once."""
    rng, path = random.Random(seed), tmp_path / "x.h5"
    context, waits = multiprocessing.get_context("fork"), [rng.choice((0.005, 0.02, 0.04)) for _ in range(3)]
    jobs = []
    for tag, wait in enumerate(waits):
        begun = context.Event()
        jobs.append(context.Process(target=job, args=(path, tag, wait, begun)))
        jobs[-1].start()
        assert begun.wait(30)
        time.sleep(rng.uniform(0.03, 0.1))
    for process in jobs:
        process.join()
    assert jobs[-1].exitcode == 0 and {process.exitcode for process in jobs} <= {0, 3}
    check_tag(path, 2)
    assert [file.name for file in tmp_path.iterdir()] == ["x.h5"]


def test_a_part_that_a_living_job_writes_is_not_taken_over(tmp_path):
    path = tmp_path / "x.h5"
    with pytest.raises(OrreryError, match="a later run writes this file"), growing(path, 1) as first:
        fill(first, 1, range(3))
        with growing(path, 1) as second:
            assert second.done == set()
            fill(second, 1)
        fill(first, 1, range(3, 8))
    check_tag(path, 1)
    assert [file.name for file in tmp_path.iterdir()] == ["x.h5"]


def test_without_locks_a_part_is_taken_over_and_its_writer_ends(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("orrery.store.growing.flock", no_locks)
    path = tmp_path / "x.h5"
    with pytest.raises(OrreryError, match="a later run writes this file"), growing(path, 1) as first:
        fill(first, 1, range(3))
        with growing(path, 1) as second:
            assert second.done <= {0, 1, 2} and 0 in second.done
            fill(second, 1)
        fill(first, 1, range(3, 8))
    check_tag(path, 1)


def interrupted(path):
    with pytest.raises(KeyboardInterrupt), growing(path, 1) as file:
        fill(file, 1, range(5))
        raise KeyboardInterrupt
    return next(path.parent.glob(".x.h5.*.part")), next(path.parent.glob(".x.h5.*.journal"))


def test_a_damaged_batch_is_read_again(tmp_path, capsys):
    path = tmp_path / "x.h5"
    part, _ = interrupted(path)
    with h5py.File(part) as file:
        place = file["layers/01"].id.get_offset() + 12 * 16  # row 12, of batch 2
    data = bytearray(part.read_bytes())
    data[place] ^= 1
    part.write_bytes(data)
    with growing(path, 1) as file:
        assert file.done == {0, 1, 3, 4}
        fill(file, 1)
    assert "1 batches of it are damaged, and read again" in capsys.readouterr().out
    check_tag(path, 1)


@pytest.mark.parametrize("seed", range(12))
def test_bits_that_flip_while_a_job_is_dead(tmp_path, seed):
    """In the part or its journal, wherever: what is made in the end is right."""
    rng, path = random.Random(seed), tmp_path / "x.h5"
    left = interrupted(path)[seed % 2]
    left.write_bytes(flips.flip(left.read_bytes(), rng))
    with growing(path, 1) as file:
        fill(file, 1)
    check_tag(path, 1)
    assert [file.name for file in tmp_path.iterdir()] == ["x.h5"]


def test_data_is_on_the_disk_before_the_journal_names_it(tmp_path, monkeypatch):
    path, seen = tmp_path / "x.h5", []

    def synced(descriptor):
        journals = list(tmp_path.glob(".x.h5.*.journal"))
        seen.append(len(journals[0].read_text().splitlines()) - 1)

    monkeypatch.setattr("os.fdatasync", synced)
    with growing(path, 1) as file:
        for batch in range(3):
            file._next = 0
            fill(file, 1, [batch])
    assert seen == [0, 1, 2, 3]


def late(log, path, text, begun, go):
    """A job that writes a file when it is told to."""
    logs.log_to(log)
    begun.set()
    go.wait(20)
    try:
        with store.atomic(path) as part:
            part.write_text(text)
    except OrreryError:
        raise SystemExit(3) from None


def test_a_job_that_ends_after_a_later_one_places_nothing(tmp_path):
    """Both write the log of the same rule and place; the later one's is there."""
    context, path, log = multiprocessing.get_context("fork"), tmp_path / "x.csv", str(tmp_path / "logs/x.log")
    jobs = []
    for text in ("old", "new"):
        begun, go = context.Event(), context.Event()
        jobs.append((context.Process(target=late, args=(log, path, text, begun, go)), go))
        jobs[-1][0].start()
        assert begun.wait(20)
    for process, go in reversed(jobs):
        go.set()
        process.join()
    assert [process.exitcode for process, _ in jobs] == [3, 0] and path.read_text() == "new"
    assert sorted(file.name for file in tmp_path.rglob("*") if file.is_file()) == ["x.csv", "x.log"]


def test_what_killed_jobs_left_is_removed(tmp_path):
    for name in (".x.h5.0a1b2c3d.part", ".x.h5.h5.0a1b2c3d.part", ".y.h5.0a1b2c3d.part"):
        (tmp_path / name).write_text("left")
    with store.atomic(tmp_path / "x.h5") as part:
        part.write_text("whole")
    assert sorted(file.name for file in tmp_path.iterdir()) == [".x.h5.h5.0a1b2c3d.part", ".y.h5.0a1b2c3d.part", "x.h5"]


# -------------------------------------------------------------------------------------------------- a disk that is full


def filled(kind, folder, pipe):
    """Write a kind of file in a process that may write only so many bytes into each."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
    try:
        {
            "activations": lambda: growing(folder / "x.h5", 1),
            "rows": lambda: store.write_rows(folder / "x.csv", [{"a": "b" * 900}], ["a"]),
            "facts": lambda: store.write_facts(folder / "x.json", {"a": "b" * 900}),
            "table": lambda: store.write_table(folder / "x.parquet", {"a": [1]}, {}),
            "pieces": lambda: scan.write_candidates(folder / "x.parquet", [{"label": "a"}], {}),
            "vocabulary": lambda: store.write_activations(
                folder / "x.h5", {"0": np.ones((9, 99))}, {"a": ["b"] * 9}, {}
            ),
            "projection": lambda: store.write_projection(folder / "x.h5", {"a": np.ones(99)}, {}, {}),
            "page": lambda: page(folder / "x.html"),
            "image": lambda: image(folder / "x.png"),
        }[kind]()
        pipe.send("nothing was raised")
    except BaseException as error:
        pipe.send(f"{type(error).__name__}: {error}")


def page(path):
    from orrery.atlas import build

    build([], path)


def image(path):
    from matplotlib.figure import Figure
    from orrery.figures.static import write_images

    write_images(Figure(), [path])


@pytest.mark.parametrize(
    "kind", ["activations", "rows", "facts", "table", "pieces", "vocabulary", "projection", "page", "image"]
)
def test_the_file_that_does_not_fit_is_named(tmp_path, kind):
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=filled, args=(kind, tmp_path, theirs))
    process.start()
    theirs.close()
    assert ours.poll(60)
    said = ours.recv()
    process.join()
    sentence = rf"OrreryError: {re.escape(str(tmp_path))}/x\.\w+: the disk has no room for .*\(File too large\); make some and run again\."
    assert re.fullmatch(sentence, said), said
    assert list(Path(tmp_path).iterdir()) == []


def test_a_full_disk_under_the_log_hides_no_sentence(monkeypatch):
    with suppress(OSError), open("/dev/full", "w", buffering=1) as full:
        monkeypatch.setattr("sys.stderr", full)
        monkeypatch.setattr(logs, "terminal", io.StringIO())
        logs._report(OrreryError, OrreryError("x.h5: the disk has no room"), None, "log")
    assert logs.terminal.getvalue() == "orrery: x.h5: the disk has no room\n"


def test_spans_and_what_is_between_them():
    assert seal.outside([(10, 5), (2, 3), (7, 0)], 20) == [(0, 2), (5, 5), (15, 5)]
    assert seal.outside([], 8) == [(0, 8)]
