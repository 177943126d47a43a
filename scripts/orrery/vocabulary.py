"""The vocabulary itself: which labels are single tokens, and their rows of the embedding matrices."""

import numpy as np
import torch

from orrery.errors import OrreryError


def embedding_rows(loaded, ids):
    """Vectors of tokens as the model stores them, before any scaling or position.

    Parameters
    ----------
    loaded : models.LanguageModel
        Loaded with its head where `unembed` is wanted.
    ids : list of int

    Returns
    -------
    dict of str → array (len(ids), D) float32
        `embed`, and `unembed` where the model has an output matrix.
    """
    matrices = {"embed": loaded.model.get_input_embeddings()}
    output = loaded.model.get_output_embeddings()
    if output is not None:
        matrices["unembed"] = output
    rows = torch.tensor(ids, device=loaded.device)
    return {name: module.weight.detach()[rows].float().cpu().numpy() for name, module in matrices.items()}


def single_token(tokenizer, text):
    """The id of `text` as one token, bare or after a space, or None."""
    for form in (text, " " + text):
        ids = tokenizer(form, add_special_tokens=False, verbose=False)["input_ids"]
        if len(ids) == 1 and ids[0] != tokenizer.unk_token_id:
            return ids[0]
    return None


def vocabulary_set(tokenizer, spec, seed, size):
    """The tokens that a concept has in a vocabulary.

    Parameters
    ----------
    spec : dict
        concept (an entry of `concepts` with labels, integers or random_tokens), values (label → value, for labels and
        bounded integers), and for random tokens `like`, the spec of the set whose size they match.
    seed : int
        Of the draw of random tokens.
    size : int
        Rows of the embedding matrix.

    Returns
    -------
    (labels, values, ids) : lists of str, float, int

    Raises
    ------
    OrreryError
        Fewer than three labels are single tokens.
    """
    concept, values = spec["concept"], spec["values"]
    if "random_tokens" in concept:
        _, _, taken = vocabulary_set(tokenizer, spec["like"], seed, size)
        ids = _draw(tokenizer, len(taken), set(taken), seed, size)
        return [tokenizer.decode([i]) for i in ids], [float(i) for i in range(len(ids))], ids
    if concept.get("integers", {}).get("stop") == "single-token":
        pairs = list(_single_integers(tokenizer, concept["integers"]["start"]))
    else:
        pairs = [(label, single_token(tokenizer, label)) for label in values]
        pairs = [(label, token) for label, token in pairs if token is not None]
    if len(pairs) < 3:
        raise OrreryError(
            f"only {len(pairs)} labels are single tokens of this model; three are needed. Use prompts or a corpus."
        )
    labels = [label for label, _ in pairs]
    return labels, [values[x] if x in values else float(x) for x in labels], [token for _, token in pairs]


def _single_integers(tokenizer, n):
    """(label, id) of n, n + 1, … up to the first that the tokenizer splits."""
    while (token := single_token(tokenizer, str(n))) is not None:
        yield str(n), token
        n += 1


def _draw(tokenizer, count, excluded, seed, size):
    special = set(tokenizer.all_special_ids) | set(tokenizer.get_added_vocab().values())
    allowed = [i for i in range(min(size, len(tokenizer))) if i not in special and i not in excluded]
    if len(allowed) < count:
        raise OrreryError(f"the vocabulary has only {len(allowed)} other tokens, {count} random ones were asked for.")
    return np.random.default_rng(seed).choice(allowed, size=count, replace=False).tolist()
