"""Documents from files, one at a time, in a fixed order."""

import json
from pathlib import Path
from typing import NamedTuple

from orrery.errors import OrreryError


class Document(NamedTuple):
    """A text and the way back to it: file and row, and what the corpus itself calls it."""

    text: str
    file: str
    row: int
    id: str = ""
    title: str = ""
    url: str = ""


PATTERNS = {"parquet": "**/*.parquet", "jsonl": "**/*.jsonl", "lines": "**/*"}


def read_documents(folder, pattern=None, format="parquet", text="text", corpus="corpus"):
    """Yield every document of the files in `folder` that match the glob `pattern`, sorted by name.

    Without a pattern those that the format's usual ending fits; never a hidden file. Rows without text are skipped.
    `corpus` is the corpus's name in the config, for messages.

    Raises
    ------
    OrreryError
        No file matches, a file cannot be read, or it has no such column.
    """
    pattern = pattern or PATTERNS[format]
    files = sorted(f for f in Path(folder).glob(pattern) if f.is_file() and f.name != "asset.json")
    files = [f for f in files if not f.name.startswith(".")]
    if not files:
        raise OrreryError(f"corpora.{corpus}.files: no file of the asset matches {pattern!r}; write a glob that fits.")
    reader = {"parquet": _parquet, "jsonl": _jsonl, "lines": _lines}[format]
    for file in files:
        yield from reader(file, file.relative_to(folder).as_posix(), text, corpus)


def _parquet(file, name, text, corpus):
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(file)
        columns = parquet.schema_arrow.names
        if text not in columns:
            raise OrreryError(f"corpora.{corpus}.text: {name!r} has no column {text!r}; it has {', '.join(columns)}.")
        if not pa.types.is_string(kind := parquet.schema_arrow.field(text).type) and not pa.types.is_large_string(kind):
            raise OrreryError(
                f"corpora.{corpus}.text: the column {text!r} of {name!r} holds {kind}, not text; name another."
            )
        wanted = [c for c in (text, "id", "title", "url") if c in columns]
        row = 0
        for batch in parquet.iter_batches(batch_size=1024, columns=wanted):
            for record in batch.to_pylist():
                if record[text]:
                    yield Document(record[text], name, row, *(str(record.get(k) or "") for k in ("id", "title", "url")))
                row += 1
    except (pa.ArrowInvalid, OSError) as error:
        raise OrreryError(
            f"corpora.{corpus}: {name!r} cannot be read as Parquet ({str(error).splitlines()[0]})."
        ) from error


def _jsonl(file, name, text, corpus):
    for row, line in enumerate(_text_lines(file)):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise OrreryError(f"corpora.{corpus}: line {row + 1} of {name!r} is not JSON ({error}).") from error
        if text not in record:
            raise OrreryError(f"corpora.{corpus}.text: line {row + 1} of {name!r} has no key {text!r}; name another.")
        if record[text]:
            yield Document(str(record[text]), name, row, *(str(record.get(k) or "") for k in ("id", "title", "url")))


def _lines(file, name, text, corpus):
    for row, line in enumerate(_text_lines(file)):
        if line.strip():
            yield Document(line.rstrip("\r\n"), name, row)


def _text_lines(file):
    with open(file, encoding="utf-8", errors="replace", newline="\n") as lines:
        yield from lines
