"""How a model is built: which part reads text, its blocks, whether it looks only back. Found by structure, checked."""

import contextlib
import itertools
from typing import NamedTuple

import torch
import transformers
from torch.overrides import TorchFunctionMode

from orrery.errors import OrreryError
from orrery.layers import layer_name
from orrery.missing import refuse_missing

PROBE = [5, 6, 7, 8, 9, 10]  # any six tokens that every vocabulary has


class Call(NamedTuple):
    """One call of a module inside a block: its first tensors of shape [1, T, D], or None."""

    name: str
    module: torch.nn.Module
    given: torch.Tensor
    made: torch.Tensor


def find_stack(loaded, blocks=None):
    """Fill in what is known of a loaded model's structure, and check it against the model itself.

    A model's list of blocks is the list of modules whose outputs, call by call, are the hidden states that the model
    reports. (One module called many times, as in ALBERT, is a stack too.) Where no list is, the reported hidden
    states themselves are read.

    Parameters
    ----------
    loaded : models.LanguageModel
        Of an encoder–decoder the encoder is taken, of a model of several parts the part that reads text.
    blocks : str, optional
        The path of the list, for a model that reports no hidden states. It is checked too.

    Raises
    ------
    OrreryError
        No list of modules is a stack of blocks and no hidden states are reported, or `blocks` is not the stack. Or
        tensors that are read are not in the model's files.
    """
    loaded.model = _text_part(loaded)
    refuse_missing(loaded)
    lists = _module_lists(loaded.model)
    calls, output = _watch(loaded, {block for members in lists.values() for block in members})
    if not torch.isfinite(output.last_hidden_state).all():
        precision = str(loaded.dtype).removeprefix("torch.")
        raise OrreryError(f"models.{loaded.name}.dtype: {precision} cannot hold this model's vectors; write float32.")
    states = getattr(output, "hidden_states", None)
    loaded.streams = _axis_of_streams(states)
    calls = {path: [call for call in calls if call.module in members] for path, members in lists.items()}
    path = _checked(loaded, blocks, calls, states) if blocks else _detected(calls, states)
    if path is None:
        first, stream = _take_reported(loaded, states, lists)
    else:
        mine = calls[path]
        loaded.blocks, loaded.depth = list(dict.fromkeys(lists[path])), len(mine)
        first = stream = vectors_of(loaded, mine[0].made, len(PROBE))
        names = list(map(layer_name, range(loaded.depth)))
        names = names if _are_made(mine, states) else ["embed", *names[:-1]]
        loaded.read_from, loaded.reported = path, names if states else []
    final = output.last_hidden_state
    loaded.widths = {"embed": first.shape[-1], "stream": stream.shape[-1], "final": final.shape[-1]}
    loaded.positions, loaded.vocabulary = _rows_of_tables(loaded)
    loaded.causal = _is_causal(loaded)
    turns = _depends_on_length(loaded.model.config.get_text_config())
    loaded.padded = not turns and (loaded.causal or _ignores_padding(loaded))
    loaded.shares = bool(loaded.blocks) and not turns and loaded.causal and _shares_prefix(loaded)
    return loaded


def _take_reported(loaded, states, lists):
    """Let the hidden states that the model reports be read; the first two as vectors.

    Raises
    ------
    OrreryError
        They are no vector for each token, or none are reported.
    """
    if vectors := _vectors_of_tokens(loaded, states):
        loaded.blocks, loaded.depth, loaded.read_from = [], len(states) - 1, "output_hidden_states"
        loaded.reported = ["embed", *map(layer_name, range(loaded.depth))]
        print(f"models.{loaded.name}: no list of modules is its stack of blocks; its output_hidden_states are read")
        return vectors[:2]
    sentence = f"models.{loaded.name}: no list of modules of {type(loaded.model).__name__} gives the hidden states"
    if states:
        shapes = ", ".join(dict.fromkeys(str(list(getattr(hidden(state), "shape", []))) for state in states))
        raise OrreryError(
            f"{sentence} that the model reports, and these are no vectors of {len(PROBE)} tokens (their shapes: "
            f"{shapes}); leave the model out."
        )
    raise OrreryError(
        f"{sentence}, and it reports none; set models.{loaded.name}.blocks to the path of its blocks, such as "
        f"'layers'; {_known(lists)}."
    )


