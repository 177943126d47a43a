"""Tables of labelled rows: what stands in a file becomes samples, or gets a sentence."""

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orrery.corpus.files import File
from orrery.corpus.labelled import Finder, advice, labelled_samples
from orrery.corpus.tables import read_rows
from orrery.errors import OrreryError

VALUES = {"March": 3.0, "May": 5.0}
HOW = {
    "case_sensitive": True, "whole_words": True, "per_label": 9, "sampling": "first", "leaks": "drop",
    "duplicates": "ignore", "near_duplicates": "ignore", "similarity": 0.8, "phrases": "drop", "phrase_repeats": 3,
    "per_document": 1, "whitespace": "keep",
}  # fmt: skip
SPEC = {"forms": {label: [label] for label in VALUES}, "values": VALUES, "options": HOW, "seed": 0}
LONG = "x" * 3_000_000


def rows_of(path, label="label"):
    status = os.stat(path)
    file = File(path.name, status.st_size, str(status.st_mtime_ns), str(path))
    return list(read_rows([file], {"format": "auto", "text": "text", "label": label}, "mine"))


def samples_of(*rows, values=VALUES, offsets="characters", **options):
    spec = {"forms": {label: [label] for label in values}, "values": values, "options": {**HOW, **options}, "seed": 0}
    rows = [{"file": "t.csv", "row": n, **row} for n, row in enumerate(rows)]
    return labelled_samples(rows, spec, Finder("months", spec), "mine", "months", offsets)


