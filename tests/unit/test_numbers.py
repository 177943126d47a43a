"""An integer is found only where it is a number of its own; what else is around an occurrence can be asked for."""

import re

import pytest
import yaml
from orrery.corpus.files import File
from orrery.corpus.numbers import PATTERNS, kind_of
from orrery.corpus.scan import scan, select
from orrery.corpus.selection import say_unusual
from orrery.errors import OrreryError
from tools import ROOT, completed

OPTIONS = {
    "per_label": 99, "sampling": "first", "per_document": "all", "case_sensitive": True, "whole_words": True, "before": 240,
    "after": 80, "min_chars": 0, "whitespace": "keep", "leaks": "flag", "duplicates": "ignore",
    "near_duplicates": "ignore", "similarity": 0.8, "phrases": "ignore", "phrase_repeats": 3,
}  # fmt: skip
CASE = "Pi is 3.14 and it costs $1,000 or 5,50 at 12:30 on 2024-01-05; it was -7 degrees, 1/3 of v1.2.3 from 192.168.0.10 and 11 more."  # fmt: skip


def kinds(text):
    """(digits, kind) of every run of digits that no letter touches."""
    return [(m.group(), kind_of(text[: m.start()], m.group(), text[m.end() :])) for m in re.finditer(r"\b\d+\b", text)]


WHOLE = [
    "We saw 5 dogs", "5 dogs, 5 cats and 5.", "(5) [5] “5”", "5%", "$5 now", "a 5-year plan", "no. 5; No.5", "see 5: 5 men",
    "2+5=7", "in 2019, 300 people", "x 5 10 y", "5\n5\n", "on 5 January 2024", "5 million", "a:5", "Title 5:Next", "in 5.Next",
    "'5'", "5 °C", "5 × 5", "the year—5 people", "5/", "over 1990–present",
]  # fmt: skip
PARTS = {
    "decimal": ["3.14", "5,50", "1.5e-3", "٣٫٥", "3.14,2.71", "1,000.50", "1.000,50", "5·3"],
    "grouped": ["1,000", "1 000 000", "1'000", "12\u202f345", "1.000.000", "12,345,678", "1,00,000"],
    "range": ["10-12", "10–12", "5 - 7", "1999 – 2003", "$5–$10", "5%-10%", "5..10", "5~7"],
    "fraction": ["1/3", "2 1/2 cups", "5 ½ cups", "3⁄4"],
    "date": ["2024-01-05", "2024/01/05", "5.1.2024", "05/01/24", "in '99 we"],
    "time": ["12:30", "9:05:30.5"],
    "ratio": ["3:1", "4 : 3", "1:1000"],
    "signed": ["-7", "−7", "x=-5", "+5", "it was -7 degrees", "-$5"],
    "version": ["2.10.1"],
    "ip": ["192.168.0.10", "10.0.0.1:80", "10.0.0.0/8", "2001:db8::1"],
    "isbn": ["ISBN 978-3-16-148410-0", "0-19-852663-6", "978 3 16 148410 0", "ISBN: 0 8044 2957 6"],
    "phone": ["+49 30 1234", "(555) 123-4567", "555-123-4567"],
    "code": ["COVID-19", "the I-5", "http://a.b/5/6"],
    "power": ["10^5"],
    "list": ["1,2,3"],
    "joined": ["5'10"],
}


@pytest.mark.parametrize("text", WHOLE)
def test_numbers_of_their_own(text):
    assert {kind for _, kind in kinds(text)} == {None}


@pytest.mark.parametrize("kind, text", [(kind, text) for kind, texts in PARTS.items() for text in texts])
def test_parts_of_numbers(kind, text):
    assert {found for _, found in kinds(text)} == {kind}


def test_every_kind_is_tried_and_in_the_schema():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    options = schema["$defs"]["concept"]["properties"]["corpus"]["properties"]
    assert options["numbers"]["anyOf"][1]["items"]["enum"] == list(PATTERNS)
    assert set(PATTERNS) == {*PARTS, "longer"}
    docs = (ROOT / "docs/corpora.md").read_text()
    assert [kind for kind in PATTERNS if f"| `{kind}` |" not in docs] == []


def test_a_label_that_is_a_number_of_another_kind_is_found_whole():
    assert kind_of("at ", "12:30", " now") is None and kind_of("at ", "12:30", ":15") == "time"
    assert kind_of("", "1/2", "/2024") == "date" and kind_of("World ", "War 2", ".5") == "decimal"
    assert kind_of("", "one", ".5") is None


