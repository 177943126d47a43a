"""How a model is built: its blocks, whether it looks only back, what each block adds. Found by structure, checked."""

import contextlib
import copy
import itertools
from typing import NamedTuple

import torch
import transformers

from orrery.errors import OrreryError
from orrery.missing import refuse_missing

PROBE = [5, 6, 7, 8, 9, 10]  # any six tokens that every vocabulary has


class Sublayer(NamedTuple):
    """A module whose output, times `scale`, a block adds to the residual stream; `name` within the block."""

    name: str
    module: torch.nn.Module
    scale: float


class _Call(NamedTuple):
    """One call of a module inside a block: its first tensors of shape [1, T, D], or None."""

    name: str
    module: torch.nn.Module
    given: torch.Tensor
    made: torch.Tensor


def find_stack(loaded, blocks=None):
    """Fill in what is known of a loaded model's structure, and check it against the model itself.

    A model's list of blocks is the list of modules whose outputs, call by call, are the hidden states that the model
    reports. (One module called many times, as in ALBERT, is a stack too.)

    Parameters
    ----------
    loaded : models.LanguageModel
        Of an encoder–decoder the encoder is taken.
    blocks : str, optional
        The path of the list, for a model where none is found; then a difference is only printed.

    Raises
    ------
    OrreryError
        No list of modules is a stack of blocks; the sentence names the key that helps. Or tensors that are read are not
        in the model's files.
    """
    if getattr(loaded.model.config, "is_encoder_decoder", False):
        loaded.model = loaded.model.get_encoder()
    refuse_missing(loaded)
    lists = _module_lists(loaded.model)
    if blocks is not None:
        path = next((p for p in (blocks, blocks.partition(".")[2]) if p in lists), None)
        if path is None:
            raise OrreryError(f"models.{loaded.name}.blocks: {blocks!r} is no list of modules; {_known(lists)}.")
        lists = {path: lists[path]}
    calls, output = _watch(loaded, {block for members in lists.values() for block in members})
    if not torch.isfinite(output.last_hidden_state).all():
        precision = str(loaded.model.dtype).removeprefix("torch.")
        raise OrreryError(f"models.{loaded.name}.dtype: {precision} cannot hold this model's vectors; write float32.")
    states = getattr(output, "hidden_states", None)
    for members in lists.values():
        mine = [call for call in calls if call.module in members]
        if _are_layers(mine, states):
            break
        if blocks is not None and mine and all(call.made is not None for call in mine):
            print(f"models.{loaded.name}.blocks: {blocks} are not the layers that the model reports; read nevertheless")
            break
    else:
        raise OrreryError(
            f"{type(loaded.model).__name__}: no list of modules gives the hidden states that the model reports; set "
            f"models.{loaded.name}.blocks to the path of its blocks, such as 'layers'; {_known(lists)}."
        )
    loaded.blocks, loaded.depth = list(dict.fromkeys(members)), len(mine)
    loaded.widths = {"stream": mine[0].made.shape[-1], "final": output.last_hidden_state.shape[-1]}
    loaded.causal = _is_causal(loaded)
    turns = _depends_on_length(loaded.model.config.get_text_config())
    loaded.padded = not turns and (loaded.causal or _ignores_padding(loaded))
    loaded.shares = not turns and loaded.causal and _shares_prefix(loaded)
    return loaded


def _module_lists(model):
    kinds = torch.nn.ModuleList, torch.nn.Sequential
    return {name: list(m) for name, m in model.named_modules() if isinstance(m, kinds) and len(m)}


def _known(lists):
    return "its lists are " + (", ".join(lists) or "none")


def _are_layers(calls, states):
    """Call i takes hidden state i and makes i + 1, but for the last, which some models norm before they report it.

    Mamba and RWKV leave the embedding out and report what each block makes, the last one too, then the normed.
    """
    if not states or len(calls) != len(states) - 1 or any(call.made is None for call in calls):
        return False
    states = [state.cpu() for state in states]
    if calls[0].given is not None and torch.equal(calls[0].given, states[0]):
        return all(torch.equal(call.made, state) for call, state in zip(calls[:-1], states[1:-1]))
    return all(torch.equal(call.made, state) for call, state in zip(calls, states[:-1]))


@torch.inference_mode()
def _watch(loaded, modules):
    """The calls of some modules in their order, and the model's output."""
    calls = []

    def note(module, args, kwargs, output):
        given, made = _states([*args, *kwargs.values()]), _states([hidden(output)])
        calls.append(_Call("", module, given, made))

    hooks = [module.register_forward_hook(note, with_kwargs=True) for module in modules]
    try:
        return calls, run(loaded, PROBE, output_hidden_states=True)
    finally:
        for hook in hooks:
            hook.remove()


