"""Rows of tables that carry a label each."""

import csv
import io
import math

import numpy as np

from orrery.corpus.files import check_unchanged, open_file
from orrery.corpus.matcher import Batch, Matcher
from orrery.corpus.readers import format_of, plain_bytes
from orrery.errors import OrreryError

OPTIONAL = ("start", "end", "value", "group", "id", "title", "url")


def read_rows(files, corpus, name="corpus"):
    """Yield {label, text, file, row, …} of every row of CSV, Parquet or JSONL files, in order.

    Parameters
    ----------
    files : list of files.File
    corpus : dict
        The corpus's entry in the config: format, text, label.

    Raises
    ------
    OrreryError
        A file cannot be read, or lacks the columns of label and text.
    """
    wanted = {"label": corpus["label"], "text": corpus["text"], **{key: key for key in OPTIONAL}}
    for file in files:
        with open_file(file, name) as source:
            try:
                table = _table(source, file, format_of(file, corpus["format"], name), name)
            except (OSError, ValueError, EOFError) as error:  # Arrow's errors are ValueErrors
                first = str(error).splitlines()[0]
                raise OrreryError(f"corpora.{name}: {file.name!r} cannot be read ({first}).") from error
        check_unchanged(file, name)
        for key in ("label", "text"):
            if wanted[key] not in table.column_names:
                raise OrreryError(
                    f"corpora.{name}.{key}: {file.name!r} has no column {wanted[key]!r}; it has "
                    f"{', '.join(table.column_names)}."
                )
        present = {key: column for key, column in wanted.items() if column in table.column_names}
        table, row = table.select(list(dict.fromkeys(present.values()))), 0
        for batch in table.to_batches(max_chunksize=4096):
            for record in batch.to_pylist():
                known = {key: _plain(record[column]) for key, column in present.items()}
                yield {**known, "file": file.name, "row": row}
                row += 1


def _table(source, file, format, name):
    import pyarrow as pa

    if format == "parquet":
        import pyarrow.parquet as pq

        return pq.read_table(source)
    if format in ("csv", "jsonl"):
        with plain_bytes(source, file) as stream:
            data = b"".join(iter(lambda: stream.read(1 << 22), b""))
        if format == "csv":
            return _csv(data, "\t" if ".tsv" in file.name else ",")
        import pyarrow.json

        return pa.json.read_json(pa.BufferReader(data))
    raise OrreryError(f"corpora.{name}.format: {format} cannot hold labelled rows; write parquet, jsonl or csv.")


def _csv(data, delimiter):
    """A table in which every cell is text, as it stands; what is no UTF-8 is marked."""
    import pyarrow as pa
    import pyarrow.csv

    data = data.decode("utf-8-sig", "replace")
    names = next(csv.reader(io.StringIO(data[: 1 << 16]), delimiter=delimiter), [])
    return pa.csv.read_csv(
        pa.BufferReader(data.encode()),
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )


def _plain(value):
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    empty = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if empty else str(value).encode("utf-8", "replace").decode()


def last_occurrence(concept, spec):
    """A function (label, text) → characters of the label's last occurrence in a text, or None."""
    how = {key: spec["options"][key] for key in ("case_sensitive", "whole_words")}
    matchers = {label: Matcher({concept: {"forms": {label: forms}, **how}}) for label, forms in spec["forms"].items()}

    def find(label, text):
        """Characters of the last occurrence, or None."""
        data = text.encode("utf-8", "replace")
        batch = Batch(memoryview(data), np.array([0]), np.array([len(data)]), np.array([0]), None)
        found = matchers[label].find(batch)[0] if data else None
        if found is None or not len(found.starts):
            return None
        start = len(data[: found.starts[-1]].decode())
        return start, start + len(data[found.starts[-1] : found.ends[-1]].decode())

    return find
