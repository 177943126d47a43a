"""Tokenizers of every kind: the characters of each token, and folders that hold none."""

import base64
import json
import shutil

import pytest
import transformers as tf
from orrery import models, tokenizing, tokens, vocabulary
from orrery.activations import encode_samples
from orrery.errors import OrreryError
from orrery.samples import expand_templates
from orrery.store import sample_columns
from tokenizers import AddedToken
from tools import WEEKDAYS, make_model, make_tokenizer

TEXTS = [
    "See you on Tuesday, my friend",
    "am 1. März: naïve café",
    "月曜日 is Monday 🙂 in Łódź",
    "  two  spaces\nand lines ",
]


def spelled(text, tokenizer):
    """What each token that is not special stands for in the text."""
    ((ids, offsets, special),) = tokenizing.tokenize(tokenizer, [text])
    assert len(ids) == len(offsets) == len(special)
    return [text[start:end] for (start, end), here in zip(offsets, special) if not here]


@pytest.mark.parametrize("text", TEXTS)
def test_offsets_of_bytes(text):
    pieces = spelled(text, tf.ByT5Tokenizer())
    assert pieces == [character for character in text for _ in character.encode()]


@pytest.mark.parametrize("text", TEXTS)
def test_offsets_of_characters(text):
    assert spelled(text, tf.CanineTokenizer()) == list(text)


