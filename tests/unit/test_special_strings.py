"""Strings of a text that the tokenizer reads as special tokens: kept, dropped or read as text, and always counted."""

import pytest
from orrery import config as orrery
from orrery.tokens import encode
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from tools import ROOT, completed
from transformers import PreTrainedTokenizerFast

TEXTS = ["see you on Monday", "see <|end|> on Monday", "<s>on Monday"]
SPANS = [(text.index("Monday"), len(text)) for text in TEXTS]


@pytest.fixture(params=["letters", "unknown is special"])
def tokenizer(request):
    """Characters as tokens, with special ones besides; one of which stands for what is unknown, too, as in GPT-2."""
    vocabulary = {"<s>": 0, "<|end|>": 1, "[UNK]": 2} | {chr(n): n for n in range(33, 127)} | {"Ġ": 3}
    made = Tokenizer(models.BPE(vocabulary, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    unknown = {"letters": "[UNK]", "unknown is special": "<|end|>"}[request.param]
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="<|end|>", unk_token=unknown, extra_special_tokens=["[UNK]"]
    )


def read(tokenizer, special):
    made, counts = encode(tokenizer, TEXTS, SPANS, 64, special=special)
    return [one and one.ids.tolist() for one in made], counts


def test_special_tokens_are_kept(tokenizer):
    ids, counts = read(tokenizer, "keep")
    assert 1 in ids[1] and ids[2][:2] == [0, 0] and counts == {"a special token in the text (read as such)": 2}


def test_texts_with_special_tokens_are_dropped(tokenizer):
    ids, counts = read(tokenizer, "drop")
    assert ids[1:] == [None, None] and ids[0] and counts == {"a special token in the text (dropped)": 2}


def test_special_tokens_are_read_as_text(tokenizer):
    ids, counts = read(tokenizer, "text")
    assert [ids[1].count(n) for n in (0, 1)] == [1, 0] and ids[2].count(0) == 1
    assert [chr(n) for n in ids[2][1:4]] == ["<", "s", ">"] and counts == {
        "a special token in the text (read as text)": 2
    }
    assert "".join(chr(n) for n in ids[2][-6:]) == "Monday"
    assert read(tokenizer, "keep")[0][2][:2] == [0, 0]  # nothing of it stays in the tokenizer


def test_an_ordinary_text_is_the_same_by_all(tokenizer):
    first = [read(tokenizer, special)[0][0] for special in ("keep", "drop", "text")]
    assert first[0] == first[1] == first[2]


@pytest.mark.parametrize(
    "asked, source, special",
    [
        ("auto", "prompts", "keep"),
        ("auto", "wikipedia", "drop"),
        ("text", "prompts", "text"),
        ("keep", "wikipedia", "keep"),
    ],
)
def test_only_prompts_may_hold_them_if_nothing_is_said(asked, source, special):
    config = completed(ROOT, {"models": {"minilm": {"special_strings": asked}}})
    assert orrery.reading_of(config, "minilm", source)["tokens"]["special"] == special