def _vectors_of_tokens(loaded, states):
    """Hidden states as vectors [1, T, D], all but the first of one width, or None."""
    vectors = [vectors_of(loaded, state, len(PROBE)) for state in states or () if hidden(state) is not None]
    shapes = [tuple(vector.shape) for vector in vectors]
    fit = len(shapes) > 1 and len(set(shapes[1:])) == 1 and all(shape[:2] == (1, len(PROBE)) for shape in shapes)
    if fit and hidden(states[0]).shape[1] > len(PROBE) and loaded.streams is None:
        # Longer than the text: the first rows are its tokens where only the last of them tells the last token.
        other = vectors_of(
            loaded, run(loaded, [*PROBE[:-1], 40], output_hidden_states=True).hidden_states[0], len(PROBE)
        )
        fit = (other != vectors[0]).any(-1)[0].tolist() == [False] * (len(PROBE) - 1) + [True]
    return vectors if fit else None


def _axis_of_streams(states):
    """Where the first hidden state has several residual streams: 2 in [1, T, S, D], 0 in [S, 1, T, D], else None."""
    shape = tuple(getattr(hidden(states[0]), "shape", ())) if states else ()
    return {(1, len(PROBE)): 2}.get(shape[:2], 0) if len(shape) == 4 else None


def vectors_of(loaded, state, length=None):
    """A hidden state that a model reports as [B, T, D].

    Models with several residual streams report [B, T, S, D], or [S, B, T, D]: here they stand side by side. Models that
    pad texts report more tokens than they were given.
    """
    state = hidden(state)
    if state.ndim == 4:
        state = (state.permute(1, 2, 0, 3) if loaded.streams == 0 else state).flatten(2)
    return state[:, :length]


def _text_part(loaded):
    """The outermost part of a model that takes tokens alone and gives a vector for each."""
    whole, first = loaded.model, None
    parts = [whole.get_encoder()] if getattr(whole.config, "is_encoder_decoder", False) else []
    parts += [part for part in whole.modules() if isinstance(part, transformers.PreTrainedModel)]
    for part in parts:
        try:
            state = getattr(run(loaded, PROBE, part=part), "last_hidden_state", None)
        except Exception as error:  # whatever a part asks for besides tokens
            first = first or error
            continue
        if isinstance(state, torch.Tensor) and state.shape[:2] == (1, len(PROBE)):
            if not hasattr(part, "config"):  # FSMT's encoder is a plain module
                part.config = whole.config
            return part
    reason = f" ({type(first).__name__}: {(str(first).splitlines() or [''])[0][:120]})" if first else ""
    raise OrreryError(f"models.{loaded.name}: no part of {type(whole).__name__} gives a vector for each token{reason}.")


def _detected(calls, states):
    return next((path for path, mine in calls.items() if _are_taken(mine, states) or _are_made(mine, states)), None)


def _checked(loaded, blocks, calls, states):
    """The path of a stack that the config names.

    Raises
    ------
    OrreryError
        There is no such list; it does not give the hidden states that the model reports; or, where the model reports
        none, a block is not given what the block before it makes, or there are more or fewer than the model says.
    """
    key = f"models.{loaded.name}.blocks"
    names = blocks.split(".")  # of the whole model, or of the part that is read
    path = next((p for p in (".".join(names[i:]) for i in range(len(names))) if p in calls), None)
    if path is None:
        raise OrreryError(f"{key}: {blocks!r} is no list of modules; {_known(calls)}.")
    mine = calls[path]
    if states:
        if not (_are_taken(mine, states) or _are_made(mine, states)):
            better = _detected(calls, states)
            better = f"write {better}" if better else "take the key out to read these hidden states"
            raise OrreryError(f"{key}: {blocks} does not give the hidden states that the model reports; {better}.")
        return path
    declared = getattr(loaded.model.config.get_text_config(), "num_hidden_layers", len(mine))
    if not mine or len(mine) != declared:
        raise OrreryError(f"{key}: {blocks} is called {len(mine)} times, but the model has {declared} blocks.")
    for number, (one, next_one) in enumerate(itertools.pairwise(mine)):
        if one.made is None or next_one.given is None or not torch.equal(one.made, next_one.given):
            raise OrreryError(
                f"{key}: {blocks} is no stack of blocks: number {number + 1} is not given what number {number} makes."
            )
    return path


