"""How tokenizers take labels: the numbers and the words of the catalogue."""

import json

import pytest
from orrery import catalogue
from orrery import config as orrery
from orrery.atlas.catalogue import build
from orrery.errors import OrreryError
from orrery.tokenizing import load_tokenizer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from tools import ROOT, WEEKDAYS, completed, make_tokenizer
from transformers import PreTrainedTokenizerFast


def pieces(*words):
    """Word pieces as BERT has them, without case and accents."""
    vocabulary = {word: i for i, word in enumerate(["[UNK]", "is", *words])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")


def test_single_tokens(tmp_path):
    tokenizer = make_tokenizer(tmp_path, [f"See you on {day}" for day in WEEKDAYS] * 50)
    row = catalogue.label_fitness(tokenizer, WEEKDAYS)
    assert row == {"labels": 7, "single_token": 7, "tokens_min": 1, "tokens_max": 1, "unknown": 0, "collisions": 0,
                   "lost": 0, "verdict": "single tokens"}  # fmt: skip
    assert catalogue.level(row) == "good"


def test_a_label_is_counted_without_the_space_before_it():
    digits = Tokenizer(models.BPE({"Ġ": 0, "i": 1, "s": 2, "4": 3, "7": 4}, []))
    digits.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=digits)
    assert catalogue.label_tokens(tokenizer, ["4", "74"]) == [(3,), (4, 3)]
    assert catalogue.label_tokens(tokenizer, ["4", "74"], spaced=False) == [(3,), (4, 3)]


def test_last_tokens_that_are_shared():
    tokenizer = pieces("march", "april", "may", "1", "2")
    row = catalogue.label_fitness(tokenizer, ["March 1", "April 1", "May 2"])
    assert (row["single_token"], row["tokens_min"], row["tokens_max"], row["collisions"]) == (0, 2, 2, 2)
    assert row["verdict"] == "2 tokens; last token shared by 2 of 3 labels: read with pool mean"
    assert catalogue.level(row) == "shared"


def test_the_same_tokens_in_another_order():
    row = catalogue.label_fitness(pieces("1", "2", "3", "##1", "##2", "##3"), ["1 2", "2 1", "3 2"])
    assert row["verdict"].endswith(
        "read with pool mean, which parts all but the 2 that are the same tokens in another order"
    )


def test_labels_that_nothing_tells_apart():
    row = catalogue.label_fitness(pieces("may", "april"), ["May", "may", "April"])
    assert row["collisions"] == 2 and "2 are the same tokens throughout, and nothing tells them apart" in row["verdict"]


def test_several_tokens_with_a_last_one_of_their_own():
    row = catalogue.label_fitness(pieces("sun", "##day", "moon"), ["Sunday", "moon"])
    assert row["verdict"] == "1–2 tokens" and catalogue.level(row) == "split"


def test_unknown_labels():
    tokenizer = pieces("may")
    row = catalogue.label_fitness(tokenizer, ["星", "月"], spaced=False)
    assert row["unknown"] == 2 and row["single_token"] == 0 and row["lost"] == 0
    assert row["verdict"] == "unknown to this tokenizer, whole or in part" and catalogue.level(row) == "poor"
    mixed = catalogue.label_fitness(tokenizer, ["May", "June"])
    assert mixed["unknown"] == 1 and mixed["verdict"] == "single tokens; 1 of 2 labels unknown"


def test_lost_characters():
    row = catalogue.label_fitness(pieces("marz", "mai"), ["März", "Mai"])
    assert row["lost"] == 1 and row["verdict"] == "single tokens; 1 of 2 labels lose characters, such as accents"


def test_characters_that_are_dropped_leave_no_token():
    letters = Tokenizer(models.BPE({letter: i for i, letter in enumerate("abis")}, []))
    letters.pre_tokenizer = pre_tokenizers.Whitespace()
    row = catalogue.label_fitness(PreTrainedTokenizerFast(tokenizer_object=letters), ["a", "é", "ü"])
    assert (row["tokens_min"], row["collisions"], row["unknown"], row["lost"]) == (0, 0, 0, 2)


def test_sets_without_labels_of_their_own():
    tokenizer = pieces("0", "1", "2", "3", "5")
    sets = {"n": {"integers": {"start": 0}}, "m": {"integers": {"start": 4}}, "r": {"random": "n"}}
    found = {row["concept"]: row for row in catalogue.fitness(tokenizer, sets)}
    assert found["n"]["labels"] == 4 and found["n"]["verdict"] == "single tokens"
    assert found["m"]["verdict"] == "fewer than three single tokens: no set of this model"
    assert found["r"]["verdict"] == "drawn from the vocabulary, as many as n has"
    assert catalogue.level(found["m"]) == catalogue.level(found["r"]) == "none"


def test_a_table_is_read_as_it_was_written(tmp_path):
    rows = catalogue.fitness(pieces("may"), {'a, "b"': {"labels": ["May", "x"]}})
    catalogue.write(rows, tmp_path / "fitness.csv")
    assert catalogue.read(tmp_path / "fitness.csv") == rows


def test_a_folder_without_a_tokenizer(tmp_path):
    with pytest.raises(OrreryError, match="the folder has no tokenizer; add the model's tokenizer.json"):
        load_tokenizer(tmp_path)


def test_every_set_that_somebody_wrote_is_in_the_catalogue():
    config = completed(ROOT, {"controls": ["untrained", "random-tokens"]})
    files = {path.stem for path in (ROOT / "workflow/concepts").glob("*.yaml")}
    assert set(config["concepts"]) > files
    assert set(orrery.label_specs(config)) == files == {entry["name"] for entry in orrery.catalogue_entries(config)}
    assert orrery.label_specs(config)["weekdays-zh"]["spaced"] is False


def test_models_of_one_asset_share_a_tokenizer():
    models_of_run = {
        "run": {"models": ["minilm", "blank"]},
        "models": {"blank": {"asset": "minilm", "weights": "random", "layers": [3], "depth": 6}},
    }
    config = completed(ROOT, {**models_of_run, "comparisons": {}})
    assert orrery.tokenizing_models(config) == {"minilm": "minilm, blank"}


def test_no_text_of_a_set_is_markup(tmp_path):
    evil = "</script><script>alert(1)</script>"
    row = {"concept": evil, **catalogue.label_fitness(pieces("may"), [evil, "May"])}
    entry = {"name": evil, "about": evil, "source": evil, "labels": [evil, "May"], "templates": 1, "file": evil}
    found = {"source": evil, "found": 2, "kept": 1, "missing": [evil]}
    build([entry], {evil: [row]}, {evil: [found]}, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<script") == page.count("</script") == 1
    data = json.loads(page.split("const { models, sets } = ")[1].split(";\n")[0])
    assert data["sets"][0]["about"] == evil and data["sets"][0]["fits"][0]["level"] == "poor"
