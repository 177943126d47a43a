"""Tensors that a model has and its files do not: which of them are read, and what is then said."""

import re
from typing import NamedTuple

import torch

from orrery.errors import OrreryError
from orrery.logs import note

PROBE = [5, 6, 7, 8, 9, 10]
COMPUTES = ("create_weight", "make_weight")  # methods of the modules of transformers that compute their weight
SHOWN = 12  # kinds of tensors that a sentence lists; the log has all


class MissingTensor(NamedTuple):
    """A tensor that was drawn at random, attribute `name` of `module`, and its `shapes` where they differ."""

    key: str
    module: torch.nn.Module
    name: str
    shapes: str = ""

    @property
    def tensor(self):
        """The parameter or buffer as it is now."""
        return getattr(self.module, self.name)


def missing_tensors(model, info):
    """The tensors that `from_pretrained` drew at random, from the loading information that it returns.

    What a module computes by itself is no such tensor: sinusoidal positions, which Marian does not save.

    Returns
    -------
    list of MissingTensor
    """
    shapes = {key: f"{_shape(found)} in the file, {_shape(wanted)} by config.json"
              for key, found, wanted in info["mismatched_keys"]}  # fmt: skip
    found = []
    for key in sorted({*info["missing_keys"], *shapes}):
        path, _, name = key.rpartition(".")
        module = model.get_submodule(path)
        if key in shapes or not any(hasattr(module, computes) for computes in COMPUTES):
            found.append(MissingTensor(key, module, name, shapes.get(key, "")))
    return found


def _shape(size):
    return " × ".join(map(str, size)) or "one number"


def refuse_missing(loaded):
    """Raise where tensors that are read were not in the model's files, or have another shape there.

    Read is what lies in a block that a short text goes through, and what changes the model's output for it: a pooler, a
    head, a decoder or the tower of another modality is not. Tensors of the files that the model has no place for in its
    blocks are noted on the terminal.

    Parameters
    ----------
    loaded : models.LanguageModel
        As it is read: of an encoder–decoder the encoder.

    Raises
    ------
    OrreryError
        With the list of the tensors.
    """
    _note_unused(loaded)
    mine = {id(t) for part in (loaded.model.parameters(), loaded.model.buffers()) for t in part}
    missing = [one for one in loaded.missing if id(one.tensor) in mine]
    if missing:
        refuse(loaded, _that_are_read(loaded, missing))


def refuse(loaded, missing):
    """Raise OrreryError with the list of the tensors that are `missing`, if any are."""
    if not missing:
        return
    print("Tensors that are read and are not in the model's files:", *(one.key for one in missing), sep="\n  ")
    named = kinds_of(f"{one.key} ({one.shapes})" if one.shapes else one.key for one in missing)
    unused = _some(kinds_of(loaded.unused), 4)
    unused = f" The files have, without a place in the model: {unused}." if unused else ""
    raise OrreryError(
        f"models.{loaded.name}.asset: {len(missing)} of the tensors that are read are missing in the model's files, or "
        f"have another shape there: {_some(named)}.{unused} Give the config.json that belongs to the weights, and all "
        "files of the weights; weights: random reads the untrained model."
    )


def _note_unused(loaded):
    """Say which tensors of the files belong to blocks and are not read, such as blocks beyond the config's depth."""
    lists = [name for name, part in loaded.model.named_modules() if isinstance(part, torch.nn.ModuleList)]
    place = re.compile(rf"(^|\.)({'|'.join(map(re.escape, lists))})\.\d+\.") if lists else None
    unused = [key for key in loaded.unused if place and place.search(key)]
    if unused:
        note(
            f"models.{loaded.name}.asset: {len(unused)} tensors of the model's files have no place in the model of its "
            f"config.json and are not read: {_some(kinds_of(unused))}."
        )


@torch.inference_mode()
def _that_are_read(loaded, missing):
    blocks = [_block_of(loaded.model, one.module) for one in missing]
    inside = {module for block in blocks if block is not None for module in block.modules()}
    called = set()
    hooks = [module.register_forward_pre_hook(lambda module, args: called.add(module)) for module in inside]
    try:
        if not _is_finite(loaded):
            return missing
    finally:
        for hook in hooks:
            hook.remove()
    return [
        one
        for one, block in zip(missing, blocks)
        if (_matters(loaded, one.tensor) if block is None else called & set(block.modules()))
    ]


def _block_of(model, owner):
    """The member of the outermost list of modules that `owner` lies in, or None."""
    for part in model.modules():
        if isinstance(part, torch.nn.ModuleList):
            for member in part:
                if any(owner is module for module in member.modules()):
                    return member
    return None


def _matters(loaded, tensor):
    """Whether a tensor reaches the model's output: without numbers in it the output has none either."""
    if tensor.is_meta or not tensor.is_floating_point():
        return True
    kept = tensor.data.clone()
    tensor.data.fill_(torch.nan)
    try:
        return not _is_finite(loaded)
    finally:
        tensor.data.copy_(kept)


def _is_finite(loaded):
    ids = torch.tensor([PROBE], device=loaded.device)
    try:
        with loaded.changes.undone(loaded.model):
            return bool(torch.isfinite(loaded.model(input_ids=ids).last_hidden_state).all())
    except Exception:  # whatever a model has against a short text: then all of it counts
        return False


def kinds_of(keys):
    """Names of tensors; those that differ only in numbers become one: h.{0–2}.attn.weight."""
    families = {}
    for key in keys:
        parts = re.split(r"(?<=\.)(\d+)(?=\.)", key)
        families.setdefault(tuple(parts[::2]), []).append([int(n) for n in parts[1::2]])
    named = []
    for texts, numbers in families.items():
        spans = [_span(sorted(set(column))) for column in zip(*numbers)]
        named.append("".join(text + span for text, span in zip(texts, [*spans, ""])))
    return named


def _span(numbers):
    if len(numbers) == 1:
        return str(numbers[0])
    whole = numbers[-1] - numbers[0] == len(numbers) - 1
    return "{" + (f"{numbers[0]}–{numbers[-1]}" if whole else ", ".join(map(str, numbers))) + "}"


def _some(families, shown=SHOWN):
    more = len(families) - shown
    return ", ".join(families[:shown]) + (f" and {more} more kinds (all are in the log)" if more > 0 else "")
