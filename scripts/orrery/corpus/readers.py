"""Documents from files, a few megabytes at a time, in a fixed order and without a Python object a document."""

import codecs
import csv
import io
import json
from bisect import bisect_right
from contextlib import contextmanager
from functools import cache
from itertools import accumulate, groupby

import numpy as np

from orrery.corpus.files import RemoteFile, check_unchanged, open_file, printable
from orrery.corpus.matcher import Batch
from orrery.errors import OrreryError

BATCH_BYTES = 8 << 20
DOCUMENT_BYTES = 512 << 20  # of a document, a line, or a table of labelled rows: they are held in memory at once
CSV_BYTES = 64 << 20  # a row is no longer
HEAD_BYTES = 1 << 16  # of a CSV file, in which its header must end
PART_BYTES = 2 << 20  # of Parquet: what is decoded at once stays in a core's caches
FACTS = {"document": "id", "title": "title", "url": "url"}
_ENDINGS = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
             ".csv": "csv", ".tsv": "csv", ".txt": "lines", ".cor": "lines"}  # fmt: skip
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}


def read_batches(file, format="auto", text="text", corpus="corpus"):
    """Yield the documents of a file as matcher.Batch.

    Parameters
    ----------
    file : files.File
    format : {"auto", "parquet", "jsonl", "csv", "lines", "text"}
        auto goes by the name's ending. All but Parquet may be compressed: .gz, .zst, .bz2.
    text : str
        The column that holds the text.
    corpus : str
        The corpus's name in the config, for messages.

    Raises
    ------
    OrreryError
        The file cannot be read, changed meanwhile, or has no such column of text.
    """
    import pyarrow as pa

    reader = {"parquet": _parquet, "jsonl": _jsonl, "csv": _csv, "lines": _lines, "text": _text}
    try:
        with open_file(file, corpus) as source:
            for batch in reader[format_of(file, format, corpus)](source, file, text, corpus):
                yield batch if isinstance(batch, Batch) else _as_batch(*batch)
    except (OrreryError, pa.ArrowException, OSError, EOFError) as error:
        check_unchanged(file, corpus)
        if isinstance(error, OrreryError):
            raise
        why = printable(str(error).partition("\n")[0], 300)
        remedy = "it is damaged or cut short, or the wrong format is written"
        if isinstance(error, PermissionError):
            remedy = "allow it to be read"
        elif "one piece" in why:
            remedy = "it is no text, or a file of many documents that was given as one"
        elif "UTF-16" in why:
            remedy = f"for example with iconv -f UTF-16 -t UTF-8 {printable(file.name)}"
        elif "straddling" in why:
            remedy = f"a row is larger than {CSV_BYTES >> 20} MB: close its quotes, or write JSONL or Parquet"
        raise OrreryError(f"corpora.{corpus}: {file.name!r} cannot be read ({why}); {remedy}.") from error
    check_unchanged(file, corpus)


def format_of(file, format, corpus):
    """The format of a file, by its name's ending where it is auto."""
    if format != "auto":
        return format
    name = file.name.lower()
    for ending in _COMPRESSIONS:
        name = name.removesuffix(ending)
    for ending, found in _ENDINGS.items():
        if name.endswith(ending):
            return found
    raise OrreryError(
        f"corpora.{corpus}.format: {file.name!r} does not tell its format; write parquet, jsonl, csv, lines or "
        "text, or choose other files."
    )


def valid_utf8(batch):
    """The batch, in one piece of memory, with what is no UTF-8 replaced by U+FFFD."""
    import pyarrow as pa

    if not len(batch.starts):
        return batch
    offsets = pa.py_buffer(np.append(batch.starts, batch.ends[-1]))
    try:
        pa.LargeStringArray.from_buffers(len(batch.starts), offsets, pa.py_buffer(batch.data)).validate(full=True)
        return batch
    except pa.ArrowInvalid:
        documents = [batch.document(i) for i in range(len(batch.starts))]
    texts = [document.decode("utf-8", "replace").encode() for document in documents]
    replaced = sum(text != document for text, document in zip(texts, documents))
    lengths = np.array([len(text) for text in texts])
    starts = np.cumsum(lengths + 1) - lengths - 1
    return batch._replace(data=memoryview(b"\n".join(texts)), starts=starts, ends=starts + lengths, separated=True,
                          not_utf8=batch.not_utf8 + replaced)  # fmt: skip


# ---------------------------------------------------------------------------------------------------- Parquet


