"""The vocabulary itself: which labels are single tokens, and their rows of the embedding matrices."""

from itertools import count
from typing import NamedTuple

import numpy as np
import torch

from orrery.errors import OrreryError
from orrery.missing import refuse

FORMS = {"bare": "", "spaced": " "}  # name → what stands before a label when it is given to the tokenizer


class VocabularySet(NamedTuple):
    """Labels (N) with their values and token ids, the form of all of them, and the labels that are no token in it."""

    labels: list
    values: list
    ids: list
    form: str
    dropped: list


def rows_of(loaded):
    """How many tokens the embedding matrix of a model has.

    Raises
    ------
    OrreryError
        The model has no such matrix.
    """
    if loaded.rows is None:
        raise OrreryError(
            f"models.{loaded.name}: {type(loaded.model).__name__} has no embedding matrix; take vocabulary sets out."
        )
    return loaded.rows


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
        `embed`, and `unembed` where the model's files have an output matrix.

    Raises
    ------
    OrreryError
        The files lack the embedding matrix, or a row is not finite.
    """
    lacking = {id(one.tensor): one for one in loaded.missing}
    matrices = {"embed": loaded.embedding}
    refuse(loaded, [lacking[id(m.weight)] for m in matrices.values() if id(m.weight) in lacking])
    output = loaded.model.get_output_embeddings()
    if output is not None and id(output.weight) in lacking:
        print("the model's files have no output matrix: unembed is left out")
    elif output is not None:
        matrices["unembed"] = output
    rows = torch.tensor(ids, device=loaded.device)
    found = {name: module.weight.detach()[rows].float().cpu().numpy() for name, module in matrices.items()}
    for name, vectors in found.items():
        if len(bad := np.flatnonzero(~np.isfinite(vectors).all(1))):
            raise OrreryError(
                f"models.{loaded.name}: {name} has numbers that are not finite for {len(bad)} of {len(ids)} tokens, "
                f"the first with id {ids[bad[0]]}; the weights are damaged: fetch them again, or drop those labels."
            )
    return found


def single_token(tokenizer, text):
    """The id of a text that is one token of the vocabulary, exactly as it is written, or None."""
    ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids[0] if len(ids) == 1 and ids[0] != tokenizer.unk_token_id else None


def vocabulary_set(tokenizer, spec, seed, size):
    """The tokens that a concept has in a vocabulary, all of them in one form.

    A word alone and the same word after a space are two tokens with two vectors in most vocabularies. A set with both
    would show which labels have which form, whatever they mean.

    Parameters
    ----------
    spec : dict
        concept (an entry of `concepts` with labels, integers or random_tokens, and perhaps token_form), values (label
        → value, for labels and bounded integers), and for random tokens `like`, the spec of the set whose size they
        match.
    seed : int
        Of the draw of random tokens.
    size : int
        Rows of the embedding matrix; a label whose token is beyond them is dropped.

    Returns
    -------
    VocabularySet

    Raises
    ------
    OrreryError
        Fewer than three labels are single tokens.
    """
    concept, values = spec["concept"], spec["values"]
    if "random_tokens" in concept:
        taken = vocabulary_set(tokenizer, spec["like"], seed, size).ids
        ids = _draw(tokenizer, len(taken), set(taken), seed, size)
        return VocabularySet([tokenizer.decode([i]) for i in ids], [float(i) for i in range(len(ids))], ids, "", [])
    asked = concept.get("token_form", "auto")
    forms = list(FORMS) if asked == "auto" else [asked]
    found = {form: _tokens_of(tokenizer, concept, values, FORMS[form], size) for form in forms}
    form = max(forms, key=lambda form: len(found[form]))  # of equal ones the first
    tokens = found[form]
    if len(tokens) < 3:
        counts = " and ".join(f"{len(found[form])} {form}" for form in forms)
        raise OrreryError(
            f"only {counts} labels are single tokens of this model; three of one form are needed. "
            "Use prompts or a corpus."
        )
    dropped = [label for label in values if label not in tokens]
    numbers = [values[label] if label in values else float(label) for label in tokens]
    return VocabularySet(list(tokens), numbers, list(tokens.values()), form, dropped)


def _tokens_of(tokenizer, concept, values, before, size):
    """label → id of the single tokens behind `before` that are below `size`; of unbounded integers the first run."""
    unbounded = concept.get("integers", {}).get("stop") == "single-token"
    labels = map(str, count(concept["integers"]["start"])) if unbounded else values
    found = {}
    for label in labels:
        token = single_token(tokenizer, before + label)
        if token is not None and token < size:
            found[label] = token
        elif unbounded:
            break
    return found


def _draw(tokenizer, n, excluded, seed, size):
    special = set(tokenizer.all_special_ids) | set(tokenizer.get_added_vocab().values())
    allowed = [i for i in range(min(size, len(tokenizer))) if i not in special and i not in excluded]
    if len(allowed) < n:
        raise OrreryError(f"the vocabulary has only {len(allowed)} other tokens, {n} random ones were asked for.")
    return np.random.default_rng(seed).choice(allowed, size=n, replace=False).tolist()
