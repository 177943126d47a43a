"""Spans of Hyperscan and RE2 against the reference, for every script and option."""

import json
import random

import numpy as np
import pyarrow as pa
import pytest
import re2
from hypothesis import example, given, settings
from hypothesis import strategies as st
from orrery.corpus import matcher as engine
from orrery.corpus.forms import case_variants, is_word, literal, mistake, unicode_classes
from orrery.corpus.matcher import Matcher, joined
from orrery.corpus.readers import _as_batch
from orrery.errors import OrreryError
from reference import occurrences

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
SETS = {
    "words": {"May": ["May"], "March": ["March", "Mar"], "Sun": ["Sun"]},
    "overlapping": {"New Year": ["New Year"], "Eve": ["New Year's Eve", "Eve"], "New": ["New"], "Year": ["Year's"]},
    "signs": {"C": ["C"], "C++": [r"C\+\+"], "(c)": [r"\(c\)"], "5": ["5"], "1.5": [r"1\.5"]},
    "scripts": {"Mai": ["Mai", "mai\u0301"], "пн": ["понедельник", "пн"], "شنبه": ["شنبه"], "日": ["日", "日曜日"], "🌞": ["🌞"]},
    "folds": {"kiss": ["kiss"], "Straße": ["Straße"], "σας": ["σας"], "ß": ["ß"]},
    "regex": {"day": [r"\w+day", "day"], "number": [r"\d+(?:[.,]\d+)?"], "a": ["a[a-c]*", r"\p{L}\s\p{L}\s"], "x": ["x.?y"]},
    "both": {"Mon": ["Mon", r"Mon\."], "many": [r"Mon(?:day)?s?", "M+"], "May": ["May"]},
}  # fmt: skip
ALPHABET = "MaySunrchNewYErv's day5.1C+()кпнедльи日曜🌞kKſßẞSσςΣxya \n\r\0\t-_\u0301\u200d\u200c\ufeffé２²،شنبهA"


def batch_of(documents, layout="one piece"):
    if layout == "apart":
        return joined([_as_batch(pa.array([text], pa.string()), n, 0, None) for n, text in enumerate(documents)])
    batch = _as_batch(pa.array(documents, pa.string()), 0, 0, None)
    return batch.some(np.arange(len(documents))) if layout == "separated" and documents else batch


def found_in(documents, forms, case_sensitive=True, whole_words=True, layout="separated"):
    """[(start, end, label)] of each document, in characters, by the engine."""
    matcher = Matcher({"c": {"forms": forms, "case_sensitive": case_sensitive, "whole_words": whole_words}})
    batch = batch_of(documents, layout)
    labels, found = list(forms), [[] for _ in documents]
    for row, start, end, label in zip(*(part.tolist() for part in matcher.find(batch)[0])):
        document = batch.document(row)
        first, last = start - int(batch.starts[row]), end - int(batch.starts[row])
        found[row].append((len(document[:first].decode()), len(document[:last].decode()), labels[label]))
    return found


# The newest letters are known to one library and not yet to another.
KNOWN = st.characters(exclude_categories=("Cs", "Cn"))


@st.composite
def texts(draw):
    words = [form for forms in SETS.values() for fs in forms.values() for form in fs if literal(form)]
    words = [literal(w) for w in words] + ["Mondays", "mayor", "KISS", "STRASSE", "ﬁ", "\r\n"]
    piece = st.one_of(st.sampled_from(words), st.text(ALPHABET, max_size=4), st.text(KNOWN, max_size=3))
    return "".join(draw(st.lists(piece, max_size=14)))


@pytest.mark.parametrize("whole_words", [True, False])
@pytest.mark.parametrize("case_sensitive", [True, False])
@pytest.mark.parametrize("name", SETS)
@settings(max_examples=60, deadline=None)
@given(documents=st.lists(texts(), min_size=1, max_size=5))
@example(documents=["May", "", "May", "Maynew", "New Year's EveMay"])
@example(documents=["ſun Kiss straẞe ΣΑΣ", "(c)(c) C++C C+++", "5５5 1.5.1.5"])
@example(documents=["May", "MayMayMayMayMayMayMayMarchMarch11²²1ẞ.Sun"])  # Hyperscan alone misses the last word
def test_spans_equal_the_reference(name, case_sensitive, whole_words, documents):
    forms = SETS[name]
    expected = [occurrences(text, forms, case_sensitive, whole_words) for text in documents]
    for layout in ("one piece", "separated", "apart"):
        assert found_in(documents, forms, case_sensitive, whole_words, layout) == expected


