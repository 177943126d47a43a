"""A dozen of the architectures of the docs a day, and those that once were read wrong or not at all."""

import datetime
import os
import re
from pathlib import Path

import numpy as np
import pytest
import registry
from orrery import vocabulary

PAGE = Path(__file__).parents[2] / "docs" / "architectures.md"
A_DAY = 12
# An architecture → what the blocks column says, or a part of the sentence.
NAMED = {
    "llama4": "language_model.model.layers",
    "dpr": "question_encoder.bert_model.encoder.layer",
    "clip": "text_model.encoder.layers",
    "siglip": "text_model.encoder.layers",
    "gemma3n_text": "layers",
    "deepseek_v4": "layers",
    "xlnet": registry.REPORTED,
    "xlm": registry.REPORTED,
    "longformer": registry.REPORTED,
    "led": registry.REPORTED,
    "squeezebert": registry.REPORTED,
    "pegasus_x": registry.REPORTED,
    "fsmt": registry.REPORTED,
    "canine": "these are no vectors of 6 tokens (their shapes: [1, 6, 32], [1, 1, 32])",
    "funnel": "these are no vectors of 6 tokens (their shapes: [1, 6, 32], [1, 3, 32], [1, 2, 32])",
}


def rows():
    """Architecture → the second cell of its row in the docs: the largest difference, or a sentence."""
    return dict(re.findall(r"^\| ([\w.-]+) \| ([^|]+?) \|", PAGE.read_text(), re.M))


def of_the_day():
    """Twelve rows of the docs, other ones each day; ORRERY_DAY (as 2026-01-31) repeats those of a day."""
    day = datetime.date.fromisoformat(os.environ.get("ORRERY_DAY") or datetime.date.today().isoformat())
    kinds = sorted(set(rows()) - {"architecture"})
    return day, [kinds[(day.toordinal() * A_DAY + n) % len(kinds)] for n in range(A_DAY)]


DAY, KINDS = of_the_day()


@pytest.mark.parametrize("kind", KINDS)
def test_a_dozen_of_the_architectures_of_the_docs(kind):
    outcome, detail = registry.check(kind)
    says = rows()[kind]
    again = f"ORRERY_DAY={DAY} pytest {Path(__file__).name} -k {kind}"
    assert outcome in ("equal", "refused"), f"{detail}; again: {again}"
    assert (outcome == "equal") == bool(re.fullmatch(r"\de[-+]\d\d", says)), f"{says} | {detail}; again: {again}"


@pytest.mark.parametrize("kind", NAMED)
def test_architectures_that_were_not_read(kind):
    outcome, detail = registry.check(kind)
    assert outcome == ("equal" if isinstance(detail, tuple) else "refused")
    assert NAMED[kind] in (detail[1], detail) or NAMED[kind] in detail


def test_the_docs_have_more_than_260_architectures():
    found = rows()
    equal = [kind for kind, says in found.items() if re.fullmatch(r"\de[-+]\d\d", says)]
    assert len(set(equal) - set(registry.ARCHITECTURES)) >= 180 and set(registry.ARCHITECTURES) <= set(equal)
    assert "0 wrong" in PAGE.read_text()


def test_a_wrong_vector_is_noticed(monkeypatch):
    """Of one text of many, by a thousandth."""
    read_layers = registry.activations.read_layers

    def slightly_off(loaded, encoded, names, groups, sink):
        read_layers(loaded, encoded, names, groups, sink)
        sink.layers["01"][3] *= 1.001

    monkeypatch.setattr(registry.activations, "read_layers", slightly_off)
    with pytest.raises(registry.Wrong, match="text 3 of [0-9]+ tokens, layer 01: 0.10% off"):
        registry.check("llama")


@pytest.mark.parametrize(
    "kind, table",
    [("clip", "text_model.embeddings.token_embedding"), ("llama4", "language_model.model.embed_tokens"),
     ("dpr", "question_encoder.bert_model.embeddings.word_embeddings"), ("xlnet", "word_embedding")],
)  # fmt: skip
def test_embedding_rows_of_models_of_several_parts(kind, table):
    loaded = registry.load(kind)
    found = vocabulary.embedding_rows(loaded, [7, 5])["embed"]
    np.testing.assert_array_equal(found, loaded.model.get_submodule(table).weight[[7, 5]].detach())
