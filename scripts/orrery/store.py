"""How Orrery's files look: samples (Parquet), activations and projections (HDF5), metrics (Parquet).

The only module that knows the layouts. Every file is written beside its place and renamed when it is whole.
"""

import json
import os
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

FORMAT = 2
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
    """Write one contiguous float32 dataset a layer.

    Parameters
    ----------
    layers : dict of str → array (N, D)
    samples : dict of str → sequence of length N
    attributes : dict
        What made the file; values that HDF5 has no type for become JSON.
    """
    with atomic(path) as part, h5py.File(part, "w") as file:
        _write_attributes(file, {"kind": "activations", "format": FORMAT, "layers": list(layers), **attributes})
        group = file.create_group("layers")
        for name, vectors in layers.items():
            group.create_dataset(name, data=np.asarray(vectors, dtype=np.float32))
        _write_columns(file, samples)


def layer_names(path):
    """Names of the layers that an activations file holds, from the embedding upwards."""
    with h5py.File(path) as file:
        return json.loads(file.attrs["layers"])


def read_layer(path, layer):
    """Vectors (N, D) of one layer, or None where the file has no such layer."""
    with h5py.File(path) as file:
        return file["layers"][layer][:] if layer in file["layers"] else None


def read_samples(path):
    """Columns (N) of the samples in an activations or projection file."""
    with h5py.File(path) as file:
        return {
            name: [s.decode() for s in data[:]] if data.dtype == object else data[:]
            for name, data in file["samples"].items()
        }


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
