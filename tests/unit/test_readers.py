"""Files that are odd, though not damaged: empty groups, names in other encodings, keys that some lines lack."""

import json
import os
from unittest.mock import Mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orrery.corpus import readers
from orrery.corpus.files import File, RemoteFile, list_files
from orrery.corpus.filtering import merged_parts
from orrery.corpus.scan import version_of, write_candidates
from orrery.errors import OrreryError

TEXT = pa.schema([("text", pa.string())])


def file_of(path):
    status = os.stat(path)
    return File(path.name, status.st_size, str(status.st_mtime_ns), str(path))


def texts_of(path):
    batches = readers.read_batches(file_of(path), corpus="mine")
    return [batch.document(n).decode() for batch in batches for n in range(len(batch.starts))]


def facts_of(path, rows):
    return next(iter(readers.read_batches(file_of(path)))).facts(rows)


def sentence_of(path):
    with pytest.raises(OrreryError) as error:
        texts_of(path)
    return str(error.value)


@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize("groups", [[], [0], [1, 0], [0, 1], ["large", 0], ["large", 1, 0]])
def test_parquet_with_groups_of_no_row(tmp_path, monkeypatch, groups, remote):
    if remote:
        data = (tmp_path / "x.parquet").read_bytes
        monkeypatch.setattr(RemoteFile, "_range", lambda _, start, end: data()[start:end])
        monkeypatch.setattr(readers, "open_file", lambda file, corpus: RemoteFile(file._replace(hub="org/x"), corpus))
    texts = ["x" * 9_000_000 if rows == "large" else "in May" for rows in groups if rows]
    with pq.ParquetWriter(tmp_path / "x.parquet", TEXT, use_dictionary=False) as writer:
        rest = iter(texts)
        for rows in groups:
            writer.write_table(pa.table({"text": [next(rest)] if rows else []}, TEXT))
    assert pq.ParquetFile(tmp_path / "x.parquet").num_row_groups == len(groups)
    assert texts_of(tmp_path / "x.parquet") == texts


def test_parquet_of_string_views_and_with_a_name_twice(tmp_path):
    pq.write_table(pa.table({"text": pa.array(["in May", None], pa.string_view())}), tmp_path / "view.parquet")
    assert texts_of(tmp_path / "view.parquet") == ["in May", ""]
    pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 2, ["text", "text"]), tmp_path / "x.parquet")
    (tmp_path / "x.csv").write_text("text,text\na,b\n")
    for name in ("x.parquet", "x.csv"):
        assert f"{name!r} has two columns 'text'; it has 'text', 'text'" in sentence_of(tmp_path / name)


def test_facts_that_cannot_be_read_are_empty_and_the_others_are_not(tmp_path):
    titles = pa.array([b"caf\xe9", b"M"]).view(pa.binary()).cast(pa.string(), safe=False)
    columns = {"text": pa.array(["a", "b"]), "id": pa.array(["7", "8"], pa.string_view()), "title": titles}
    twice = pa.array(["u", "v"])
    table = pa.Table.from_arrays([*columns.values(), twice, twice], [*columns, "url", "url"])
    pq.write_table(table, tmp_path / "x.parquet")
    expected = [{"document": "7", "title": "", "url": ""}, {"document": "8", "title": "M", "url": ""}]
    assert readers.parquet_facts(file_of(tmp_path / "x.parquet"), [0, 1]) == expected
    (tmp_path / "x.csv").write_bytes(b"id,title,text\n7,caf\xe9,a\n8,M,b\n")
    assert facts_of(tmp_path / "x.csv", [0, 1]) == expected
    odd = ['"z": ' + "[" * 60_000 + "]" * 60_000, '"z": ' + "1" * 6000, '"id": 8, "title": "M"']
    (tmp_path / "x.jsonl").write_text("".join(f'{{"text": "a", {more}}}\n' for more in odd))
    assert facts_of(tmp_path / "x.jsonl", [0, 1, 2]) == [dict.fromkeys(expected[0], "")] * 2 + expected[1:]


@pytest.mark.parametrize("batch_bytes", [64, 8 << 20])
def test_lines_may_lack_the_key_wherever_they_stand(tmp_path, monkeypatch, batch_bytes):
    monkeypatch.setattr(readers, "BATCH_BYTES", batch_bytes)
    lines = [{"text": f"{n} in May"} if n % 7 == 0 else {"note": "x" * 30} for n in range(20)]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert texts_of(tmp_path / "x.jsonl") == [line.get("text", "") for line in lines]


@pytest.mark.parametrize("content", ["id,text", "id,text\n", "id,text\r\n", '"id","text"', '"i\nd",text', "text\r"])
def test_a_table_of_a_header_only_is_empty(tmp_path, content):
    (tmp_path / "x.csv").write_text(content)
    assert texts_of(tmp_path / "x.csv") == []


def test_a_table_of_lines_that_end_in_a_return(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"id,text\r1,a\r2,b\r")
    assert texts_of(tmp_path / "x.csv") == ["a", "b"]


