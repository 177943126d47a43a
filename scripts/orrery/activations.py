"""Every layer of a model at one token of each text, in one pass."""

import numpy as np
import torch

from orrery.errors import OrreryError
from orrery.models import hidden
from orrery.tokens import tokenize

BATCH_TOKENS = {"cpu": 512, "cuda": 16384, "mps": 4096}


def encode_samples(loaded, samples):
    """Tokenise texts and find the token to read.

    A causal model cannot see what stands after the occurrence, so the text is cut there; an encoder keeps it.

    Parameters
    ----------
    loaded : models.LanguageModel
    samples : dict of str → sequence of length N
        At least text, start, end.

    Returns
    -------
    (ids, samples, dropped) : list of list of int, dict of str → list, dict of str → int
        `samples` gains token (its text), token_position and tokens (how many); samples whose occurrence has no token
        are left out and counted in `dropped`.

    Raises
    ------
    OrreryError
        A context is longer than the model's window.
    """
    texts = list(samples["text"])
    if loaded.causal:
        texts = [text[:end] for text, end in zip(texts, samples["end"])]
    encoded = [tokenize(loaded.tokenizer, t, s, e) for t, s, e in zip(texts, samples["start"], samples["end"])]
    longest = max((len(ids) for ids, _ in encoded), default=0)
    if longest > loaded.max_tokens:
        raise OrreryError(
            f"a context has {longest} tokens, the model takes {loaded.max_tokens}; lower corpus.before or corpus.after."
        )
    kept = [i for i, (_, place) in enumerate(encoded) if place is not None]
    samples = {name: [values[i] for i in kept] for name, values in {**samples, "text": texts}.items()}
    ids, places = [encoded[i][0] for i in kept], [encoded[i][1] for i in kept]
    samples["token"] = [loaded.tokenizer.decode([i[p]]) for i, p in zip(ids, places)]
    samples["token_position"] = places
    samples["tokens"] = [len(i) for i in ids]
    return ids, samples, {"no token at the occurrence": len(texts) - len(kept)}


def batches(lengths, budget):
    """Indices of texts in batches of similar length, longest first, at most `budget` padded tokens each.

    Returns
    -------
    list of lists of int
    """
    groups, current = [], []
    for i in np.argsort(-np.asarray(lengths), kind="stable").tolist():
        if current and (len(current) + 1) * lengths[current[0]] > budget:
            groups.append(current)
            current = []
        current.append(i)
    return [*groups, current] if current else groups


@torch.inference_mode()
def read_layers(loaded, ids, places, batch_tokens="auto", advance=lambda n: None):
    """The residual stream at one token of each text, in every layer, one forward pass a batch.

    Parameters
    ----------
    loaded : models.LanguageModel
        With its stack found.
    ids : list of list of int
        Token ids of N texts.
    places : list of int
        The token to read of each.
    batch_tokens : int or "auto"
        Padded tokens a batch.
    advance : callable
        Told the number of texts done after each batch.

    Returns
    -------
    dict of str → array (N, D) float32
        embed (before block 0), 00 … L-1 (after each block, before any final norm), final (what the model returns).

    Raises
    ------
    OrreryError
        A vector is not finite: the precision is too low for this model.
    """
    names = ["embed", *(f"{i:02d}" for i in range(len(loaded.blocks))), "final"]
    out, taken, at = {}, {}, None

    def take(name, states):  # [B, T, D] → [B, D] on the device; only B vectors outlive the block
        taken[name] = states[torch.arange(len(at), device=states.device), at]

    def before(module, args, kwargs):
        take("embed", args[0] if args else kwargs["hidden_states"])

    hooks = [loaded.blocks[0].register_forward_pre_hook(before, with_kwargs=True)]
    for name, block in zip(names[1:], loaded.blocks):
        hooks.append(block.register_forward_hook(lambda m, args, output, name=name: take(name, hidden(output))))
    budget = BATCH_TOKENS[loaded.device.type] if batch_tokens == "auto" else batch_tokens
    try:
        for rows in batches([len(i) for i in ids], budget):
            tokens, mask = _pad([ids[i] for i in rows], loaded.tokenizer.pad_token_id or 0, loaded.device)
            at = torch.tensor([places[i] for i in rows], device=loaded.device)
            take("final", _forward(loaded.model, tokens, mask).last_hidden_state)
            for name in names:
                vectors = taken.pop(name).float().cpu().numpy()
                out.setdefault(name, np.empty((len(ids), vectors.shape[1]), np.float32))[rows] = vectors
            advance(len(rows))
    finally:
        for hook in hooks:
            hook.remove()
    for name, vectors in out.items():
        if not np.isfinite(vectors).all():
            raise OrreryError(
                f"layer {name}: vectors overflow in {loaded.model.dtype}; set the model's dtype to float32."
            )
    return out


def _pad(ids, pad, device):
    """[B, T] ids and mask, padded on the right."""
    width = max(map(len, ids))
    tokens = torch.tensor([i + [pad] * (width - len(i)) for i in ids], device=device)
    mask = torch.tensor([[1] * len(i) + [0] * (width - len(i)) for i in ids], device=device)
    return tokens, mask


def _forward(model, tokens, mask):
    cache = {"use_cache": False} if hasattr(model.config, "use_cache") else {}
    return model(input_ids=tokens, attention_mask=mask, **cache)
