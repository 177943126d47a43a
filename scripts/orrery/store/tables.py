"""Tables with what made them: samples and measures, as Parquet.

The checksum is the digest of the whole file with zeros in its own place, in the footer.
"""

import json
import os

import numpy as np

from orrery.store.files import FORMAT, atomic, require
from orrery.store.seal import damaged, digest

SAMPLE_COLUMNS = {  # name → what a missing value is
    "label": "", "value": np.nan, "text": "", "start": 0, "end": 0, "group": "",
    "document": "", "title": "", "url": "", "file": "", "row": -1, "position": -1, "leaks": 0, "flags": "",
}  # fmt: skip
CHECKSUM, NONE = "orrery.xxh3", b"0" * 16
BEFORE = CHECKSUM.encode() + b"\x18\x10"  # Thrift: a text of 16 bytes follows


def write_table(path, columns, attributes, clean=True):
    """Write columns (name → sequence of length N) as Parquet with JSON attributes under the key 'orrery'.

    `clean` is that of `atomic`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    table = table.replace_schema_metadata({"orrery": json.dumps({"format": FORMAT, **attributes}, ensure_ascii=False)})
    made = pa.BufferOutputStream()
    with pq.ParquetWriter(made, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({CHECKSUM: NONE.decode()})
    data = made.getvalue()
    place = _place_of_checksum(data)
    with atomic(path, clean) as part, open(part, "wb") as file:
        file.write(data)
        file.seek(place)
        file.write(digest(data).encode())


def read_table(path, *kinds):
    """Columns (name → numpy array or list of str) and attributes of a file of `write_table`.

    Raises
    ------
    OrreryError
        The file is damaged, or of another kind or format.
    """
    import pyarrow.parquet as pq

    table = pq.ParquetFile(_checked(path), pre_buffer=False).read(use_threads=False)
    columns = {
        name: table[name].to_pylist() if str(table[name].type) == "string" else table[name].to_numpy()
        for name in table.column_names
    }
    return columns, _attributes(path, table.schema, kinds)


def table_attributes(path, *kinds):
    """The attributes of a file of `write_table`; raises like `read_table`."""
    import pyarrow.parquet as pq

    return _attributes(path, pq.read_schema(_checked(path)), kinds)


def sample_columns(samples):
    """The columns of the samples contract from a list of dicts; what a sample lacks is filled in."""
    return {name: [s.get(name, missing) for s in samples] for name, missing in SAMPLE_COLUMNS.items()}


def _attributes(path, schema, kinds):
    attributes = json.loads(schema.metadata[b"orrery"])
    require(path, attributes, *kinds)
    return attributes


def _checked(path):
    """The content of a file, once its checksum was seen to match."""
    import pyarrow as pa

    # In pyarrow's own memory: its threads abort a process that ends while they let go of bytes of Python
    with pa.OSFile(os.fspath(path)) as file:
        data = file.read_buffer()
    view = memoryview(data)
    if not view:
        raise damaged(path, "it is empty")
    if view[-4:] != b"PAR1":
        raise damaged(path, "its end is missing")
    place = _place_of_checksum(data)
    if place < 0:
        raise damaged(path, "it has no checksum; older versions of Orrery wrote none")
    if digest(view[:place], NONE, view[place + 16 :]).encode() != view[place : place + 16]:
        raise damaged(path, "its checksum does not match")
    return pa.BufferReader(data)


def _place_of_checksum(data):
    """The byte at which the checksum begins; -1 where there is none. The footer is the last thing in the file."""
    found = bytes(data).rfind(BEFORE)
    return found + len(BEFORE) if found >= 0 else -1
