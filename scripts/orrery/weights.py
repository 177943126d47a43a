"""The files of a model: which hold its weights, their digests, and whether they still are what was fetched."""

import hashlib
import json
from pathlib import Path

from orrery.errors import OrreryError

SAFETENSORS = ("model.safetensors", "model.safetensors.index.json")
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
ADAPTER = ("adapter_model.safetensors", "adapter_model.bin")
ADAPTER_CONFIG = "adapter_config.json"
CHECKSUMS = ".checksums.json"
PACKED = ("F8", "F6", "F4", "I8", "U8", "I4", "U4")  # dtypes of safetensors begin with these
OTHER_ENDINGS = (".json", ".txt", ".model", ".spm", ".tiktoken", ".bpe", ".codes", ".jinja", ".py")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")


def sha256_of(path):
    """Hexadecimal sha256 of a file, read in chunks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise OrreryError(f"{path}: this is no JSON ({error}); the file is damaged, give a whole one.") from error


def _kinds(folder):
    """[(the one file, the index of several)] that transformers looks for, in this order."""
    config = Path(folder, "config.json")
    named = _json(config).get("transformers_weights") if config.is_file() else None
    if named is None:
        return [SAFETENSORS, PICKLED]
    return [("", named) if named.endswith(".json") else (named, "")]


def wanted_weights(folder, kind=None):
    """Names of the files that an index in the folder lists, sorted; where there is none, of the one file."""
    one, index = kind or _kinds(folder)[0]
    if not (index and Path(folder, index).is_file()):
        return [one] if one else []
    listed = _json(Path(folder, index)).get("weight_map")
    if not isinstance(listed, dict):
        raise OrreryError(f"{folder}: {index} has no weight_map, so it lists no weights; give a whole one.")
    return sorted(set(listed.values()))


def weight_files(folder, place=None):
    """Names of the files that transformers reads a model's weights from: safetensors before pickles, one before many.

    Parameters
    ----------
    folder : path
    place : str, optional
        What messages call the folder.

    Raises
    ------
    OrreryError
        A file that the index lists is not in the folder, or one of them is damaged.
    """
    folder = Path(folder)
    for one, index in _kinds(folder):
        if one and (folder / one).is_file():
            return [one]
        if index and (folder / index).is_file():
            names = wanted_weights(folder, (one, index))
            if absent := [name for name in names if not (folder / name).is_file()]:
                raise OrreryError(
                    f"{place or folder}: {index} lists {', '.join(absent)}, which is not there; give all "
                    "files of the weights."
                )
            return names
    return []


def refuse_pickles(folder, name, allowed=False):
    """Raise OrreryError where a model folder has no weights, or has them as pickles and they are not `allowed`."""
    folder = Path(folder)
    files = weight_files(folder)
    if not allowed and adapter_of(folder).get("file", "").endswith(".bin"):
        raise OrreryError(
            f"models.{name}.asset: the adapter is pickled ({ADAPTER[1]}), and a pickle can run any code; give it as "
            "safetensors, or set allow_pickle on the asset if you trust its maker."
        )
    if any(file.endswith(".safetensors") for file in files):
        return
    pickles = files or sorted(f.name for pattern in PICKLES for f in folder.glob(pattern))
    others = sorted(f.name for f in folder.glob("*.safetensors") if f.name not in ADAPTER)
    if (folder / ADAPTER_CONFIG).is_file() and not files and not others:
        raise OrreryError(
            f"models.{name}.asset: {folder} holds an adapter of {_base_of(folder)!r} and not that model's own weights; "
            "put the files of both into one folder, or merge the adapter into the model (merge_and_unload of peft)."
        )
    if others and not files:
        raise OrreryError(
            f"models.{name}.asset: transformers reads weights from {' or '.join(SAFETENSORS)}, and {folder} has only "
            f"{', '.join(others)}; rename it, or save the model with save_pretrained."
        )
    if not pickles:
        raise OrreryError(f"models.{name}.asset: the folder has no weights; give one with safetensors.")
    if not allowed:
        raise OrreryError(
            f"models.{name}.asset: the folder has only pickled weights ({', '.join(pickles)}), which can run any code; "
            "give one with safetensors, or set allow_pickle on the asset if you trust their maker."
        )


def is_model(folder):
    """Whether a folder holds a model with weights."""
    return Path(folder, "config.json").is_file() and bool(weight_files(folder))


def weights_sha256(folder):
    """A digest of a model's weights: equal digests are equal weights.

    The sha256 of the file, or of what `sha256sum` prints of several in the order of their names.

    Returns
    -------
    str
        Empty where the folder has no weights.
    """
    digests = [(sha256_of(Path(folder, name)), name) for name in weight_files(folder)]
    if len(digests) < 2:
        return digests[0][0] if digests else ""
    return hashlib.sha256("".join(f"{digest}  {name}\n" for digest, name in digests).encode()).hexdigest()


def packed_weights(folder):
    """Names of the weights that are stored in 8 bits or fewer, dtype by dtype: numbers that need scales to be read.

    Returns
    -------
    dict of str → list of str
    """
    from safetensors import safe_open

    found = {}
    for file in weight_files(folder):
        if file.endswith(".safetensors"):
            with safe_open(Path(folder, file), "pt") as tensors:
                for name in tensors.keys():  # noqa: SIM118 (it is no mapping)
                    dtype = tensors.get_slice(name).get_dtype()
                    if name.endswith("weight") and dtype.startswith(PACKED):
                        found.setdefault(dtype, []).append(name)
    return found


def adapter_of(folder):
    """What an adapter (PEFT) in a model's folder is, as a dict of base, file and sha256; empty where there is none."""
    folder = Path(folder)
    if not (folder / ADAPTER_CONFIG).is_file():
        return {}
    file = next((name for name in ADAPTER if (folder / name).is_file()), None)
    if file is None:
        raise OrreryError(
            f"{folder}: {ADAPTER_CONFIG} is there, but none of {' and '.join(ADAPTER)}; add the adapter's file."
        )
    return {"base": _base_of(folder), "file": file, "sha256": sha256_of(folder / file)}


