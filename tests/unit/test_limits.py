"""Inputs without an end, and sets of prompts that no memory holds, get a sentence at once."""

import os

import pytest
from orrery import assets, config, samples
from orrery.errors import OrreryError
from tools import ROOT, completed

LABELS = {"a": 0.0, "b": 1.0}


def words(n, k):
    return {f"c{i}": [f"w{j}" for j in range(n)] for i in range(k)}


def checked(**concept):
    completed(ROOT, {"concepts": {"mine": {"topology": "none", "labels": list(LABELS), **concept}}})


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/"])
def test_templates_that_are_no_file(path):
    with pytest.raises(
        OrreryError, match=rf"concepts.mine.templates_file: '{path}' is no regular file; write the path of a CSV file\."
    ):
        checked(templates_file=path)
    with pytest.raises(OrreryError, match="is no regular file"):
        samples.read_templates(path, "mine")


def test_templates_that_would_wait_for_ever(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(OrreryError, match="is no regular file"):
        checked(templates_file=str(tmp_path / "pipe.csv"))


def test_templates_that_are_too_large(tmp_path):
    with open(tmp_path / "t.csv", "wb") as file:
        file.truncate(samples.FILE_BYTES + (3 << 20))
    with pytest.raises(OrreryError, match="has 19 MB, and templates may have 16; name a smaller CSV file"):
        checked(templates_file=str(tmp_path / "t.csv"))


def test_more_prompts_than_memory_has_room_for():
    template, categories = "{c0} {c1} {c2} {c3} {c4} {c5} {label}", words(100, 6)
    with pytest.raises(OrreryError, match="mine.templates: make 2,000,000,000,000 prompts, more than"):
        checked(templates=[template], categories=categories)
    with pytest.raises(OrreryError, match="make 2,000,000,000,000 prompts"):
        samples.expand_templates([("t", template)], LABELS, categories)
    with pytest.raises(OrreryError, match="make 2,000,200 prompts"):  # a phrase varies as well
        samples.expand_templates(
            [("t", "x {phrase}"), ("u", "y {c0} {label}")], LABELS, words(100, 3), "{label} {c0} {c1} {c2}"
        )


def test_as_many_prompts_as_are_allowed(monkeypatch):
    monkeypatch.setattr(samples, "PROMPTS", 200)
    assert len(samples.expand_templates([("t", "{c0} {label}")], LABELS, words(100, 1))) == 200
    with pytest.raises(OrreryError, match="make 202 prompts"):
        samples.expand_templates([("t", "{c0} {label}")], LABELS, words(101, 1))


def test_repeated_templates_are_left_out():
    templates = [("1", "in {label}"), ("2", "at {label}"), ("row 1", "in {label}"), ("row 2", "in {label} ")]
    kept, repeated = samples.distinct(templates)
    assert kept == [templates[0], templates[1], templates[3]] and repeated == [("row 1", "in {label}")]


def test_prompts_that_name_another_label_are_flagged():
    templates = [
        ("1", "the day after Monday is {label}"),
        ("2", "no Mondays, {label}"),
        ("3", "{label} is not 'Sunday'"),
    ]
    made = samples.expand_templates(templates, {"Monday": 0.0, "Tuesday": 1.0, "Sunday": 2.0, "Monday morning": 3.0})
    assert samples.flag_leaks(made, ["Monday", "Tuesday", "Sunday", "Monday morning"]) == 6
    flagged = {(s["label"], s["group"]) for s in made if s["leaks"]}
    assert flagged == {(x, "1") for x in ("Tuesday", "Sunday", "Monday morning")} | {
        (x, "3") for x in ("Monday", "Tuesday", "Monday morning")
    }
    assert {s["flags"] for s in made} == {"", "another label in the context"}


def test_hidden_folders_are_not_linked(tmp_path):
    for name in ("x/data/a.txt", "x/.cache/huggingface/a.txt", "x/data/.git/b.txt", "x/.c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "raw").mkdir()
    assert config.files_of(str(tmp_path / "x")) == [str(tmp_path / "x/data/a.txt")]
    assets._from_path("x", {"path": str(tmp_path / "x")}, tmp_path / "raw")
    assert [f.relative_to(tmp_path / "raw").as_posix() for f in (tmp_path / "raw").rglob("*.txt")] == ["data/a.txt"]
    (tmp_path / "y/.git").mkdir(parents=True)
    (tmp_path / "y/.git/a").write_text("x")
    with pytest.raises(OrreryError, match="is empty"):
        assets._from_path("y", {"path": str(tmp_path / "y")}, tmp_path / "raw")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_an_asset_that_is_no_file(tmp_path, path):
    with pytest.raises(
        OrreryError, match=f"assets.x.path: '{path}' is no file and no folder; write where the files lie."
    ):
        assets._from_path("x", {"path": path}, tmp_path)
