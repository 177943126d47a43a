"""Files that are odd, though not damaged: empty groups, names in other encodings, keys that some lines lack."""

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orrery.corpus import readers
from orrery.corpus.files import File, list_files
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


@pytest.mark.parametrize("groups", [[], [0], [1, 0], [0, 1], ["large", 0], ["large", 1, 0]])
def test_parquet_with_groups_of_no_row(tmp_path, groups):
    texts = ["x" * 9_000_000 if rows == "large" else "in May" for rows in groups if rows]
    with pq.ParquetWriter(tmp_path / "x.parquet", TEXT) as writer:
        rest = iter(texts)
        for rows in groups:
            writer.write_table(pa.table({"text": [next(rest)] if rows else []}, TEXT))
    assert pq.ParquetFile(tmp_path / "x.parquet").num_row_groups == len(groups)
    assert texts_of(tmp_path / "x.parquet") == texts


def test_parquet_of_string_views_and_with_a_name_twice(tmp_path):
    pq.write_table(pa.table({"text": pa.array(["in May", None], pa.string_view())}), tmp_path / "view.parquet")
    assert texts_of(tmp_path / "view.parquet") == ["in May", ""]
    pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 2, ["text", "text"]), tmp_path / "x.parquet")
    with pytest.raises(OrreryError, match="'x.parquet' has two columns 'text'; it has 'text', 'text'"):
        texts_of(tmp_path / "x.parquet")


@pytest.mark.parametrize("batch_bytes", [64, 8 << 20])
def test_lines_may_lack_the_key_wherever_they_stand(tmp_path, monkeypatch, batch_bytes):
    monkeypatch.setattr(readers, "BATCH_BYTES", batch_bytes)
    lines = [{"text": f"{n} in May"} if n % 7 == 0 else {"note": "x" * 30} for n in range(20)]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert texts_of(tmp_path / "x.jsonl") == [line.get("text", "") for line in lines]


@pytest.mark.parametrize("content", ["id,text", "id,text\n", "id,text\r\n", '"id","text"'])
def test_a_table_of_a_header_only_is_empty(tmp_path, content):
    (tmp_path / "x.csv").write_text(content)
    assert texts_of(tmp_path / "x.csv") == []


def test_a_row_too_large_is_called_that(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "CSV_BYTES", 1 << 17)
    (tmp_path / "x.csv").write_text("text,n\n" + "a" * (1 << 18) + ",1\nb,2\n")
    with pytest.raises(OrreryError, match=r"a row is larger than 0 MB, so write it as JSONL or Parquet\.$"):
        texts_of(tmp_path / "x.csv")


def test_names_in_a_file_are_quoted_and_cut_short(tmp_path):
    (tmp_path / "x.jsonl").write_text(json.dumps({"\x1b[31m" + "k" * 10_000: 1, **{str(n): n for n in range(100)}}))
    (tmp_path / "x.csv").write_text("\x1b[31m" + "k" * 10_000 + ",b\n1,2\n")
    for name in ("x.jsonl", "x.csv"):
        with pytest.raises(OrreryError) as error:
            texts_of(tmp_path / name)
        assert r"'\x1b[31mkkk" in str(error.value) and "\x1b" not in str(error.value) and len(str(error.value)) < 400


def test_a_file_that_may_not_be_opened_and_a_name_that_is_no_text(tmp_path):
    (tmp_path / "x.txt").mkdir()
    with pytest.raises(OrreryError, match="corpora.mine: 'x.txt' cannot be read .*Is a directory"):
        texts_of(tmp_path / "x.txt")
    (tmp_path / "asset.json").write_text("{}")
    with open(os.fsencode(tmp_path) + b"/caf\xe9.txt", "w") as file:
        file.write("x")
    with pytest.raises(OrreryError, match=r"corpora.mine.files: the name of 'caf\\udce9.txt' is not UTF-8"):
        list_files(tmp_path, None, "mine")


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