def test_a_row_too_large_is_called_that(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "CSV_BYTES", 1 << 17)
    (tmp_path / "x.csv").write_text("text,n\n" + "a" * (1 << 18) + ",1\nb,2\n")
    sentence = sentence_of(tmp_path / "x.csv")
    assert sentence.endswith("; a row is larger than 0 MB: close its quotes, or write JSONL or Parquet.")


def test_what_a_file_says_is_quoted_and_cut_short(tmp_path):
    odd = "\x1b[31m" + "k" * 10_000
    (tmp_path / "keys.jsonl").write_text(json.dumps({odd: 1, **{str(n): n for n in range(100)}}))
    (tmp_path / "value.jsonl").write_text(json.dumps({"text": [odd]}))
    (tmp_path / "header.csv").write_text(f"{odd},b\n1,2\n")
    (tmp_path / "row.csv").write_text(f"text,b\n{odd},2,3\n")
    pq.write_table(pa.table({"text": [{odd: 1}]}), tmp_path / "kind.parquet")
    for path in sorted(tmp_path.iterdir()):
        sentence = sentence_of(path)
        assert r"x1b[31mkkk" in sentence and "\x1b" not in sentence and len(sentence) < 400, path.name


def test_names_of_files_in_a_sentence(tmp_path):
    (tmp_path / "asset.json").write_text("{}")
    with open(os.fsencode(tmp_path) + b"/caf\xe9.txt", "w") as file:
        file.write("x")
    with pytest.raises(OrreryError, match=r"corpora.mine.files: the name of 'caf\\udce9.txt' is not UTF-8"):
        list_files(tmp_path, None, "mine")
    (tmp_path / ("\x1b" + "k" * 200)).write_text("x")
    with pytest.raises(OrreryError, match=r"it holds \\x1bk{39}…, caf\\udce9.txt\. Write"):
        list_files(tmp_path, "*.gz", "mine")


def test_a_file_that_cannot_be_opened(tmp_path, monkeypatch):
    (tmp_path / "x.txt").mkdir()
    with pytest.raises(OrreryError, match="corpora.mine: 'x.txt' cannot be read .*Is a directory"):
        texts_of(tmp_path / "x.txt")
    for error, remedy in ((PermissionError(13, "Permission denied"), "allow it to be read."), (EOFError(), "damaged")):
        monkeypatch.setattr(readers, "open_file", Mock(side_effect=error))
        assert remedy in sentence_of(tmp_path / "x.txt")


@pytest.mark.parametrize("name, then", [("x.jsonl", '{"te'), ("x.csv", "te"), ("x.csv", "text\na,b"), ("x.txt", "a")])
def test_a_file_that_changed_is_called_that_and_not_damaged(tmp_path, name, then):
    (tmp_path / name).write_text("text\na\n")
    file = file_of(tmp_path / name)
    (tmp_path / name).write_text(then)
    with pytest.raises(OrreryError, match=f"corpora.mine: '{name}' changed while it was read; run again"):
        list(readers.read_batches(file, corpus="mine"))


def test_a_large_line_is_read_once_for_all_its_samples(tmp_path, monkeypatch):
    (tmp_path / "x.jsonl").write_text(
        json.dumps({"id": 7, "text": "May " * 100}) + "\n" + json.dumps({"text": "b"}) + "\n"
    )
    batch = next(iter(readers.read_batches(file_of(tmp_path / "x.jsonl"))))
    read, loads = [], json.loads
    monkeypatch.setattr(readers.json, "loads", lambda text: read.append(text) or loads(text))
    assert [facts["document"] for facts in batch.facts([0, 0, 1, 0])] == ["7", "7", "", "7"]
    assert len(read) == 2


def test_parts_of_files_that_changed_meanwhile_are_not_put_together(tmp_path):
    options = {"sampling": "spread", "per_label": 2, "duplicates": "drop", "near_duplicates": "ignore"}
    spec, corpus = {"forms": {"May": ["May"]}, "options": options, "seed": 0}, {"format": "auto", "text": "text"}
    report = {"found": {"May": 0}, "dropped": {}, "documents": 3, "files": 1}
    for part, text in ((1, "in May"), (2, "in June, or later")):
        (tmp_path / "x.txt").write_text(text)
        version = version_of([file_of(tmp_path / "x.txt")], corpus, "months", spec, "")
        write_candidates(tmp_path / f"{part}.parquet", [], report, version)
    paths = [tmp_path / f"{part}.parquet" for part in (1, 2)]
    files = [file_of(tmp_path / "x.txt")]
    with pytest.raises(
        OrreryError, match=f"corpora.web: a file changed between two parts .* delete {tmp_path} and run"
    ):
        merged_parts(paths, files, corpus, "web", "months", spec, "")
    assert merged_parts(paths[1:] * 2, files, corpus, "web", "months", spec, "")[1]["documents"] == 6