def _module_lists(model):
    kinds = torch.nn.ModuleList, torch.nn.Sequential
    return {name: list(m) for name, m in model.named_modules() if isinstance(m, kinds) and len(m)}


def _known(lists):
    return "its lists are " + (", ".join(lists) or "none")


def _are_taken(calls, states):
    """Call i takes hidden state i and makes i + 1, but for the last, which some models norm before they report it."""
    if not _one_more(calls, states) or calls[0].given is None or not torch.equal(calls[0].given, states[0].cpu()):
        return False
    return all(torch.equal(call.made, state.cpu()) for call, state in zip(calls[:-1], states[1:-1]))


def _are_made(calls, states):
    """Mamba and RWKV leave the embedding out and report what each block makes, the last one too, then the normed."""
    return _one_more(calls, states) and all(torch.equal(call.made, state.cpu()) for call, state in zip(calls, states))


def _one_more(calls, states):
    return bool(states and calls) and len(calls) == len(states) - 1 and all(call.made is not None for call in calls)


@torch.inference_mode()
def _watch(loaded, modules):
    """The calls of some modules in their order, and the model's output."""
    calls = []

    def note(module, args, kwargs, output):
        given, made = states_in([*args, *kwargs.values()]), states_in([hidden(output)])
        calls.append(Call("", module, given, made))

    hooks = [module.register_forward_hook(note, with_kwargs=True) for module in modules]
    try:
        return calls, run(loaded, PROBE, output_hidden_states=True)
    finally:
        for hook in hooks:
            hook.remove()


def states_in(values):
    """A copy on the CPU of the first tensor of shape [1, T, D], [1, T, S, D], [S, 1, T, D] or [T, D].

    A copy, as the model may change it in place.
    """
    for value in values:
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            if value.ndim in (3, 4) and (1, len(PROBE)) in (value.shape[:2], value.shape[1:-1]):
                return value.to("cpu", copy=True)
            if value.ndim == 2 and len(value) == len(PROBE):
                return value[None].to("cpu", copy=True)
    return None


class _Lookups(TorchFunctionMode):
    """Notes (indices, rows) of each look-up in a table for one text; some models pad it."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        given = args[0] if func is torch.nn.functional.embedding and len(args) > 1 else None
        if given is not None and given.numel() == given.shape[-1] >= len(PROBE):
            self.seen.append((given.flatten().tolist()[: len(PROBE)], len(args[1])))
        return func(*args, **(kwargs or {}))


def _rows_of_tables(loaded):
    """Rows of the table of positions, less those before the first token's, and of the table of tokens; None without."""
    tokens = PROBE[::-1]  # falling, so that only positions rise one by one
    with _Lookups() as lookups:
        run(loaded, tokens)
    risen = [n - places[0] for places, n in lookups.seen if places == list(range(places[0], places[0] + len(PROBE)))]
    return min(risen, default=None), min((n for places, n in lookups.seen if places == tokens), default=None)


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
    """Keys and values of prefixes [G, P], one for each text: text i begins with prefix `which[i]`.

    All are kept: told of the configuration, a cache drops what a `sliding_window` does not reach, also where the model
    looks further.
    """
    cache = transformers.DynamicCache()
    with contextlib.suppress(*stop):
        loaded.model(input_ids=tokens.to(loaded.device), past_key_values=cache, use_cache=True)
    cache.batch_select_indices(torch.tensor(which))
    return cache


def _off(a, b):
    """The largest difference of two vectors as a share of their length."""
    lengths = a.float().norm(dim=-1).clamp_min(torch.finfo(torch.float32).tiny)
    return ((a.float() - b.float()).norm(dim=-1) / lengths).max().item()


@torch.inference_mode()
def run(loaded, ids, part=None, **options):
    """The output of the model, or a part of it, for one text; what that changes in the model is put back."""
    part = loaded.model if part is None else part
    with loaded.changes.undone(part):
        return part(input_ids=torch.tensor([ids], device=loaded.device), **options)


def hidden(output):
    """The residual stream [B, T, D] in what a block returns: a tensor, or a tuple that begins with it."""
    return output[0] if isinstance(output, (tuple, list)) else output
