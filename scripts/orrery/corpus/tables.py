"""Rows of tables that carry a label each."""

import csv
import io
import json
import math
from functools import partial

from orrery.corpus.files import check_unchanged, open_file
from orrery.corpus.readers import format_of, listed, plain_bytes, whole
from orrery.errors import OrreryError

OPTIONAL = ("start", "end", "value", "group", "id", "title", "url")


def read_rows(files, corpus, name="corpus"):
    """Yield {label, text, file, row, …} of every row of CSV, Parquet or JSONL files, in order, all but `row` as text.

    Parameters
    ----------
    files : list of files.File
    corpus : dict
        The corpus's entry in the config: format, text, label.

    Raises
    ------
    OrreryError
        A file cannot be read, lacks the columns of label and text, or has two of one name.
    """
    import pyarrow as pa

    readers = {"parquet": _parquet, "jsonl": _jsonl, "csv": _csv}
    wanted = {"label": corpus["label"], "text": corpus["text"], **{key: key for key in OPTIONAL}}
    for file in files:
        format = format_of(file, corpus["format"], name)
        if format not in readers:
            raise OrreryError(
                f"corpora.{name}.format: {format} cannot hold labelled rows; write parquet, jsonl or csv."
            )
        with open_file(file, name) as source:
            try:
                for row, record in readers[format](source, file, partial(_choose, wanted, file, name)):
                    known = {key: _plain(record.get(column)) for key, column in wanted.items()}
                    yield {**known, "file": file.name, "row": row}
            except (pa.ArrowException, OSError, ValueError, csv.Error) as error:
                check_unchanged(file, name)
                reason = str(error).partition("\n")[0]
                raise OrreryError(
                    f"corpora.{name}: {file.name!r} cannot be read ({reason}); mend it, or fetch it again."
                ) from error
        check_unchanged(file, name)


def _choose(wanted, file, corpus, names):
    """The columns that are read, of all that a file has."""
    for key in ("label", "text"):
        if wanted[key] not in names:
            raise OrreryError(
                f"corpora.{corpus}.{key}: {file.name!r} has no column {wanted[key]!r}; it has {listed(names)}."
            )
    columns = [column for column in dict.fromkeys(wanted.values()) if column in names]
    for column in columns:
        if names.count(column) > 1:
            raise OrreryError(
                f"corpora.{corpus}: {file.name!r} has {names.count(column)} columns {column!r}; rename all but one."
            )
    return columns


def _parquet(source, file, choose):
    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(source, pre_buffer=False)
    columns = choose(parquet.schema_arrow.names)
    return enumerate(_records(parquet.iter_batches(4096, columns=columns, use_threads=False)))


def _csv(source, file, choose):
    """Every cell is text, as it stands."""
    import pyarrow as pa
    import pyarrow.csv

    data, delimiter = _content(source, file), "\t" if ".tsv" in file.name.lower() else ","
    lines = io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", "replace", newline="")
    columns = choose(next(filter(None, csv.reader(lines, delimiter=delimiter)), []))
    table = pa.csv.read_csv(
        pa.BufferReader(data),
        read_options=pa.csv.ReadOptions(block_size=min(len(data), 2**31 - 1)),  # no row is cut by a block's end
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            include_columns=columns, column_types=dict.fromkeys(columns, pa.large_binary()), strings_can_be_null=False
        ),
    )
    return enumerate(_records(table.to_batches(4096)))


def _jsonl(source, file, choose):
    """A row is a line, blank ones counted; a key may hold now a number, now text."""
    data = _content(source, file).removeprefix(b"\xef\xbb\xbf")
    choose(list(dict.fromkeys(key for _, record in _objects(data) for key in record)))
    return _objects(data)


def _objects(data):
    for row, line in enumerate(io.BytesIO(data)):
        if line.strip():
            try:
                record = json.loads(line.decode("utf-8", "replace"))
            except (ValueError, RecursionError) as error:
                raise ValueError(f"line {row + 1} is not JSON: {error}") from error
            if not isinstance(record, dict):
                raise ValueError(f"line {row + 1} is no JSON object")
            yield row, record


def _content(source, file):
    with plain_bytes(source, file) as stream:
        return whole(stream)


def _records(batches):
    for batch in batches:
        columns = [_as_bytes(column).to_pylist() for column in batch.columns]
        yield from (dict(zip(batch.schema.names, values)) for values in zip(*columns))


def _as_bytes(column):
    """Text as bytes, for it may be no UTF-8, which Arrow does not decode; anything else as it is."""
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    texts = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return column.cast(pa.large_binary()) if texts else column


def _plain(value):
    """A cell as text: what is no UTF-8 is marked, a whole number has no decimals, nothing and NaN are empty."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float):
        value = None if math.isnan(value) else int(value) if value.is_integer() else value
    return "" if value is None else str(value).encode("utf-8", "replace").decode()
