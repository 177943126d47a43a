"""Every set of the catalogue: complete, and its prompts read at the label by tokenizers of four kinds."""

import re

import pytest
import yaml
from orrery import config as orrery
from orrery.samples import expand_templates
from orrery.tokens import encode
from tools import ROOT, completed

FILES = {path.stem: path for path in sorted((ROOT / "workflow/concepts").glob("*.yaml"))}
SETS = sorted(set(FILES) - {"integers", "random-tokens"})  # of the vocabulary alone


@pytest.fixture(scope="module")
def concepts():
    return completed(ROOT)["concepts"]


def prompts_of(concept):
    templates = [(str(i), template) for i, template in enumerate(concept["templates"])]
    return expand_templates(templates, orrery.label_values(concept))


@pytest.fixture(scope="module")
def tokenizers(concepts):
    """Byte-level BPE, SentencePiece's unigrams, word pieces, and BPE with each digit apart, learned from the prompts."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    texts = [sample["text"] for name in SETS for sample in prompts_of(concepts[name])[::7]]
    alphabet, plain = pre_tokenizers.ByteLevel.alphabet(), {"vocab_size": 3000, "special_tokens": ["[UNK]", "[PAD]"]}
    digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel()])
    kinds = {
        "bytes": (
            models.BPE(),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            trainers.BpeTrainer(**plain, initial_alphabet=alphabet),
        ),
        "unigrams": (models.Unigram(), pre_tokenizers.Metaspace(), trainers.UnigramTrainer(**plain, unk_token="[UNK]")),
        "pieces": (
            models.WordPiece(unk_token="[UNK]"),
            pre_tokenizers.BertPreTokenizer(),
            trainers.WordPieceTrainer(**plain),
        ),
        "digits": (models.BPE(), digits, trainers.BpeTrainer(**plain, initial_alphabet=alphabet)),
    }
    made = {}
    for kind, (model, split, trainer) in kinds.items():
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = split
        if kind == "pieces":
            tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        else:
            tokenizer.decoder = decoders.ByteLevel()
        tokenizer.train_from_iterator(texts, trainer)
        made[kind] = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
    return made


def test_the_catalogue_is_large_and_varied(concepts):
    assert len(SETS) >= 90
    shapes = [concepts[name]["topology"] for name in SETS]
    assert {"circle", "line", "plane", "sphere", "torus", "grid", "tree", "simplex", "none"} <= set(shapes)
    weekdays = [name for name in SETS if re.fullmatch(r"weekdays-[a-z]{2}", name)]
    months = [name for name in SETS if re.fullmatch(r"months-[a-z]{2}", name)]
    assert len(weekdays) >= 8 and len(months) >= 8
    assert all(len(orrery.surface_forms(concepts[n])) == 7 for n in weekdays)
    assert all(len(orrery.surface_forms(concepts[n])) == 12 for n in months)


@pytest.mark.parametrize("name", SETS)
def test_a_set_says_what_it_is(name, concepts):
    entry, concept = yaml.safe_load(FILES[name].read_text()), concepts[name]
    assert len(entry["about"]) > 40 and "\n" not in entry["about"] and len(entry["source"]) > 5
    assert entry["difficulty"] in ("easy", "medium", "hard", "impossible")
    assert len(concept["templates"]) >= 20
    assert concept["topology"] not in ("plane", "sphere", "torus", "grid") or "coordinates" in entry


@pytest.mark.parametrize("name", SETS)
def test_prompts_end_with_their_label_and_name_no_other(name, concepts):
    concept = concepts[name]
    spaced = not name.endswith("-zh")
    for template in concept["templates"]:
        assert template.endswith("{label}") and template.count("{label}") == 1
        rest = template.replace("{label}", "")
        assert not spaced or not rest or rest[-1] in " -:–—«„“\"'(", template
        for label in orrery.surface_forms(concept):
            assert not re.search(rf"(?<!\w){re.escape(label)}(?!\w)", rest, re.IGNORECASE), (label, template)
    # where an article stands before the label it suits every label
    for sample in prompts_of(concept):
        if found := re.search(r"\b(an?) (\S)\S*$", sample["text"][: sample["end"]]) if "-" not in name else None:
            assert found[1] == "a" or found[2].lower() in "aeiou8", sample["text"]


@pytest.mark.parametrize("kind", ["bytes", "unigrams", "pieces", "digits"])
@pytest.mark.parametrize("name", SETS)
def test_every_prompt_is_read_at_its_label(name, kind, concepts, tokenizers):
    samples, tokenizer = prompts_of(concepts[name]), tokenizers[kind]
    spans = [(sample["start"], sample["end"]) for sample in samples]
    made, counts = encode(tokenizer, [sample["text"] for sample in samples], spans, 128)
    assert not counts and None not in made
    for sample, tokens in zip(samples, made):
        assert sample["text"][sample["start"] : sample["end"]] == sample["label"]
        assert tokens.last == len(tokens.ids) - 1 >= tokens.first  # the label's last token is the text's