@pytest.mark.parametrize("layout", ["one piece", "separated"])
@pytest.mark.parametrize("name", SETS)
@settings(max_examples=60, deadline=None)
@given(documents=st.lists(texts(), min_size=1, max_size=8), wanted=st.lists(st.booleans(), min_size=9, max_size=9))
@example(documents=["5", "5", "5", "in 5", "5", ""], wanted=[True] * 9)
def test_no_document_of_a_wanted_label_is_left_out(name, layout, documents, wanted):
    forms = SETS[name]
    wanted = np.array(wanted[: len(forms)])
    matcher = Matcher({"c": {"forms": forms, "case_sensitive": False, "whole_words": True}})
    batch = batch_of(documents, layout)
    found = matcher.find(batch)[0]
    rows = matcher.rows_proposed(batch, [wanted])
    assert set(found.rows[wanted[found.labels]].tolist()) <= set(rows.tolist())
    some = batch.some(rows)
    assert some.rows.tolist() == rows.tolist()
    again = matcher.find(some)[0]
    there = np.isin(found.rows, rows)
    assert rows[again.rows].tolist() == found.rows[there].tolist() and (again.labels == found.labels[there]).all()
    for each in ("starts", "ends"):
        place, before = getattr(again, each) - some.starts[again.rows], getattr(found, each) - batch.starts[found.rows]
        assert (place == before[there]).all()


@pytest.mark.parametrize("n_labels", [2, 12, 90])
def test_the_other_algorithm_finds_the_same(monkeypatch, n_labels):
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefgh", k=rng.randrange(4, 9))) for _ in range(n_labels)]
    text = " ".join(rng.choices([*words, "and", "the", "é", "日"], k=4000)).encode() + b" \xff\xfe \xff"
    slow = _matches(words, text)
    monkeypatch.setattr(engine, "TRIED_BYTES", 1)
    monkeypatch.setattr(engine, "WORTH_A_TRIAL", -1)
    monkeypatch.setattr(engine, "_fastest", lambda ways, data: ways[1])
    assert len(slow) > 1000 and _matches(words, text) == slow


def _matches(words, text):
    found = engine._Engine([(w.encode(), 0) for w in words], [], {}).matches(text)
    return sorted(zip(*(part.tolist() for part in found)))


def test_case_folding_is_re2s():
    """Every character of every script: our variants of it are what RE2 takes for it in another case."""
    options = re2.Options()
    options.case_sensitive = False
    everything = "".join(chr(c) for c in range(32, 0x20000) if not 0xD800 <= c < 0xE000)
    for char in {c for c in everything if len(case_variants(c)) > 1 and (ord(c) < 0x500 or ord(c) % 7 == 0)}:
        assert set(re2.compile(re2.escape(char), options).findall(everything)) == set(case_variants(char))


def test_word_characters():
    assert all(map(is_word, "aéßжש日５²_\u0301\u200d")) and not any(map(is_word, " \n-'.,🌞\u00a0\0،"))


def test_literals_are_told_from_expressions():
    assert literal(r"C\+\+") == "C++" and literal("New Year") == "New Year" and literal(r"a\\b") == "a\\b"
    assert [literal(f) for f in (r"a.c", r"\d", r"a|b", r"\p{L}", r"[ab]", r"a\\.")] == [None] * 6


@pytest.mark.parametrize("form, rewritten", [
    (r"\w+", r"[\p{L}\p{M}\p{N}\p{Pc}\x{200C}\x{200D}]+"), (r"[\w-]", r"[\p{L}\p{M}\p{N}\p{Pc}\x{200C}\x{200D}-]"),
    (r"\d\D", r"[\p{Nd}]\P{Nd}"), (r"\\d", r"\\d"), (r"\[\s\]", r"\[[\t\n\x0b\f\r\x{85}\p{Z}]\]"), (r"\p{Lu}\x{41}", r"\p{Lu}\x{41}"),
])  # fmt: skip
def test_classes_have_unicodes_meaning(form, rewritten):
    assert unicode_classes(form) == rewritten


@pytest.mark.parametrize("form, sentence", [
    ("a(", "is not a regular expression"), ("a(?=b)", "look-around"), (r"(a)\1", "reference"), ("^a", "anchor"),
    (r"a\b", "anchor"), ("a*", "matches nothing at all"), (r"[\W]", "cannot stand inside"), ("a++", "possessive"),
])  # fmt: skip
def test_forms_that_cannot_be_searched_for(form, sentence):
    assert sentence in mistake(form)


@pytest.mark.parametrize(
    "form", ["Mon", r"Mon\.?", r"[$^]5", r"\p{Lu}\w+", r"(?:a|b)+c", r"C\+\+", r"\^", "(?i:a)b", r"a\\b"]
)
def test_forms_that_can(form):
    assert mistake(form) is None
    Matcher({"c": {"forms": {"x": [form]}, "case_sensitive": True, "whole_words": True}})


