"""Unicode's normal forms, bytes that are no UTF-8, other encodings, scripts without spaces, and files that never end."""

import gzip
import unicodedata
from itertools import product

import pytest
from orrery.corpus import readers
from orrery.corpus.files import File, list_files
from orrery.corpus.forms import equivalents, literal, say_unspaced
from orrery.corpus.labelled import Finder, advice, labelled_samples
from orrery.corpus.scan import scan, select
from orrery.errors import OrreryError

OPTIONS = {
    "per_label": 99, "sampling": "first", "per_document": "all", "case_sensitive": True, "whole_words": True, "before": 40,
    "after": 20, "min_chars": 0, "whitespace": "keep", "leaks": "flag", "duplicates": "ignore",
    "near_duplicates": "ignore", "similarity": 0.8, "phrases": "ignore", "phrase_repeats": 3, "undecodable": "drop",
}  # fmt: skip
FRENCH = ("août", "février")


def nfd(text):
    return unicodedata.normalize("NFD", text)


def spec_of(labels, **options):
    forms = labels if isinstance(labels, dict) else {label: [label] for label in labels}
    return {"forms": forms, "values": dict.fromkeys(forms, 0.0), "seed": 0, "options": {**OPTIONS, **options}}


def file_of(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    status = path.stat()
    return File(path.name, status.st_size, str(status.st_mtime_ns), str(path))


@pytest.fixture
def find(tmp_path):
    """(samples, report) of a file of lines."""

    def find(content, labels=FRENCH, name="t.txt", format="lines", **options):
        spec = spec_of(labels, **options)
        file = file_of(tmp_path / name, content)
        return select(*scan([file], {"format": format, "text": "text"}, "c", {"c": spec}, tmp_path / "pieces"), spec)

    return find


@pytest.mark.parametrize("of_label, of_text", list(product(["NFC", "NFD"], repeat=2)))
@pytest.mark.parametrize("case_sensitive", [True, False])
def test_canonically_equivalent_text_is_found_where_it_stands(find, of_label, of_text, case_sensitive):
    text = unicodedata.normalize(of_text, "é nous y serons en août là\né en février\naoûts")
    labels = [unicodedata.normalize(of_label, label) for label in FRENCH]
    samples, report = find(text, labels, case_sensitive=case_sensitive)
    assert [unicodedata.normalize("NFC", s["text"][s["start"] : s["end"]]) for s in samples] == list(FRENCH)
    assert [s["text"] for s in samples] == text.split("\n")[:2] and list(report["kept"].values()) == [1, 1]
    assert report.get("not_nfc", 0) == (2 if of_text == "NFD" else 0)


@pytest.mark.parametrize("spelled", ["Việt", "Viê\u0323t", "Viẹ\u0302t", "Vie\u0323\u0302t", "Vie\u0302\u0323t"])
def test_letters_that_are_partly_composed(find, spelled):
    assert len(find(f"ở {spelled} Nam", ["Việt", "Lào"])[0]) == 1
    assert len(find(f"ở {spelled} Nam", {"x": [r"V\w?ẹt"], "y": ["y+"]})[0]) == 0
    assert len(find(f"ở {spelled} Nam", {"x": ["V[ia]+ệt"], "y": ["y+"]})[0]) == 1


def test_no_other_text_is_found(find):
    assert not find("aout fevrier aou\u0302\u0302t aou\u0301t")[0]
    assert not find("cafe\u0301s cafe\u0301", ["cafe", "the"], whole_words=False)[0]
    assert find("cafe\u0301s", ["cafe", "the"], whole_words=False)[1]["dropped"] == {"a mark on its last letter": 1}


def test_all_spellings_of_a_form_are_equivalent():
    for text in ("Å", "ǖx", "월요일", "ệ́", "né" * 9, "é."):
        texts = [literal(form) for form in equivalents(text.replace(".", r"\."))]
        assert {nfd(one) for one in texts} == {nfd(text)} and len(set(texts)) == len(texts)
        assert {text, nfd(text), unicodedata.normalize("NFC", text)} <= set(texts) and len(texts) < 99
    assert "\u212b" in equivalents("Å") and equivalents("plain") == ["plain"]


def test_contexts_are_put_in_the_form_that_is_asked_for(find):
    (sample,), report = find(nfd("à noël en août ﬁn"), unicode="NFC")
    assert sample["text"] == "à noël en août ﬁn" and sample["text"][sample["start"] : sample["end"]] == "août"
    assert "not_nfc" not in report
    assert find(nfd("en août ﬁn"), unicode="NFKC")[0][0]["text"] == "en août fin"


def test_labels_of_rows_are_compared_in_one_form():
    spec = spec_of(FRENCH)
    rows = [{"label": nfd("août"), "text": nfd("en août"), "file": "t", "row": 0}]
    (sample,), _ = labelled_samples(rows, spec, Finder("c", spec))
    assert sample["label"] == "août" and nfd(sample["text"])[sample["start"] : sample["end"]] == nfd("août")


LATIN = b"caf\xe9 in May now and then some more of the line\nall is well in May\n"


@pytest.mark.parametrize("policy, kept, dropped", [("drop", 1, 1), ("flag", 2, 0), ("keep", 2, 0)])
def test_bytes_that_are_no_utf8(find, policy, kept, dropped):
    samples, report = find(LATIN, ["May", "June"], undecodable=policy)
    assert len(samples) == kept and report["not_utf8"] == 1
    assert report["dropped"] == ({"bytes that are no text in the context": 1} if dropped else {})
    flags = {"flag": ["bytes that are no text in the context", ""], "drop": [""], "keep": ["", ""]}
    assert [s["flags"] for s in samples] == flags[policy] and report.get("replaced", 0) == kept - 1


def test_only_the_context_counts(find):
    assert len(find(b"\xff" + b" far away" * 20 + b" in May", ["May", "June"])[0]) == 1


def test_rows_that_are_no_utf8():
    spec = spec_of(["May", "June"])
    rows = [{"label": "May", "text": "caf\ufffd in May", "file": "t", "row": 0}]
    samples, report = labelled_samples(rows, spec, Finder("c", spec))
    assert not samples and report["dropped"] == {"bytes that are no text in the context": 1}


@pytest.mark.parametrize(
    "name, format", [("t.txt", "lines"), ("t.txt", "text"), ("t.csv", "csv"), ("t.jsonl", "jsonl")]
)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_encodings_get_a_sentence(find, name, format, encoding):
    with pytest.raises(OrreryError, match=r"it is UTF-16 or UTF-32; convert it to UTF-8.*iconv"):
        find("text\nin May\n".encode(encoding), name=name, format=format)


def test_the_key_for_scripts_without_spaces_is_named():
    said = list(say_unspaced(["月曜日", "May"], spec_of(["月曜日", "May"]), "days"))
    assert said == ["月曜日 may stand between other letters, as their script has no spaces: write concepts.days.corpus.whole_words: false"]  # fmt: skip
    assert len(list(say_unspaced(["วัน"], spec_of(["วัน", "x"]), "days"))) == 1
    assert not list(say_unspaced(["วัน"], spec_of(["วัน", "x"], whole_words=False), "days"))
    assert not list(say_unspaced(["May", "août"], spec_of(["May", "août"]), "days"))


def test_a_table_in_such_a_script():
    spec = spec_of(["月曜日", "火曜日"])
    rows = [{"label": "月曜日", "text": "次の月曜日に", "file": "t", "row": 0}]
    _, report = labelled_samples(rows, spec, Finder("days", spec))
    with pytest.raises(
        OrreryError, match="'label not in the text': 1.*月曜日 may stand.*days.corpus.whole_words: false"
    ):
        advice(report, "mine", "days", spec)
    (sample,), _ = labelled_samples(rows, spec_of(["月曜日", "火曜日"], whole_words=False), Finder("days", spec_of(["月曜日", "火曜日"], whole_words=False)))  # fmt: skip
    assert (sample["start"], sample["end"]) == (2, 5)


@pytest.mark.parametrize("name, format", [("t.txt.gz", "lines"), ("t.txt.gz", "text"), ("t.jsonl.gz", "jsonl")])
def test_what_unpacks_to_too_much_is_given_up(find, monkeypatch, name, format):
    monkeypatch.setattr(readers, "DOCUMENT_BYTES", 20 << 20)
    with pytest.raises(OrreryError, match="it holds more than 20 MB in one piece"):
        find(gzip.compress(b"x" * (64 << 20)), name=name, format=format)


def test_hidden_folders_are_no_part_of_a_corpus(tmp_path):
    for name in ("data/a.txt", ".cache/huggingface/a.metadata", "data/.git/b.txt", "data/.c.txt", "c..d/e.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "asset.json").write_text("{}")
    assert [file.name for file in list_files(tmp_path)] == ["c..d/e.txt", "data/a.txt"]