def _base_of(folder):
    return _json(Path(folder, ADAPTER_CONFIG)).get("base_model_name_or_path") or ""


def seal(folder):
    """Note the checksums of a model's files in its folder, for `verify`; what to say of its weights in `asset.json`.

    Returns
    -------
    dict
        weights_sha256; empty for a folder that holds no model.
    """
    folder = Path(folder)
    if not is_model(folder):
        return {}
    (folder / CHECKSUMS).unlink(missing_ok=True)
    checksums = {name: _checksum(folder / name) for name in _files_read(folder)}
    (folder / CHECKSUMS).write_text(json.dumps(checksums, indent=1) + "\n", encoding="utf-8")
    return {"weights_sha256": weights_sha256(folder)}


def verify(folder, weights=True):
    """Compare a model's files, with its `weights` or without, with the checksums noted when it was fetched.

    Raises
    ------
    OrreryError
        A file differs: it is damaged, or was edited since.
    """
    folder = Path(folder)
    if not (folder / CHECKSUMS).is_file():
        return
    checksums = _json(folder / CHECKSUMS)
    for name, checksum in checksums.items():
        if not weights and not name.endswith(OTHER_ENDINGS):
            continue
        if not (folder / name).is_file() or _checksum(folder / name) != checksum:
            raise OrreryError(
                f"{folder}: {name} is not the file that was fetched: it is damaged, or was edited since; delete the "
                "folder and run again."
            )


def _files_read(folder):
    small = [f.name for f in folder.iterdir() if f.suffix in OTHER_ENDINGS and f.name != "asset.json" and f.is_file()]
    adapter = [name for name in ADAPTER if (folder / name).is_file()]
    return sorted({*small, *adapter, *weight_files(folder)} - {CHECKSUMS})


def _checksum(path):
    """xxh3 at the speed of the disk; sha256 would take longer than loading the weights."""
    import xxhash

    made = xxhash.xxh3_128()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 22):
            made.update(chunk)
    return made.hexdigest()


def same_weights(assets, name=None):
    """Sentences that say which assets of different names, all or those with `name`, have the same weights.

    Parameters
    ----------
    assets : iterable of dict
        What `assets.facts_of` says of each.

    Returns
    -------
    list of str
    """
    names = {}
    for facts in assets:
        if facts.get("weights_sha256"):
            names.setdefault(facts["weights_sha256"], set()).add(facts["asset"])
    return [
        f"the assets {' and '.join(sorted(same))} have the same weights (sha256 {digest[:12]}…): they are one model, "
        "whatever their names and revisions say."
        for digest, same in names.items()
        if len(same) > 1 and (name is None or name in same)
    ]
