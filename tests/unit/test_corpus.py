"""Occurrences, readers and wikitext."""

import bz2
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orrery.corpus.mediawiki import articles, plain_text
from orrery.corpus.occurrences import compile_labels, find_occurrences
from orrery.corpus.readers import Document, read_documents
from orrery.errors import OrreryError

OPTIONS = {"per_label": 9, "per_document": 9, "case_sensitive": True, "before": 40, "after": 20, "min_chars": 0,
           "leaks": "keep"}  # fmt: skip
MONTHS = {"March": ["March"], "May": ["May"]}
VALUES = {"March": 0.0, "May": 1.0}


def find(*texts, forms=MONTHS, values=VALUES, **options):
    documents = [Document(text, "f", row, id=str(row)) for row, text in enumerate(texts)]
    return find_occurrences(documents, forms, values, {**OPTIONS, **options})


def test_whole_words_only_and_case_matters():
    samples, report = find("Mayor Mays mayMay may May. MAY _May May_ 5May May-pole (May) ÉMay")
    assert [s["text"][s["start"] : s["end"]] for s in samples] == ["May"] * 3
    assert report["found"] == {"March": 0, "May": 3}
    assert len(find("may MAY", case_sensitive=False)[0]) == 2


def test_span_window_and_way_back():
    text = "one two three four five six seven eight nine ten in May eleven twelve thirteen fourteen fifteen"
    (sample,), _ = find(text)
    assert sample["text"] == "four five six seven eight nine ten in May eleven twelve"
    assert sample["text"][sample["start"] : sample["end"]] == "May"
    assert text[sample["position"] :].startswith("May") and sample["document"] == "0" and sample["row"] == 0


def test_context_reaches_over_lines():
    (sample,), _ = find("a line\nanother line\nthe end of May")
    assert sample["text"].startswith("a line\nanother")


def test_every_drop_is_counted():
    samples, report = find(
        "It was in May", "It was in May", "March then May", "May", leaks="drop", min_chars=3, per_label=5
    )
    assert len(samples) == 1
    assert report["dropped"] == {"another label in the context": 1, "context too short": 2, "exact duplicate": 1}
    assert sum(report["found"].values()) == len(samples) + sum(report["dropped"].values())


def test_quota_and_cap_and_early_stop():
    texts = [f"number {i} May and May" for i in range(50)] + ["in March now"] + ["in March later"] * 50
    samples, report = find(*texts, per_label=1, per_document=1)
    assert [s["label"] for s in samples] == ["March", "May"] and report["documents"] == 51
    assert len(find("x May y May z May", per_document=2)[0]) == 2


def test_longer_forms_first_and_groups_in_forms():
    pattern, labels = compile_labels({"a": ["New (Year|Moon)"], "b": ["New Year(?:'s) Eve"], "c": ["(x)(y)z"]})
    assert [labels[m.lastindex] for m in pattern.finditer("New Year, New Year's Eve, New Moon, xyz")] == [
        "a",
        "b",
        "a",
        "c",
    ]


def test_readers_agree(tmp_path):
    rows = [{"text": "first\nline", "id": "a"}, {"text": None, "id": "b"}, {"text": "third", "id": "c"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    a = [(d.text, d.row, d.id) for d in read_documents(tmp_path, "*.parquet", "parquet")]
    b = [(d.text, d.row, d.id) for d in read_documents(tmp_path, "*.jsonl", "jsonl")]
    assert a == b == [("first\nline", 0, "a"), ("third", 2, "c")]
    (tmp_path / "x.txt").write_bytes(b"one\r\n\nthree \xff\n")
    assert [(d.text, d.row) for d in read_documents(tmp_path, "*.txt", "lines")] == [("one", 0), ("three \ufffd", 2)]


@pytest.mark.parametrize(
    "name, content, format, sentence",
    [
        ("x.parquet", b"PAR1 cut", "parquet", "cannot be read as Parquet"),
        ("x.jsonl", b"{]", "jsonl", "line 1 of 'x.jsonl' is not JSON"),
        ("x.jsonl", b'{"body": 1}', "jsonl", "no key 'text'"),
        ("y.bin", b"", "lines", "no file of the asset matches"),
    ],
)
def test_bad_files_get_a_sentence(tmp_path, name, content, format, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(OrreryError, match=sentence):
        list(read_documents(tmp_path, "x.*", format, corpus="mine"))


@pytest.mark.parametrize("table, sentence", [({"body": ["a"]}, "no column 'text'"), ({"text": [1]}, "int64, not text")])
def test_wrong_columns_get_a_sentence(tmp_path, table, sentence):
    pq.write_table(pa.table(table), tmp_path / "x.parquet")
    with pytest.raises(OrreryError, match=sentence):
        list(read_documents(tmp_path))


def test_wikitext_becomes_prose(tmp_path):
    source = (
        "{{Infobox|born=May 1}}'''Ada''' was born in [[London|the city]] in [[May]].<ref>Smith, June 2001</ref>\n"
        "[[File:a.jpg|thumb|in July]]\n== Life ==\n* one\n{| class=wikitable\n| August\n|}\n[[Category:March births]]"
    )
    assert plain_text(source) == "Ada was born in the city in May.\n\nLife\none"
    page = "<page><title>{t}</title><ns>{ns}</ns><id>{i}</id>{r}<revision><id>9</id><text>{x}</text></revision></page>"
    site = "<siteinfo><base>https://de.wikipedia.org/wiki/Wikipedia:Hauptseite</base></siteinfo>"
    xml = f"<mediawiki xmlns='http://www.mediawiki.org/xml/export-0.11/'>{site}" + "".join([
        page.format(t="A B", ns=0, i=1, r="", x="Hello."), page.format(t="T", ns=1, i=2, r="", x="Talk."),
        page.format(t="R", ns=0, i=3, r="<redirect title='A B'/>", x="#REDIRECT"),
    ]) + "</mediawiki>"  # fmt: skip
    (tmp_path / "d.xml.bz2").write_bytes(bz2.compress(xml.encode()))
    assert list(articles(tmp_path / "d.xml.bz2")) == [
        {"id": "1", "title": "A B", "url": "https://de.wikipedia.org/wiki/A_B", "text": "Hello."}
    ]