@cache
def _use_jemalloc():
    """Let Arrow allocate by jemalloc, where it was built with it: a scan is 5 % faster than by mimalloc."""
    import pyarrow as pa

    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())


def _parquet(source, file, text, corpus):
    import pyarrow.parquet as pq

    _use_jemalloc()
    parquet = pq.ParquetFile(getattr(source, "name", source), pre_buffer=False)
    column = _text_column(parquet.schema_arrow, file, text, corpus)
    groups = [parquet.metadata.row_group(i) for i in range(parquet.num_row_groups)]
    if isinstance(source, RemoteFile):
        source.expect(_chunk(group.column(column)) for group in groups if group.num_rows)
    row, read = 0, 0
    for some in _row_groups(groups, column):
        size = sum(groups[n].column(column).total_uncompressed_size for n in some)
        n_rows = sum(groups[n].num_rows for n in some)
        rows = n_rows if size <= 2 * PART_BYTES else PART_BYTES * n_rows // size
        for part in parquet.iter_batches(max(1, rows), row_groups=some, columns=[text], use_threads=False):
            yield part.column(0), row, read, None
            row += part.num_rows
        read = file.size * row // max(1, parquet.metadata.num_rows)


def _row_groups(groups, column):
    """Numbers of row groups that are read together: many small ones, a large one alone."""
    some, size = [], 0
    for number, group in enumerate(groups):
        some.append(number)
        size += group.column(column).total_uncompressed_size
        if size >= BATCH_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _text_column(schema, file, text, corpus):
    """Index of the text's column among the file's leaf columns."""
    import pyarrow as pa

    _check_column(schema.names, file, text, corpus)
    kind = schema.field(text).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise OrreryError(
            f"corpora.{corpus}.text: the column {text!r} of {file.name!r} holds {printable(str(kind))}, not text; "
            "name another."
        )
    return _leaf(schema, text)


def _check_column(names, file, text, corpus):
    if names.count(text) != 1:
        number = "two columns" if text in names else "no column"
        raise OrreryError(f"corpora.{corpus}.text: {file.name!r} has {number} {text!r}; it has {listed(names)}.")


def listed(names):
    """Names as a file has them, which may hold anything."""
    some = [f"'{printable(name)}'" for name in list(names)[:20]]
    return ", ".join([*some, "…"] if len(names) > 20 else some) or "none"


def _leaf(schema, name):
    """Index of a column among the leaf columns, those before it counted with all they hold."""
    return sum(_leaves(field.type) for field in list(schema)[: schema.names.index(name)])


def _leaves(kind):
    return sum(_leaves(kind.field(i).type) for i in range(kind.num_fields)) if kind.num_fields else 1


def _chunk(column):
    start = min(p for p in (column.dictionary_page_offset, column.data_page_offset) if p)
    return start, start + column.total_compressed_size


