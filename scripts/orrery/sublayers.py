"""What each block adds to the residual stream: which modules' outputs, found by the sums and so checked."""

import contextlib
import copy
import itertools
from typing import NamedTuple

import torch

from orrery.errors import OrreryError
from orrery.stack import PROBE, Call, hidden, run, states_in


class Sublayer(NamedTuple):
    """A module whose output, times `scale`, a block adds to the residual stream; `name` within the block."""

    name: str
    module: torch.nn.Module
    scale: float


def find_sublayers(loaded):
    """Which modules' outputs each block adds to the residual stream.

    Searched for with the sums themselves on a short text, so that what is found is checked: pre + attn + mlp = post,
    or where a block norms after each addition, norm(norm(pre + attn) + mlp) = post; a block may have one sublayer
    only (then `mlp` is missing). Where these do not come out, attn alone is found by what a later module of the block
    is given: pre + attn, or norm(pre) + attn where the block norms the stream itself (then `mlp` is None).

    Of modules that give the same the outermost is taken, such as the norm after a sublayer that adds its normed output.
    The first of the two to finish is the attention (or another mixer).

    Parameters
    ----------
    loaded : models.LanguageModel
        With its stack found.

    Returns
    -------
    list of dict of str → Sublayer
        One entry a block, keys attn and mlp.

    Raises
    ------
    OrreryError
        The sums of a block do not come out.
    """
    found = []
    for number, (pre, post, calls) in enumerate(_calls_of_blocks(loaded)):
        sublayers = None
        if pre is not None and post is not None:
            sublayers = _added(pre, post, calls) or _normed_after(pre, post, calls) or _attention_alone(pre, calls)
        if not sublayers:
            raise OrreryError(
                f"{type(loaded.model).__name__}: in block {number} no modules' outputs add up to what the block adds; "
                f"take attn_out and mlp_out out of models.{loaded.name}.sites."
            )
        found.append(sublayers)
    return found


@torch.inference_mode()
def _calls_of_blocks(loaded):
    """[(pre, post, calls inside)] of every call of a block, in float32.

    In 16 bits the sums of a large stream and small sublayers come out for wrong modules too: each block is then run
    again alone, in a float32 copy, with what it was given.
    """
    exact, given, seen = loaded.dtype == torch.float32, [], []
    with contextlib.ExitStack() as hooks:
        for block in loaded.blocks:
            if exact:
                hooks.enter_context(_recorded(block, seen))
            else:
                handle = block.register_forward_pre_hook(lambda m, a, k: given.append((m, a, k)), with_kwargs=True)
                hooks.callback(handle.remove)
        run(loaded, PROBE)
    for block, args, options in given:
        alone, calls = copy.deepcopy(block).float(), []
        with _recorded(alone, calls):
            alone(*_in_float32(args), **_in_float32(options))
        seen += [
            (pre, post, [call._replace(module=block.get_submodule(call.name)) for call in inside])
            for pre, post, inside in calls
        ]
    return seen


@contextlib.contextmanager
def _recorded(block, seen):
    inside = []

    def leave(module, args, kwargs, output):
        seen.append((states_in([*args, *kwargs.values()]), states_in([hidden(output)]), list(inside)))
        inside.clear()

    def note(name):
        def hook(module, args, kwargs, output):
            given, made = states_in([*args, *kwargs.values()]), states_in([hidden(output)])
            inside.append(Call(name, module, given, made))

        return hook

    handles = [m.register_forward_hook(note(n), with_kwargs=True) for n, m in block.named_modules() if n]
    handles.append(block.register_forward_hook(leave, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _in_float32(value):
    if isinstance(value, torch.Tensor):
        return value.float() if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _in_float32(part) for key, part in value.items()}
    return type(value)(map(_in_float32, value)) if type(value) in (tuple, list) else value


def _added(pre, post, calls):
    """Sublayers of a block that adds to the stream that came in, one after the other or both at once."""
    makers = _outermost_first(call for call in calls if call.made is not None and call.made.shape == pre.shape)
    order = {id(call): place for place, call in enumerate(calls)}
    pairs = [(a, m) for a, m in itertools.permutations(makers, 2) if order[id(a)] < order[id(m)]]
    for a, m in pairs:
        if _equal(post, pre, a.made, m.made):
            return {"attn": Sublayer(a.name, a.module, 1.0), "mlp": Sublayer(m.name, m.module, 1.0)}
    for a in makers:
        if _equal(post, pre, a.made):
            return {"attn": Sublayer(a.name, a.module, 1.0)}
    for a, m in pairs:  # Granite scales both
        scales = _scales(post - pre, a.made, m.made)
        if min(scales) > 0 and _equal(post, pre, scales[0] * a.made, scales[1] * m.made):
            return {"attn": Sublayer(a.name, a.module, scales[0]), "mlp": Sublayer(m.name, m.module, scales[1])}
    return None


def _scales(sum, a, m):
    columns = torch.stack([a.flatten(), m.flatten()], dim=1).double()
    return torch.linalg.lstsq(columns, sum.flatten().double()[:, None]).solution[:, 0].tolist()


def _normed_after(pre, post, calls):
    """Sublayers of a block that norms the stream after each addition."""
    makers = _outermost_first(call for call in calls if call.made is not None and call.made.shape == pre.shape)
    takers = [call for call in makers if call.given is not None and call.given.shape == pre.shape]
    for a, first in itertools.product(makers, takers):
        if not _equal(first.given, pre, a.made):
            continue
        for m, second in itertools.product(makers, takers):
            if torch.equal(second.made, post) and _equal(second.given, first.made, m.made):
                return {"attn": Sublayer(a.name, a.module, 1.0), "mlp": Sublayer(m.name, m.module, 1.0)}
    return None


def _attention_alone(pre, calls):
    """The first sublayer of a block whose second is no module's output, or is added to something else."""
    makers = [call for call in calls if call.made is not None and call.made.shape == pre.shape and call.made.any()]
    takers = [call for call in calls if call.given is not None and call.given.shape == pre.shape]
    starts = [pre, *(call.made for call in makers if call.given is not None and torch.equal(call.given, pre))]
    order = {id(call): place for place, call in enumerate(calls)}
    for start, a in itertools.product(starts, _outermost_first(makers)):
        if any(order[id(t)] > order[id(a)] and _equal(t.given, start, a.made) for t in takers):
            return {"attn": Sublayer(a.name, a.module, 1.0), "mlp": None}
    return None


def _outermost_first(calls):
    return sorted(calls, key=lambda call: call.name.count("."))


def _equal(sum, *parts):
    """Whether parts add up, but for the rounding of the precision the model runs in."""
    parts = [part.float() for part in parts]
    rounding = torch.finfo(sum.dtype).eps * (sum.float().abs() + torch.stack([p.abs() for p in parts]).sum(0))
    off = (sum.float() - torch.stack(parts).sum(0)).abs() > 8 * rounding
    return off.float().mean().item() < 0.005