@pytest.mark.parametrize("form", ["(?:a.{1,900}b){1,900}", r"(?:\p{L}{1,900}[ab]){2,9}"])
def test_a_form_too_large_gets_a_sentence(form):
    with pytest.raises(OrreryError, match=r"concepts.c.labels.x: .* cannot be searched for in linear time"):
        Matcher({"c": {"forms": {"x": [form]}, "case_sensitive": True, "whole_words": True}})


def test_catastrophic_expressions_take_linear_time():
    forms = {"x": [r"(?:a+)+b", r"(?:a|aa)+c", r"(?:\w*\s*)*!"], "y": ["zebra"]}
    long, short = "a" * 200_000, "a" * 900
    assert found_in([long, long + "b zebra", short + "b zebra", "zebra"], forms) == [
        [], [(200_002, 200_007, "y")], [(0, 901, "x"), (902, 907, "y")], [(0, 5, "y")],
    ]  # fmt: skip
    forms = {"may": ["May(?:[^!]*zebra)?"]}  # each could go on to the end of the text
    assert len(found_in(["May " * 100_000], forms)[0]) == 100_000
    assert found_in(["May a zebra May " + "b " * 600 + "zebra"], forms)[0] == [(0, 11, "may"), (12, 15, "may")]


@pytest.mark.parametrize("whole_words", [True, False])
def test_long_documents_are_searched_window_by_window(whole_words, monkeypatch):
    """What lies across the end of a window is found as anywhere."""
    monkeypatch.setattr(engine, "LONGEST", 40)
    monkeypatch.setattr(engine, "WINDOW", 100)
    rng = random.Random(0)
    forms = {"x": [r"M\w+(?: é+)?"], "é": ["é[a-c]*"]}
    texts = [
        "".join(rng.choices(["May", "é", " ", " é", "x", "abc", "日", "\n"], k=rng.randrange(400))) for _ in range(200)
    ]
    texts = [text for text in texts if all(len(word.encode()) < 30 for word in text.split())]
    assert len(texts) > 50 and max(map(len, texts)) > 400
    assert found_in(texts, forms, True, whole_words) == [occurrences(t, forms, True, whole_words) for t in texts]


@pytest.mark.parametrize("case_sensitive", [True, False])
@pytest.mark.parametrize("form", [
    r"\p{So}!", r"\p{Lu}\w?", r"\w!", r"\d\pP", r"[[:alpha:]\d]!", "é+", r"[^\w\s]!", r"\P{L}!", r"(?i:\p{Lu})!", "[à-ö]!",
    r"(?:\QK\E)!", r"\x{13A0}!", r"[\x{10D0}-\x{10FF}k]!",
])  # fmt: skip
def test_the_two_engines_agree_on_every_character(form, case_sensitive):
    """Of documents of one character and a sign, none in which RE2 finds the form is passed over by Hyperscan."""
    documents = [chr(c) + "!" for c in range(32, 0x20000) if not 0xD800 <= c < 0xE000]
    matcher = Matcher({"c": {"forms": {"x": [form]}, "case_sensitive": case_sensitive, "whole_words": False}})
    batch = batch_of(documents, "separated")
    found = matcher.find(batch)[0]
    rows, starts, ends, _ = matcher._exact[0].find(batch, range(len(documents)))
    assert len(rows) and all(np.array_equal(*pair) for pair in zip(found[:3], (rows, starts, ends)))


def test_an_expression_that_matches_everywhere_is_noted_once_a_document():
    matcher = Matcher({"c": {"forms": {"x": [r"\w+"], "a": ["a"]}, "case_sensitive": True, "whole_words": False}})
    batch = batch_of(["aa bb" * 1000, "", "b", "a"], "separated")
    ids, ends = matcher._all.matches(batch.data, batch.ends)
    assert sorted(ends[ids == 0].tolist()) == [1, 5003, 5005] and len(set(ends[ids == 1].tolist())) == 2001


def test_many_concepts_at_once_find_what_each_finds_alone():
    rng = random.Random(0)
    words = [w for forms in SETS.values() for fs in forms.values() for f in fs if (w := literal(f))]
    documents = [" ".join(rng.choices([*words, "and", "the"], k=rng.randrange(20))) for _ in range(300)]
    specs = {
        name: {"forms": forms, "case_sensitive": number % 2 == 0, "whole_words": number % 3 > 0}
        for number, (name, forms) in enumerate(SETS.items())
    }
    batch = _as_batch(pa.array(documents, pa.string()), 0, 0, None)
    together = Matcher(specs).find(batch)
    for (name, spec), found in zip(specs.items(), together):
        alone = Matcher({name: spec}).find(batch)[0]
        assert all(np.array_equal(a, b) for a, b in zip(found, alone)), json.dumps(spec)
        assert len(found.rows)
