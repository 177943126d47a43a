"""Rows of the embedding and unembedding matrix."""

import torch


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