def _states(values):
    """A copy on the CPU of the first tensor of shape [1, T, D] or [T, D]; the model may change it in place."""
    for value in values:
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            if value.ndim == 3 and value.shape[:2] == (1, len(PROBE)):
                return value.to("cpu", copy=True)
            if value.ndim == 2 and len(value) == len(PROBE):
                return value[None].to("cpu", copy=True)
    return None


@torch.inference_mode()
def _is_causal(loaded):
    """Whether changing the last token leaves what stands before it alone."""
    a = run(loaded, PROBE).last_hidden_state[0, :-1]
    b = run(loaded, [*PROBE[:-1], 40]).last_hidden_state[0, :-1]
    # The same operations in the same order: what differs by rounding in 16 bits is no rounding here.
    return _off(a, b) < 8 * torch.finfo(torch.float32).eps


def _depends_on_length(config):
    """Whether positions are turned by angles that depend on the longest text of a batch."""
    rope = getattr(config, "rope_parameters", None) or {}
    kinds = {part.get("rope_type") for part in (rope, *rope.values()) if isinstance(part, dict)}
    return bool(kinds & {"longrope", "dynamic"})


@torch.inference_mode()
def _ignores_padding(loaded):
    """Whether a masked token changes nothing; it does where a model convolves, or transforms the whole text (FNet)."""
    alone = run(loaded, PROBE).last_hidden_state[0]
    mask = torch.tensor([[1] * len(PROBE) + [0] * 3], device=loaded.device)
    among = run(loaded, [*PROBE, *[loaded.padding] * 3], attention_mask=mask).last_hidden_state[0, : len(PROBE)]
    return _off(alone, among) < 2e-5  # in 16 bits mostly no: batches of equal lengths are always right


@torch.inference_mode()
def _shares_prefix(loaded):
    """Whether a text can be read after a cache of how it begins, and that cache be given to several texts."""
    whole = run(loaded, PROBE).last_hidden_state[0, 3:]
    try:
        cache = cache_of(loaded, torch.tensor([PROBE[:3]] * 2), [1, 0, 1])
        tokens = torch.tensor([PROBE[3:]] * 3, device=loaded.device)
        output = loaded.model(input_ids=tokens, past_key_values=cache, use_cache=True)
    except Exception:  # whatever a model's own cache has against it
        return False
    rounding = max(2e-5, 2 * torch.finfo(whole.dtype).eps)
    return all(_off(whole, after) < rounding for after in output.last_hidden_state)


def cache_of(loaded, tokens, which, stop=()):
    """Keys and values of prefixes [G, P], one for each text: text i begins with prefix `which[i]`."""
    cache = transformers.DynamicCache(config=loaded.model.config)
    with contextlib.suppress(*stop):
        loaded.model(input_ids=tokens.to(loaded.device), past_key_values=cache, use_cache=True)
    cache.batch_select_indices(torch.tensor(which))
    return cache


def _off(a, b):
    """The largest difference of two vectors as a share of their length."""
    return ((a.float() - b.float()).norm(dim=-1) / a.float().norm(dim=-1)).max().item()


def run(loaded, ids, **options):
    """The model's output for one text."""
    return loaded.model(input_ids=torch.tensor([ids], device=loaded.device), **options)


def hidden(output):
    """The residual stream [B, T, D] in what a block returns: a tensor, or a tuple that begins with it."""
    return output[0] if isinstance(output, (tuple, list)) else output


# --------------------------------------------------------------------------------------------------- sublayers


def find_sublayers(loaded):
    """Which modules' outputs each block adds to the residual stream.

    Searched for with the sums themselves on a short text, so that what is found is checked: pre + attn + mlp = post,
    or where a block norms after each addition, norm(norm(pre + attn) + mlp) = post; a block may have one sublayer
    only (then `mlp` is missing). Of modules that give the same the outermost is taken, such as the norm after a
    sublayer that adds its normed output. The first of the two to finish is the attention (or another mixer).

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
        sublayers = _added(pre, post, calls) or _normed_after(pre, post, calls)
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
    exact, given, seen = loaded.model.dtype == torch.float32, [], []
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
        seen.append((_states([*args, *kwargs.values()]), _states([hidden(output)]), list(inside)))
        inside.clear()

    def note(name):
        def hook(module, args, kwargs, output):
            given, made = _states([*args, *kwargs.values()]), _states([hidden(output)])
            inside.append(_Call(name, module, given, made))

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


def _outermost_first(calls):
    return sorted(calls, key=lambda call: call.name.count("."))


def _equal(sum, *parts):
    """Whether parts add up, but for the rounding of the precision the model runs in."""
    parts = [part.float() for part in parts]
    rounding = torch.finfo(sum.dtype).eps * (sum.float().abs() + torch.stack([p.abs() for p in parts]).sum(0))
    off = (sum.float() - torch.stack(parts).sum(0)).abs() > 8 * rounding
    return off.float().mean().item() < 0.005
