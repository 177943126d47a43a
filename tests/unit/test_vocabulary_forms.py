"""The tokens of a vocabulary set all have one form: alone, or after a space."""

import pytest
from orrery import catalogue
from orrery.errors import OrreryError
from orrery.vocabulary import vocabulary_set
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def tokenizer_of(*words):
    """A byte-level tokenizer whose whole vocabulary are these words; ` x` is a word after a space."""
    vocabulary = {word.replace(" ", "Ġ"): i for i, word in enumerate(["<unk>", *words])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")


def read(tokenizer, labels, **concept):
    spec = {"concept": {"labels": labels, **concept}, "values": {label: float(i) for i, label in enumerate(labels)}}
    return vocabulary_set(tokenizer, spec, 0, 100)


def test_a_set_has_the_form_that_most_of_its_labels_have():
    tokenizer = tokenizer_of(*WORDS[:6], *(f" {word}" for word in WORDS[2:]))
    found = read(tokenizer, WORDS)
    assert (found.form, found.labels, found.dropped) == ("spaced", WORDS[2:], ["zero", "one"])
    assert [tokenizer.decode([i]) for i in found.ids] == [f" {word}" for word in WORDS[2:]]
    assert found.values == [float(n) for n in range(2, 13)]


def test_of_two_equal_forms_the_bare_one_is_read():
    tokenizer = tokenizer_of(*WORDS[:4], *(f" {word}" for word in WORDS[2:6]))
    found = read(tokenizer, WORDS[:6])
    assert (found.form, found.labels, found.dropped) == ("bare", WORDS[:4], ["four", "five"])


@pytest.mark.parametrize("form, labels", [("bare", WORDS[:4]), ("spaced", WORDS[2:])])
def test_the_form_can_be_chosen(form, labels):
    tokenizer = tokenizer_of(*WORDS[:4], *(f" {word}" for word in WORDS[2:]))
    found = read(tokenizer, WORDS, token_form=form)
    assert found.form == form and found.labels == labels and sorted(found.labels + found.dropped) == sorted(WORDS)
    assert all(tokenizer.decode([i]).startswith(" ") == (form == "spaced") for i in found.ids)


def test_unbounded_integers_are_the_longest_run_of_one_form():
    """0 to 2 are there bare, 0 to 4 after a space: 3 and 4 may not follow bare ones."""
    tokenizer = tokenizer_of("0", "1", "2", " 0", " 1", " 2", " 3", " 4", "6", "7")
    spec = {"concept": {"integers": {"start": 0, "stop": "single-token"}}, "values": {}}
    found = vocabulary_set(tokenizer, spec, 0, 100)
    assert (found.form, found.labels, found.values) == ("spaced", list("01234"), [0.0, 1.0, 2.0, 3.0, 4.0])


def test_a_tokenizer_without_spaces_has_one_form():
    made = Tokenizer(models.WordPiece({w: i for i, w in enumerate(["[UNK]", *WORDS])}, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    found = read(PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]"), WORDS)
    assert (found.form, found.labels, found.dropped) == ("bare", WORDS, [])


def test_too_few_labels_of_one_form():
    tokenizer = tokenizer_of("one", "two", " three", " four")
    with pytest.raises(OrreryError, match="only 2 bare and 2 spaced labels are single tokens of this model; three of"):
        read(tokenizer, WORDS)
    with pytest.raises(OrreryError, match="only 2 spaced labels are"):
        read(tokenizer, WORDS, token_form="spaced")


def test_random_tokens_are_as_many_as_are_read():
    tokenizer = tokenizer_of(*WORDS[:4], *(f" {word}" for word in WORDS[2:]), *"abcdefghijklm")
    like = {"concept": {"labels": WORDS, "token_form": "bare"}, "values": dict.fromkeys(WORDS, 0.0)}
    spec = {"concept": {"random_tokens": {"like": "words"}}, "values": {}, "like": like}
    assert len(vocabulary_set(tokenizer, spec, 0, 100).ids) == 4


def test_the_catalogue_tells_what_is_read():
    tokenizer = tokenizer_of("is", *WORDS[:4], *(f" {word}" for word in WORDS[2:]), "0", "1", "2")
    sets = {
        "words": {"labels": WORDS},
        "bare": {"labels": WORDS, "token_form": "bare"},
        "n": {"integers": {"start": 0}},
    }
    rows = {row["concept"]: row for row in catalogue.fitness(tokenizer, sets)}
    assert (rows["words"]["vocabulary"], rows["words"]["token_form"]) == (11, "spaced")
    assert (rows["bare"]["vocabulary"], rows["bare"]["token_form"]) == (4, "bare")
    assert (rows["n"]["labels"], rows["n"]["vocabulary"], rows["n"]["token_form"]) == (3, 3, "bare")