def test_offsets_of_pieces_of_words(tmp_path):
    """Wordpieces in lower case, with an unknown word: its text is left out, and counted."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "see", "you", "on", "tues", "##day", ",", "über"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer = tf.ProphetNetTokenizer(str(tmp_path / "vocab.txt"), do_lower_case=True, unk_token="[UNK]")
    assert not tokenizer.is_fast
    assert spelled("See  you, on Tuesday", tokenizer) == ["See", "you", ",", "on", "Tues", "day"]
    made, counts = tokens.encode(tokenizer, ["on Tuesday", "on Friday"], [(3, 10), (3, 9)], 64)
    assert tokenizer.convert_ids_to_tokens(made[0].ids[made[0].first : made[0].last + 1].tolist()) == ["tues", "##day"]
    assert made[1] is None and counts == {"the tokens do not spell the text": 1}


@pytest.mark.parametrize("tokenizer", [tf.ByT5Tokenizer(), tf.CanineTokenizer()], ids=["bytes", "characters"])
@pytest.mark.parametrize(
    "text, label", [(TEXTS[1], "März"), (TEXTS[2], "月曜日"), (TEXTS[2], "Łódź"), (TEXTS[0], "Tuesday")]
)
def test_the_label_is_read_without_a_fast_tokenizer(tokenizer, text, label):
    start = text.index(label)
    made, counts = tokens.encode(tokenizer, [text], [(start, start + len(label))], 200)
    assert not counts
    assert tokenizer.decode(made[0].ids[made[0].first : made[0].last + 1]) == label
    cut, _ = tokens.encode(
        tokenizer, [text], [(start, start + len(label))], 200, context_tokens=len(label.encode()) + 1, short="keep"
    )
    assert label in tokenizer.decode(cut[0].ids)


@pytest.mark.parametrize("text", TEXTS)
def test_offsets_of_bytes_in_pieces(tmp_path, text):
    """Byte-level BPE in Python, against the offsets of the same vocabulary in Rust; and vocabularies of bytes themselves."""
    fast = make_tokenizer(tmp_path, [*TEXTS] * 30)

    class InPython:
        is_fast = False

        def __call__(self, texts, return_special_tokens_mask, verbose):
            return fast(texts, return_special_tokens_mask=True)

        def convert_ids_to_tokens(self, ids):
            return fast.convert_ids_to_tokens(ids)

    class OfBytes(InPython):
        def convert_ids_to_tokens(self, ids):
            alphabet = tokenizing._bytes_of_gpt2()
            return [bytes(alphabet[c] for c in token) for token in fast.convert_ids_to_tokens(ids)]

    expected = [text[start:end] for start, end in fast(text, return_offsets_mapping=True)["offset_mapping"]]
    assert len(expected) > 3
    for tokenizer in (InPython(), OfBytes()):
        assert [piece.strip() for piece in spelled(text, tokenizer)] == [piece.strip() for piece in expected]


def test_text_that_looks_like_a_special_token():
    text = "a </s> b"
    assert "".join(spelled(text, tf.ByT5Tokenizer())).replace(" ", "") == "a</s>b"


def test_a_byte_model_is_read(tmp_path):
    config = tf.T5Config(
        vocab_size=384, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, decoder_start_token_id=0
    )
    tf.T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    tf.ByT5Tokenizer().save_pretrained(tmp_path)
    loaded = models.load(tmp_path, "m", device="cpu")
    samples = sample_columns(expand_templates([("t", "On {label} we met")], {"März": 0.0, "Mai": 1.0, "Juni": 2.0}))
    loaded.causal = False
    encoded = encode_samples(loaded, samples)
    lengths = [last - first + 1 for first, last in zip(encoded.first, encoded.last)]
    assert lengths == [5, 3, 4] and encoded.counts == {}


# Folders


@pytest.mark.parametrize("kind", ["gpt2", "bert", "t5", "llama"])
def test_a_folder_without_a_tokenizer(tmp_path, kind):
    """transformers makes up an empty vocabulary for some of these, in which every word is unknown."""
    folder = make_model(tmp_path / "m", kind)
    for file in [*folder.glob("tokenizer*"), *folder.glob("special*")]:
        file.unlink()
    with pytest.raises(OrreryError, match=r"the folder has no tokenizer; add the model's tokenizer\.json"):
        models.load(folder, device="cpu")


def sentencepiece_model(folder):
    """A folder with a Llama and nothing but tokenizer.model, trained by SentencePiece."""
    spm = pytest.importorskip("sentencepiece", reason="sentencepiece trains the tokenizer of this case")
    folder = make_model(folder, "llama")
    for file in folder.glob("tokenizer*"):
        file.unlink()
    (folder / "text.txt").write_text("\n".join(f"See you on {day}, number {n}." for day in WEEKDAYS for n in range(99)))
    spm.SentencePieceTrainer.train(
        input=str(folder / "text.txt"), model_prefix=str(folder / "tokenizer"), model_type="bpe", byte_fallback=True,
        vocab_size=400, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "LlamaTokenizer", "model_max_length": 64})
    )
    return folder


def test_a_sentencepiece_tokenizer(tmp_path):
    tokenizer = models.load(sentencepiece_model(tmp_path / "m"), device="cpu").tokenizer
    text = "See you on Tuesday, naïve 月"
    for label in ("Tuesday", "naïve", "月"):
        start = text.index(label)
        made, counts = tokens.encode(tokenizer, [text], [(start, start + len(label))], 64)
        assert not counts and tokenizer.decode(made[0].ids[made[0].first : made[0].last + 1]).strip() == label


def test_a_tiktoken_vocabulary(tmp_path):
    pytest.importorskip("tiktoken", reason="transformers reads such a vocabulary with tiktoken")
    folder = make_model(tmp_path / "m", "llama")
    for file in folder.glob("tokenizer*"):
        file.unlink()
    words = [*(bytes([i]) for i in range(256)), b"Mo", b"nd", b"ay", b"nday", b"Monday", b" M", b" Mo", b" Monday"]
    lines = [f"{base64.b64encode(word).decode()} {i}" for i, word in enumerate(words)]
    (folder / "tokenizer.model").write_text("\n".join(lines) + "\n")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    tokenizer = models.load(folder, device="cpu").tokenizer
    ((ids, first, last),), counts = tokens.encode(tokenizer, ["é on Monday"], [(5, 11)], 64)
    assert not counts and first == last and ids[first] == words.index(b" Monday")


@pytest.mark.parametrize("name", ["tokenizer.model", "spiece.model", "qwen.tiktoken"])
def test_a_tokenizer_that_cannot_be_loaded_here_is_named(tmp_path, name):
    folder = make_model(tmp_path / "m", "llama")
    for file in folder.glob("tokenizer*"):
        file.unlink()
    (folder / name).write_bytes(b"\x00 not a tokenizer")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "LlamaTokenizer"}')
    with pytest.raises(
        OrreryError, match=rf"the tokenizer is in {name}, which transformers cannot load here \(.*install"
    ) as e:
        models.load(folder, device="cpu")
    assert "\n" not in str(e.value)


# Larger than the matrix


def added(folder, target, word):
    """A copy of a model whose tokenizer has one token more than the embedding matrix has rows."""
    shutil.copytree(folder, target)
    tokenizer = tf.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([AddedToken(word, lstrip=False, rstrip=False, normalized=False)])
    tokenizer.save_pretrained(target)
    return target


@pytest.mark.parametrize("kind, word", [("llama", "Friday"), ("gpt2", "noon"), ("bert", "Sunday")])
def test_a_token_beyond_the_embedding_matrix(tmp_path, monkeypatch, kind, word):
    said = []
    monkeypatch.setattr("orrery.activations.note", said.append)
    whole = make_model(tmp_path / "whole", kind)
    loaded = models.load(added(whole, tmp_path / "m", word), "m", device="cpu")
    assert len(loaded.tokenizer) == loaded.rows + 1
    templates = [("a", "See you on {label}"), ("b", "At noon on {label}")]
    samples = sample_columns(expand_templates(templates, {day: float(i) for i, day in enumerate(WEEKDAYS)}))
    encoded = encode_samples(loaded, samples)
    lost = [text for text in samples["text"] if word in text]
    assert encoded.counts == {tokens.BEYOND: len(lost)} and len(encoded.ids) == 14 - len(lost)
    assert max(ids.max() for ids in encoded.ids) < loaded.rows
    assert said == ([] if word == "noon" else [f"models.m: no sample of {word} can be read: {dict(encoded.counts)}"])


def test_labels_beyond_the_embedding_matrix_are_no_vocabulary(tmp_path):
    loaded = models.load(added(make_model(tmp_path / "w", "llama"), tmp_path / "m", "Friday"), device="cpu", head=True)
    spec = {"concept": {"token_form": "bare"}, "values": {x: 0.0 for x in ("1", "2", "a", "b", "Friday")}}
    found = vocabulary.vocabulary_set(loaded.tokenizer, spec, 0, vocabulary.rows_of(loaded))
    assert found.labels == ["1", "2", "a", "b"] and found.dropped == ["Friday"]


def test_a_padding_token_beyond_the_embedding_matrix(tmp_path):
    whole = make_model(tmp_path / "w", "bert")
    shutil.copytree(whole, tmp_path / "m")
    tokenizer = tf.AutoTokenizer.from_pretrained(whole)
    tokenizer.add_special_tokens({"pad_token": "<padding>"})
    tokenizer.save_pretrained(tmp_path / "m")
    from orrery.stack import find_stack

    assert find_stack(models.load(tmp_path / "m", device="cpu")).padded