@pytest.fixture
def find(tmp_path):
    """({label: number of samples}, dropped) of texts, one a line."""

    def find(*texts, labels=("3", "7", "11", "14"), **options):
        path = tmp_path / "t.txt"
        path.write_text("\n".join(texts), encoding="utf-8")
        status = path.stat()
        spec = {"forms": {x: [x] for x in labels}, "values": dict.fromkeys(labels, 0.0), "seed": 0,
                "options": {**OPTIONS, **options}}  # fmt: skip
        file = File(path.name, status.st_size, str(status.st_mtime_ns), str(path))
        samples, report = select(*scan([file], {"format": "lines", "text": "text"}, "c", {"c": spec}, tmp_path), spec)
        assert sum(report["found"].values()) == len(samples) + sum(report["dropped"].values())
        return {label: n for label, n in report["kept"].items() if n}, report["dropped"]

    return find


@pytest.mark.parametrize("sampling", ["first", "spread"])
def test_what_is_passed_over_is_counted_by_kind(find, sampling):
    kept, dropped = find(CASE, labels=[str(n) for n in range(15)], sampling=sampling)
    assert kept == {"11": 1}
    assert dropped == {
        "in a number: decimal": 3, "in a number: fraction": 2, "in a number: grouped": 1, "in a number: ip": 2,
        "in a number: signed": 1, "in a number: time": 1, "in a number: version": 2,
    }  # fmt: skip


def test_what_is_passed_over_is_said(find):
    _, dropped = find(CASE)
    assert list(say_unusual({"dropped": dropped})) == [
        "5 hits were parts of numbers (decimal 2, fraction 1, signed 1, version 1) and did not count; the key numbers chooses"
    ]  # fmt: skip


def test_which_numbers_count_can_be_chosen(find):
    assert find(CASE, numbers=["decimal"])[0] == {"3": 1, "14": 1, "11": 1}
    assert find(CASE, numbers="all")[0] == {"3": 3, "7": 1, "11": 1, "14": 1}
    assert find("15 or 150", labels=("5", "15"), whole_words=False)[0] == {"15": 1}
    assert find("在5月15日有5人", labels=("5", "15"), whole_words=False)[0] == {"5": 1}


def test_a_part_of_a_number_is_no_leak_and_no_first_of_its_document(find):
    kept, dropped = find("it was 3.14 and 7 more", leaks="drop")
    assert kept == {"7": 1} and dropped == {"in a number: decimal": 2}
    kept, _ = find("it was 3.5 then 3.6 then 3 again", sampling="spread", per_document=1)
    assert kept == {"3": 1}


MAY = "You may go. In May it rains. May be. May  Day! I met Theresa May again. US$May"


@pytest.mark.parametrize(
    "conditions, n",
    [
        ({}, 5),
        ({"not_after": ["be", "Day"]}, 3),
        ({"not_after": {"May": ["b"]}}, 5),  # not a whole word
        ({"not_after": [r"\w+ again", r"again"]}, 4),
        ({"not_before": ["Theresa"]}, 4),
        ({"not_before": ["esa"]}, 5),
        ({"not_before": [r"\$"]}, 4),
        ({"not_before": [r"T\w+", "In"], "not_after": ["be"]}, 2),
        ({"not_before": ["theresa"], "case_sensitive": False}, 5),  # `may` is found too
    ],
)
def test_conditions_on_what_stands_around(find, conditions, n):
    kept, dropped = find(MAY, labels=("May", "June"), **conditions)
    assert kept == {"May": n}
    assert sum(dropped.values()) == (6 if conditions.get("case_sensitive") is False else 5) - n


def test_conditions_that_cannot_be_get_a_sentence():
    def corpus(**options):
        completed(ROOT, {"concepts": {"months": {"corpus": options}}})

    corpus(not_before={"May": ["Theresa"]}, not_after=["be"], numbers=["range"])
    with pytest.raises(OrreryError, match=r"months.corpus.not_before: 'Mai' is not in labels; did you mean 'May'"):
        corpus(not_before={"Mai": ["x"]})
    with pytest.raises(OrreryError, match=r"months.corpus.not_after: '\(x' is not a regular expression"):
        corpus(not_after=["(x"])
    with pytest.raises(OrreryError, match=r"months.corpus.not_before.May: '\(\?=x\)' has a look-around"):
        corpus(not_before={"May": ["(?=x)"]})
    with pytest.raises(OrreryError, match=r"months.corpus.numbers"):
        corpus(numbers=["decimals"])