def parquet_facts(file, rows, corpus="corpus"):
    """What a Parquet file calls some of its rows, of which only their row groups are read.

    Parameters
    ----------
    file : files.File
    rows : list of int
        In rising order.

    Returns
    -------
    list of dict
        For each row all of FACTS, empty where the file says nothing, or nothing that can be read.

    Raises
    ------
    OrreryError
        The file is not the one that was listed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = []
    check_unchanged(file, corpus)
    with open_file(file, corpus) as source:
        parquet = pq.ParquetFile(getattr(source, "name", source), pre_buffer=False)
        groups = [parquet.metadata.row_group(i) for i in range(parquet.num_row_groups)]
        first_rows = list(accumulate((group.num_rows for group in groups), initial=0))
        names = [name for name in FACTS.values() if parquet.schema_arrow.names.count(name) == 1]
        numbers = [bisect_right(first_rows, row) - 1 for row in rows]
        if isinstance(source, RemoteFile):
            leaves = [_leaf(parquet.schema_arrow, name) for name in names]
            source.expect(_chunk(groups[n].column(leaf)) for n in dict.fromkeys(numbers) for leaf in sorted(leaves))
        for number, some in groupby(zip(rows, numbers), lambda pair: pair[1]):
            places = [row - first_rows[number] for row, _ in some]
            try:
                table = parquet.read_row_group(number, columns=names, use_threads=False)
            except (pa.ArrowException, OSError, ValueError):  # file and row still tell where it stands
                table = pa.table({})
            made += _facts_at(table, places)
    return made


def _facts_at(table, places):
    columns = {name: table.column(name) for name in FACTS.values() if name in table.schema.names}
    return [{key: _cell(columns.get(name), place) for key, name in FACTS.items()} for place in places]


def _cell(column, place):
    try:
        return "" if column is None else _plain(column[place].as_py())
    except ValueError:  # no UTF-8
        return ""


def _plain(value):
    return "" if value is None else str(value).encode("utf-8", "replace").decode()


def _as_batch(array, first_row, read, facts):
    """An Arrow array of strings as a batch, without a copy."""
    import pyarrow as pa

    array = array if pa.types.is_string(array.type) else array.cast(pa.string())
    array = array.fill_null("") if array.null_count else array
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    first, data = int(offsets[0]), array.buffers()[2]
    data = memoryview(b"" if data is None else data.slice(first, int(offsets[-1]) - first))
    offsets = offsets.astype(np.int64) - first
    rows = np.arange(first_row, first_row + len(array))
    return Batch(data, offsets[:-1], offsets[1:], rows, facts, read, separated=False)


# ------------------------------------------------------------------------------------------- lines and records


@contextmanager
def plain_bytes(source, file):
    """The bytes of a file, decompressed where its name says so."""
    import pyarrow as pa

    kind = next((k for ending, k in _COMPRESSIONS.items() if file.name.lower().endswith(ending)), None)
    raw = pa.PythonFile(source, mode="r")
    if isinstance(source, RemoteFile):
        source.expect((start, min(start + BATCH_BYTES, file.size)) for start in range(0, file.size, BATCH_BYTES))
    with pa.CompressedInputStream(raw, kind) if kind else raw as stream:
        yield Stream(stream)


class Stream:
    """Plain bytes of a file, read in order.

    Raises
    ------
    OSError
        The file begins as text in UTF-16 or UTF-32 does.
    """

    def __init__(self, stream):
        self._stream, self._begun = stream, False

    def read(self, size=None):
        """At most `size` bytes, or all that are left."""
        data = self._stream.read(size)
        if not self._begun and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
            raise OSError("it is UTF-16 or UTF-32; convert it to UTF-8")
        self._begun = True
        return data


def whole(stream):
    """All bytes of a stream, of which there may be no more than DOCUMENT_BYTES.

    Raises
    ------
    OSError
        There are more.
    """
    parts, size = [], 0
    while part := stream.read(BATCH_BYTES):
        parts.append(part)
        size += len(part)
        check_size(size)
    return b"".join(parts)


def check_size(size):
    """Raise OSError where something is too large to be held in memory at once, as what a compression bomb holds is."""
    if size > DOCUMENT_BYTES:
        raise OSError(f"it holds more than {DOCUMENT_BYTES >> 20} MB in one piece")


def _chunks(source, file):
    """Whole lines of a file, some megabytes at a time: (bytes, number of the first line, bytes read)."""
    line, rest = 0, []
    with plain_bytes(source, file) as stream:
        while block := stream.read(BATCH_BYTES):
            block = block if line or rest else block.removeprefix(b"\xef\xbb\xbf")
            cut = block.rfind(b"\n") + 1
            if not cut:
                rest.append(block)
                check_size(sum(map(len, rest)))
                continue
            chunk = b"".join([*rest, block[:cut]])
            rest = [block[cut:]] if cut < len(block) else []
            yield chunk, line, source.tell()
            line += chunk.count(b"\n")
        if rest:
            yield b"".join(rest), line, source.tell()


def _line_spans(chunk):
    """First and end byte of every line, without its line end."""
    data = np.frombuffer(chunk, dtype=np.uint8)
    ends = np.flatnonzero(data == 10)
    if chunk[-1:] != b"\n":
        ends = np.append(ends, len(chunk))
    starts = np.concatenate([[0], ends[:-1] + 1])
    has_return = (ends > starts) & (data[np.maximum(ends, 1) - 1] == 13)
    return starts, ends - has_return


def _nothing(rows):
    return [dict.fromkeys(FACTS, "") for _ in rows]


def _lines(source, file, text, corpus):
    for chunk, line, read in _chunks(source, file):
        starts, ends = _line_spans(chunk)
        yield Batch(memoryview(chunk), starts, ends, np.arange(line, line + len(starts)), _nothing, read)


def _text(source, file, text, corpus):
    with plain_bytes(source, file) as stream:
        if data := whole(stream):
            yield Batch(memoryview(data), np.array([0]), np.array([len(data)]), np.array([0]), _nothing, file.size)


def _jsonl(source, file, text, corpus):
    for chunk, line, read in _chunks(source, file):
        lines = _line_spans(chunk)
        array = _json_texts(chunk, lines, text) or _json_texts_one_by_one(chunk, lines, line, file, text, corpus)
        if not line and array.null_count == len(array):
            _check_key(chunk, lines, file, text, corpus)

        def facts(rows, chunk=chunk, lines=lines, line=line):
            known = {}
            for row in dict.fromkeys(rows):  # one by one, as each may be large
                try:
                    record = json.loads(chunk[lines[0][row - line] : lines[1][row - line]].decode("utf-8", "replace"))
                except (ValueError, RecursionError):  # nesting and numbers that Arrow passes over
                    record = {}
                known[row] = {key: _plain(record.get(name)) for key, name in FACTS.items()}
            return [known[row] for row in rows]

        yield array, line, read, facts


def _json_texts(chunk, lines, text):
    """The texts of a chunk by Arrow's parser, or None where it cannot tell which line is which."""
    import pyarrow as pa
    import pyarrow.json

    try:
        table = pa.json.read_json(
            pa.BufferReader(chunk),
            read_options=pa.json.ReadOptions(use_threads=False, block_size=len(chunk) + 1),
            parse_options=pa.json.ParseOptions(
                explicit_schema=pa.schema([(text, pa.string())]), unexpected_field_behavior="ignore"
            ),
        )
    except pa.ArrowInvalid:
        return None
    return table[text].combine_chunks() if table.num_rows == len(lines[0]) else None


