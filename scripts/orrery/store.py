"""How Orrery's files look: samples (Parquet), activations and projections (HDF5), metrics (Parquet).

The only module that knows the layouts. Every file is written beside its place and renamed when it is whole.
"""

import errno
import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from orrery.errors import OrreryError

FORMAT = 3
BITS = {"float32": np.float32, "float16": np.float16, "bfloat16": np.uint16}
SAMPLE_COLUMNS = {  # name → what a missing value is
    "label": "", "value": np.nan, "text": "", "start": 0, "end": 0, "group": "",
    "document": "", "title": "", "url": "", "file": "", "row": -1, "position": -1, "leaks": 0, "flags": "",
}  # fmt: skip


@contextmanager
def atomic(path):
    """Yield a temporary path beside `path`; rename it to `path` if the block ends well, remove it if not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


# ------------------------------------------------------------------------------------------------ Parquet


def write_table(path, columns, attributes):
    """Write columns (name → sequence of length N) as Parquet with JSON attributes under the key 'orrery'."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    table = table.replace_schema_metadata({"orrery": json.dumps({"format": FORMAT, **attributes}, ensure_ascii=False)})
    with atomic(path) as part:
        pq.write_table(table, part, compression="zstd")


def read_table(path):
    """Columns (name → numpy array or list of str) and attributes of a file of `write_table`."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    columns = {
        name: table[name].to_pylist() if str(table[name].type) == "string" else table[name].to_numpy()
        for name in table.column_names
    }
    return columns, json.loads(table.schema.metadata[b"orrery"])


def table_attributes(path):
    """The attributes of a file of `write_table`."""
    import pyarrow.parquet as pq

    return json.loads(pq.read_schema(path).metadata[b"orrery"])


def sample_columns(samples):
    """The columns of the samples contract from a list of dicts; what a sample lacks is filled in."""
    return {name: [s.get(name, missing) for s in samples] for name, missing in SAMPLE_COLUMNS.items()}


# --------------------------------------------------------------------------------------------------- HDF5


def write_activations(path, layers, samples, attributes):
    """Write an activations file at once.

    Parameters
    ----------
    layers : dict of str → array (N, D)
    samples : dict of str → sequence of length N
    attributes : dict
        What made the file; values that HDF5 has no type for become JSON.
    """
    with atomic(path) as part:
        widths = {name: vectors.shape[1] for name, vectors in layers.items()}
        places = _lay_out(part, widths, "float32", samples, (), attributes)
        with open(part, "r+b") as file:
            for name, vectors in layers.items():
                os.pwrite(file.fileno(), np.ascontiguousarray(vectors, dtype=np.float32), places[name])


class Growing:
    """An activations file that is written row by row and survives a kill: use it with `with`.

    It grows beside its place, with a journal of the batches that are in it, and is renamed when all are. The next run
    with the same `key` goes on where the last one ended; with another it begins anew.

    Parameters
    ----------
    path : path
    widths : dict of str → int
        Layer → D.
    samples : dict of str → sequence of length N
    tokens : list of sequence of int
        What the model was given for each sample.
    attributes : dict
        What made the file. `stored_as` is the precision, float32, float16 or bfloat16, which is stored as its bits,
        uint16, and says so in an attribute of the dataset.
    key : list
        What else the numbers depend on.

    Raises
    ------
    OrreryError
        There is no room for the whole file.
    """

    def __init__(self, path, widths, samples, tokens, attributes, key):
        self._path, self.dtype = Path(path), attributes["stored_as"]
        self._part, self._journal = (self._path.with_name(f".{self._path.name}.{end}") for end in ("part", "journal"))
        self._size = {name: width * np.dtype(BITS[self.dtype]).itemsize for name, width in widths.items()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        key = _digest([list(widths), attributes, key, *samples.items()], tokens)
        self.done = self._resume(key)
        if self.done is None:
            self._places = self._begin(widths, samples, tokens, attributes, key)

    def _resume(self, key):
        if not (self._journal.exists() and self._part.exists()):
            return None
        lines = self._journal.read_text(encoding="utf-8").split("\n")[:-1]  # a line that was cut has no end
        if len(lines) < 1 or json.loads(lines[0])["key"] != key:
            return None
        self._places = json.loads(lines[0])["places"]
        print(f"{len(lines) - 1} batches were there of a run before")
        return {int(line) for line in lines[1:]}

    def _begin(self, widths, samples, tokens, attributes, key):
        self._journal.unlink(missing_ok=True)
        self.done = set()
        try:
            places = _lay_out(self._part, widths, self.dtype, samples, tokens, attributes)
            if hasattr(os, "posix_fallocate"):  # not on a Mac
                with open(self._part, "r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            self._part.unlink(missing_ok=True)
            size = sum(self._size.values()) * len(tokens) / 1e9
            raise OrreryError(f"{self._path}: the disk has no room for {size:.2g} GB of vectors; make some.") from error
        self._journal.write_text(json.dumps({"key": key, "places": places}) + "\n", encoding="utf-8")
        return places

    def __enter__(self):
        self._file, self._notes = open(self._part, "r+b"), open(self._journal, "r+", encoding="utf-8")
        self._notes.truncate(self._notes.read().rfind("\n") + 1)
        self._notes.seek(0, os.SEEK_END)
        return self

    def put(self, rows, vectors):
        """Write the vectors (name → array (len(rows), D)) of some samples."""
        for name, values in vectors.items():
            place, size = self._places[name], self._size[name]
            for row, vector in zip(rows, values):
                os.pwrite(self._file.fileno(), vector, place + row * size)

    def finished(self, number):
        """Note that all of a batch is written."""
        self._notes.write(f"{number}\n")
        self._notes.flush()

    def __exit__(self, kind, *_):
        self._file.close()
        self._notes.close()
        if kind is None:
            os.replace(self._part, self._path)
            self._journal.unlink()


def _digest(parts, tokens):
    """Of anything that JSON can hold, and of lists of integers."""
    made = hashlib.sha256()
    for part in parts:
        made.update(json.dumps(part, default=lambda value: value.tolist()).encode())
    for ids in tokens:
        made.update(np.asarray(ids, dtype=np.int32).tobytes() + b"/")
    return made.hexdigest()


def _lay_out(path, widths, dtype, samples, tokens, attributes):
    """Make a file whose layers are still empty; name → byte at which its rows begin."""
    n, places = len(next(iter(samples.values()))), {}
    with h5py.File(path, "w") as file:
        _write_attributes(file, {"kind": "activations", "format": FORMAT, "layers": list(widths), **attributes})
        group = file.create_group("layers")
        for name, width in widths.items():
            plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            plan.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            data = group.create_dataset(name, (n, width), BITS[dtype], dcpl=plan)
            if dtype == "bfloat16":
                data.attrs["dtype"] = "bfloat16"
            places[name] = data.id.get_offset() or 0
        if len(tokens):
            offsets = np.cumsum([0, *map(len, tokens)])
            file.create_dataset("tokens/ids", data=np.concatenate(tokens).astype(np.int32))
            file.create_dataset("tokens/offsets", data=offsets)
        _write_columns(file, samples)
    return places


def layer_names(path):
    """Names of the layers that an activations file holds, from the embedding upwards."""
    with h5py.File(path) as file:
        return json.loads(file.attrs["layers"])


def read_layer(path, layer):
    """Vectors (N, D) of one layer in float32.

    Raises
    ------
    OrreryError
        The file has no such layer.
    """
    with h5py.File(path) as file:
        if layer not in file["layers"]:
            raise OrreryError(
                f"models.{file.attrs['model']}.layers: there is no layer {layer} for {file.attrs['source']}; the file "
                f"has {', '.join(json.loads(file.attrs['layers']))}."
            )
        data = file["layers"][layer]
        if data.attrs.get("dtype") == "bfloat16":  # the upper half of a float32
            return (data[:].astype(np.uint32) << 16).view(np.float32)
        return data[:].astype(np.float32, copy=False)


def read_samples(path):
    """Columns (N) of the samples in an activations or projection file."""
    with h5py.File(path) as file:
        return {
            name: [s.decode() for s in data[:]] if data.dtype == object else data[:]
            for name, data in file["samples"].items()
        }


def read_token_ids(path):
    """The id (N,) of the first token that was read of each sample, as a column token_id; nothing where it is there."""
    with h5py.File(path) as file:
        if "token_id" in file["samples"] or "tokens" not in file or "token_first" not in file["samples"]:
            return {}
        ids, offsets = file["tokens/ids"][:], file["tokens/offsets"][:]
        return {"token_id": ids[offsets[:-1] + file["samples/token_first"][:]]}


def read_attributes(path):
    """The attributes of an HDF5 file, JSON undone."""
    with h5py.File(path) as file:
        return {key: _from_attribute(value) for key, value in file.attrs.items()}


def write_projection(path, arrays, samples, attributes):
    """Write coordinates (N, k) and what else the reducer gave (spectra, loadings), with the samples."""
    with atomic(path) as part, h5py.File(part, "w") as file:
        _write_attributes(file, {"kind": "projection", "format": FORMAT, **attributes})
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
        _write_columns(file, samples)


def read_projection(path):
    """(arrays, samples, attributes) of a projection file."""
    with h5py.File(path) as file:
        arrays = {name: data[()] for name, data in file.items() if isinstance(data, h5py.Dataset)}
    return arrays, read_samples(path), read_attributes(path)


def _write_columns(file, columns):
    group = file.create_group("samples")
    for name, values in columns.items():
        if len(values) and isinstance(values[0], str):
            # HDF5 strings end at a NUL: show it rather than lose what follows.
            text = [v.replace("\0", "\N{SYMBOL FOR NULL}") for v in values]
            group.create_dataset(name, data=text, dtype=h5py.string_dtype())
        else:
            group.create_dataset(name, data=np.asarray(values))


def _write_attributes(file, attributes):
    for key, value in attributes.items():
        plain = isinstance(value, (str, int, float, bool))
        file.attrs[key] = value if plain else json.dumps(value, ensure_ascii=False)


def _from_attribute(value):
    if isinstance(value, str) and value[:1] in "[{n":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value.item() if isinstance(value, np.generic) else value