def jsonl(*records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def parquet(*columns):
    """Bytes of a table of (name, array)."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays([array for _, array in columns], [name for name, _ in columns]), sink)
    return sink.getvalue().to_pybytes()


def no_utf8():
    """["in May \\xff"], of which Arrow believes that it is text."""
    bad = b"in May \xff"
    return pa.StringArray.from_buffers(1, pa.array([len(bad) * "x"]).buffers()[1], pa.py_buffer(bad))


MAY = ("label", pa.array(["May"]))
IN_MAY = ("text", pa.array(["in May"]))
FILES = {  # name of the test → ending, content, [(label, text, row, id)]
    "a long row of csv": ("csv", f"label,text\nMarch,x\nMay,{LONG}\n".encode(), [("March", "x", 0, ""), ("May", LONG, 1, "")]),
    "a long row of jsonl": ("jsonl", jsonl({"label": "May", "text": LONG}), [("May", LONG, 0, "")]),
    "a long header": ("csv", f"label,text,{LONG[:70_000]}\nMay,x,1\n".encode(), [("May", "x", 0, "")]),
    "mixed types nobody asked for": (
        "jsonl",
        jsonl({"label": "May", "text": "a", "meta": 1}, {"label": "May", "text": "b", "meta": "x"}),
        [("May", "a", 0, ""), ("May", "b", 1, "")],
    ),
    "mixed types of the id": (
        "jsonl",
        jsonl({"label": 1, "text": "a", "id": 7}, {"label": "1", "text": "b", "id": "x"}, {"label": 1.0, "text": "c", "id": 1.5}),
        [("1", "a", 0, "7"), ("1", "b", 1, "x"), ("1", "c", 2, "1.5")],
    ),
    "a label that looks like a date": ("jsonl", jsonl({"label": "2021-01-01", "text": "a"}), [("2021-01-01", "a", 0, "")]),
    "lines that are blank": (
        "jsonl",
        b"\xef\xbb\xbf\n" + jsonl({"text": "no label"}) + b" \r\n" + jsonl({"label": "May", "text": "a"}) + b"\n",
        [("", "no label", 1, ""), ("May", "a", 3, "")],
    ),
    "whole floats": (
        "parquet",
        parquet(("label", pa.array([1.0, 2.5])), ("text", pa.array(["a", "b"])), ("id", pa.array([7.0, None]))),
        [("1", "a", 0, "7"), ("2.5", "b", 1, "")],
    ),
    "categories": ("parquet", parquet((MAY[0], MAY[1].dictionary_encode()), IN_MAY), [("May", "in May", 0, "")]),
    "no utf-8 in csv": ("csv", b"label,text\nMay,in May \xff\n", [("May", "in May \ufffd", 0, "")]),
    "no utf-8 in jsonl": ("jsonl", b'{"label": "May", "text": "in May \xff"}', [("May", "in May \ufffd", 0, "")]),
    "no utf-8 in parquet": ("parquet", parquet(MAY, ("text", no_utf8())), [("May", "in May \ufffd", 0, "")]),
    "what nobody asked for twice": ("parquet", parquet(MAY, IN_MAY, ("x", MAY[1]), ("x", MAY[1])), [("May", "in May", 0, "")]),
}  # fmt: skip


@pytest.mark.parametrize("ending, content, expected", FILES.values(), ids=FILES)
def test_rows_are_read_as_they_stand(tmp_path, ending, content, expected):
    (tmp_path / f"t.{ending}").write_bytes(content)
    assert [(r["label"], r["text"], r["row"], r["id"]) for r in rows_of(tmp_path / f"t.{ending}")] == expected


BAD = {  # sentence → ending, content
    "has 2 columns 'text'; rename all but one": ("csv", b"label,text,text\nMay,a,b\n"),
    "has 2 columns 'label'; rename": ("parquet", parquet(MAY, MAY, IN_MAY)),
    "has no column 'text'; it has 'label', 'body'": ("jsonl", jsonl({"label": "May"}, {"body": "a"})),
    "has no column 'label'; it has none": ("csv", b""),
    r"cannot be read \(line 2 is not JSON: Expecting": ("jsonl", b"\n{'label': 1}\n"),
    r"cannot be read \(line 1 is no JSON object": ("jsonl", b"[1]\n"),
    r"cannot be read \(line 1 is not JSON: maximum": ("jsonl", b"[" * 100_000),
    r"cannot be read \(field larger": ("csv", b'"' + LONG.encode()),
    r"cannot be read \(CSV parse error": ("csv", b"label,text\nMay\n"),
    r"cannot be read \(Parquet magic": ("parquet", parquet(MAY, IN_MAY)[:-9]),
    "lines cannot hold labelled rows": ("txt", b"May"),
}


@pytest.mark.parametrize("sentence", BAD)
def test_bad_tables_get_a_sentence(tmp_path, sentence):
    ending, content = BAD[sentence]
    (tmp_path / f"t.{ending}").write_bytes(content)
    with pytest.raises(OrreryError, match=sentence):
        rows_of(tmp_path / f"t.{ending}")


def test_only_the_columns_that_are_wanted_are_read(tmp_path):
    """The pages of the other one are overwritten."""
    content = parquet(MAY, IN_MAY, ("blob", pa.array([LONG])))
    metadata = pq.read_metadata(pa.BufferReader(content)).row_group(0).column(2)
    start, size = metadata.dictionary_page_offset or metadata.data_page_offset, metadata.total_compressed_size
    (tmp_path / "t.parquet").write_bytes(content[:start] + bytes(size) + content[start + size :])
    assert [r["text"] for r in rows_of(tmp_path / "t.parquet")] == ["in May"]


def test_span_value_and_group_of_rows():
    samples, report = samples_of(
        {"label": "May", "text": "May in May"},
        {"label": "May", "text": "May in May", "start": "0", "end": "3.0", "value": "5.0", "group": "g", "id": "d", "url": "u"},
        {"label": "May", "text": "é May x", "start": "", "end": "", "value": "", "group": "", "id": "d", "title": "t"},
        {"label": "March", "text": "not there"},
        {"label": "June", "text": "June"},
    )  # fmt: skip
    assert [(s["start"], s["end"], s["value"], s["group"], s["document"], s["row"]) for s in samples] == [
        (7, 10, 5.0, "t.csv:0", "", 0), (0, 3, 5.0, "g", "d", 1), (2, 5, 5.0, "d", "d", 2),
    ]  # fmt: skip
    assert [(s["title"], s["url"]) for s in samples] == [("", ""), ("", "u"), ("t", "")]
    assert (
        report["documents"] == 5
        and report["found"] == {"March": 1, "May": 3}
        and report["kept"] == {"March": 0, "May": 3}
    )
    assert report["dropped"] == {"label not in the text": 1, "no label of the concept": 1}


def test_a_label_with_two_values_is_refused():
    rows = [{"label": "May", "text": "in May", "value": "4"}, {"label": "May", "text": "in May", "value": "7.5"}]
    with pytest.raises(OrreryError, match="gives 'May' the value 7.5 and an earlier row 4; a label has one"):
        samples_of(*rows)


def test_a_full_quota_is_counted():
    samples, report = samples_of(*[{"label": "May", "text": "in May"}] * 3, per_label=2)
    assert [s["row"] for s in samples] == [0, 1] and report["dropped"] == {"quota full": 1}


@pytest.mark.parametrize(
    "row, sentence",
    [
        *[({"start": "0", "end": end}, rf"has '{end}' under 'end'; write a whole number") for end in ("nan", "inf", "3.7", "x")],
        *[({"value": value}, rf"has '{value}' under 'value'; write a number") for value in ("nan", "-inf", "much")],
        ({"start": "-1", "end": "2"}, "the span -1 to 2, which is not inside its text of 6 characters"),
        ({"start": "3", "end": "7"}, "the span 3 to 7"),
        ({"start": "3", "end": "3"}, "the span 3 to 3"),
        ({"start": "3", "end": "8"}, "count characters from 0"),
    ],
)  # fmt: skip
def test_spans_and_values_that_cannot_be_get_a_sentence(row, sentence):
    with pytest.raises(OrreryError, match=f"corpora.mine: row 1 of 't.csv' has .*{sentence.removeprefix('has ')}"):
        samples_of({"label": "May", "text": "in May"}, {"label": "May", "text": "in May", **row})


def test_leaks_and_repeats_are_dropped_and_counted():
    rows = [
        {"label": "May", "text": "We met in May"},
        {"label": "May", "text": "We met in May"},
        {"label": "May", "text": "From March to May"},
        {"label": "March", "text": "From March to May"},
        {"label": "May", "text": "Nobody at all was seen in the garden of the old house in May"},
        {"label": "May", "text": "Nobody at all was seen in the gardens of the old house in May"},
        {"label": "March", "text": "Nobody at all was seen in the garden of the old house in March"},
    ]
    samples, report = samples_of(*rows, duplicates="drop", near_duplicates="drop")
    assert [(s["label"], s["row"]) for s in samples] == [("March", 6), ("May", 0), ("May", 4)]
    assert report["dropped"] == {"another label in the context": 2, "exact duplicate": 1, "near duplicate": 1}
    assert report["found"] == {"March": 2, "May": 5}
    flagged, report = samples_of(*rows, leaks="flag", duplicates="flag", near_duplicates="flag")
    assert len(flagged) == 7 and not report["dropped"]
    assert [s["flags"] for s in sorted(flagged, key=lambda s: s["row"])] == [
        "", "exact duplicate, near duplicate", *["another label in the context"] * 2, "", "near duplicate", "",
    ]  # fmt: skip


def test_a_spread_quota_is_not_the_first_rows():
    rows = [{"label": "May", "text": f"number {n} in May"} for n in range(200)]
    chosen = [s["row"] for s in samples_of(*rows, sampling="spread", per_label=20)[0]]
    assert len(chosen) == 20 and chosen == sorted(chosen) and max(chosen) > 100
    assert chosen == [s["row"] for s in samples_of(*rows, sampling="spread", per_label=20)[0]]


EMOJI = (
    "\U0001f600\U0001f600 caf\u00e9 in May, not in June"  # characters 11 to 14, UTF-16 units 13 to 16, bytes 18 to 21
)


@pytest.mark.parametrize("unit, span", [("characters", (11, 14)), ("utf-16", (13, 16)), ("bytes", (18, 21))])
def test_spans_that_other_tools_count(unit, span):
    row = {"label": "May", "text": EMOJI, "start": str(span[0]), "end": str(span[1])}
    (sample,), _ = samples_of(row, offsets=unit)
    assert (sample["start"], sample["end"]) == (11, 14) and EMOJI[11:14] == "May"
    for other in {"characters", "utf-16", "bytes"} - {unit}:
        with pytest.raises(
            OrreryError,
            match=f"where {other} are counted, and its label 'May' where {unit} are; write corpora.mine.offsets: {unit}",
        ):
            samples_of(row, offsets=other)


def test_spans_are_compared_with_their_label():
    samples, report = samples_of(
        {"label": "May", "text": "early May morning", "start": "0", "end": "17"},
        {"label": "May", "text": "early May morning", "start": "0", "end": "5"},
        {"label": "May", "text": "the fifth month", "start": "4", "end": "9"},
        {"label": "May", "text": "a Mayor in May", "start": "2", "end": "7"},
        {"label": "May", "text": "a \U0001f600 in May", "start": "3", "end": "5"},
    )  # fmt: skip
    assert [s["row"] for s in samples] == [0, 2]
    assert report["dropped"] == {"label outside its span": 3} and report["unchecked"] == 1
    assert "1 spans could not be checked" in " ".join(advice(report, "mine", "months", SPEC))


def test_a_span_inside_a_character_is_refused():
    with pytest.raises(OrreryError, match="the span 1 to 4, which is not inside its text of 4 characters; count bytes"):
        samples_of({"label": "June", "text": "\u00e9\u00e9\u00e9\u00e9", "start": "1", "end": "4"},
                   values={"June": 6.0, "May": 5.0}, offsets="bytes")  # fmt: skip


def test_labels_without_rows_and_rows_without_labels_are_named():
    _, report = samples_of(
        {"label": "May", "text": "in May"}, {"label": "may", "text": "x"}, {"label": "may", "text": "y"}
    )
    assert advice(report, "mine", "months", SPEC) == [
        "mine/months: kept 1 of 3 rows, dropped {'no label of the concept': 2}",
        "mine/months: no row of March",
        "mine/months: the label column also holds 'may' (2)",
    ]


def test_a_column_that_is_not_the_labels():
    _, report = samples_of(*[{"label": label, "text": "in May"} for label in ("5", "5", "3")])
    with pytest.raises(
        OrreryError,
        match=r"mine holds no usable row of months, whose labels are March, May: .*also holds '5' \(2\), '3' \(1\)\.",
    ):
        advice(report, "mine", "months", SPEC)


def test_numbers_and_conditions_hold_for_rows():
    samples, report = samples_of(
        {"label": "3", "text": "it is 3.5 and 3 of 3.5"}, {"label": "3", "text": "only 3.14"},
        {"label": "3", "text": "3 and 14.5"}, values={"3": 3.0, "14": 14.0},
    )  # fmt: skip
    assert [(s["row"], s["start"]) for s in samples] == [(0, 14), (2, 0)]
    assert report["dropped"] == {"label not in the text": 1}


def test_three_texts_twenty_times_each():
    days = ("Monday", "Tuesday", "Wednesday", "Thursday")
    rows = [{"label": day, "text": f"We met on {day}"} for day in days[:3] for _ in range(20)]
    samples, report = samples_of(*rows, values=dict.fromkeys(days, 0.0), duplicates="drop", near_duplicates="drop")
    assert [s["label"] for s in samples] == list(days[:3]) and report["dropped"] == {"exact duplicate": 57}
    assert advice(report, "days", "t", SPEC) == [
        "days/t: kept 3 of 60 rows, dropped {'exact duplicate': 57}", "days/t: no row of Thursday",
    ]  # fmt: skip