def _json_texts_one_by_one(chunk, lines, first, file, text, corpus):
    import pyarrow as pa

    texts = []
    for number, (start, end) in enumerate(zip(*lines)):
        record = _record(chunk[start:end], first + number, file, corpus)
        value = record.get(text) if record else None
        if value is not None and not isinstance(value, str):
            raise OrreryError(
                f"corpora.{corpus}.text: line {first + number + 1} of {file.name!r} has {printable(value)} under "
                f"{text!r}, which is no text; name another key."
            )
        texts.append(None if value is None else value.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    return pa.array(texts, pa.string())


def _record(line, number, file, corpus):
    if not line.strip():
        return None
    try:
        record = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise OrreryError(f"corpora.{corpus}: line {number + 1} of {file.name!r} is not JSON ({error}).") from error
    if not isinstance(record, dict):
        raise OrreryError(
            f"corpora.{corpus}: line {number + 1} of {file.name!r} is no JSON object; write {{…}} a line."
        )
    return record


def _check_key(chunk, lines, file, text, corpus):
    """Raise OrreryError where no record of a file's first megabytes has the key."""
    records = [_record(chunk[start:end], number, file, corpus) for number, (start, end) in enumerate(zip(*lines))]
    records = [record for record in records if record is not None]
    if records and not any(text in record for record in records):
        held = listed(records[0])
        raise OrreryError(f"corpora.{corpus}.text: {file.name!r} has no key {text!r}; its first line has {held}.")


def _csv(source, file, text, corpus):
    import pyarrow as pa
    import pyarrow.csv

    delimiter = "\t" if ".tsv" in file.name.lower() else ","
    with plain_bytes(source, file) as stream:
        head = stream.read(HEAD_BYTES)
        records = csv.reader(io.StringIO(head.decode("utf-8-sig", "replace"), newline=""), delimiter=delimiter)
        names = next(records, [])
        _check_column(names, file, text, corpus)
        if len(head) < HEAD_BYTES and next(records, None) is None:
            return  # Arrow takes a header without a line end for a file that is cut short
        wanted = [text, *(c for c in FACTS.values() if c in names and c != text)]
        table = pa.csv.open_csv(
            _Rejoined(head, stream),
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=CSV_BYTES),
            parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), check_utf8=False,
                strings_can_be_null=False,
            ),
        )  # fmt: skip
        row = 0
        for part in table:
            for start in range(0, part.num_rows, 4096):
                piece = part.slice(start, 4096)

                def facts(rows, piece=piece, first=row):
                    return _facts_at(piece, [r - first for r in rows])

                yield piece.column(0), row, source.tell(), facts
                row += piece.num_rows


class _Rejoined(io.RawIOBase):
    """A stream whose beginning was already read."""

    def __init__(self, head, stream):
        self._head, self._stream = io.BytesIO(head), stream

    def readable(self):
        return True

    def read(self, size=-1):
        return self._head.read(size) or self._stream.read(size if size >= 0 else None)
