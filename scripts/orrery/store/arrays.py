"""Activations, projections and all other arrays with their samples and what made them, as HDF5."""

import json
from contextlib import contextmanager

import h5py
import numpy as np

from orrery.errors import OrreryError
from orrery.store.files import FORMAT, atomic, require
from orrery.store.seal import check, damaged, read_into, seal, write_at
from orrery.store.sparse import SparseFile

BITS = {"float32": np.float32, "float16": np.float16, "bfloat16": np.uint16}


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
        places = lay_out(part, widths, "float32", samples, (), attributes)
        with open(part, "r+b") as file:
            for name, vectors in layers.items():
                write_at(file.fileno(), np.ascontiguousarray(vectors, dtype=np.float32), places[name])
            seal(file, spans_of(places, {name: vectors.shape for name, vectors in layers.items()}, "float32"))


def lay_out(path, widths, dtype, samples, tokens, attributes):
    """Make a file whose layers are still empty; name → byte at which its rows begin."""
    n, places = len(next(iter(samples.values()))), {}
    whole = SparseFile()
    with h5py.File(whole, "w") as file:
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
    whole.save(path)
    return places


def spans_of(places, shapes, dtype):
    """Layer → first byte, length, dtype and shape (N, D), for `seal`."""
    size = np.dtype(BITS[dtype]).itemsize
    return {name: (places[name], n * d * size, dtype, (n, d)) for name, (n, d) in shapes.items()}


def layer_names(path):
    """Names of the layers that an activations file holds, from the embedding upwards."""
    return read_attributes(path, "activations")["layers"]


def read_layer(path, layer):
    """Vectors (N, D) of one layer in float32.

    Raises
    ------
    OrreryError
        The file has no such layer, or is damaged.
    """
    spans = check(path)
    if layer not in spans:
        made = read_attributes(path, "activations")
        raise OrreryError(
            f"models.{made['model']}.layers: there is no layer {layer} for {made['source']}; the file has "
            f"{', '.join(made['layers'])}."
        )
    written, start, _, dtype, shape = spans[layer]
    stored = np.empty(shape, BITS[dtype])
    with open(path, "rb") as file:
        if read_into(file.fileno(), stored, start) != written:
            raise damaged(path, f"the checksum of layer {layer} does not match")
    if dtype == "bfloat16":  # the upper half of a float32
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(np.float32, copy=False)


def read_samples(path):
    """Columns (N) of the samples in a file of activations or of other arrays."""
    with opened(path) as file:
        return _columns(file)


def read_token_ids(path):
    """The id (N,) of the first token that was read of each sample, as a column token_id; nothing where it is there."""
    with opened(path, "activations") as file:
        if "token_id" in file["samples"] or "tokens" not in file or "token_first" not in file["samples"]:
            return {}
        ids, offsets = file["tokens/ids"][:], file["tokens/offsets"][:]
        return {"token_id": ids[offsets[:-1] + file["samples/token_first"][:]]}


def read_attributes(path, *kinds):
    """The attributes of an HDF5 file, JSON undone."""
    with opened(path, *kinds) as file:
        return _attributes(file)


def write_projection(path, arrays, samples, attributes):
    """Write coordinates (N, k) and what else there is (spectra, loadings), with the samples and what made them.

    `attributes` may name another `kind` of arrays than a projection.
    """
    with h5py.File.in_memory() as file:
        _write_attributes(file, {"kind": "projection", "format": FORMAT, **attributes})
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
        _write_columns(file, samples)
        file.flush()
        image = file.id.get_file_image()
    with atomic(path) as part, open(part, "w+b") as file:
        write_at(file.fileno(), image, 0)
        seal(file, {})


def read_projection(path, *kinds):
    """(arrays, samples, attributes) of a file of `write_projection`, of one of the kinds if any is given."""
    with opened(path, *kinds) as file:
        arrays = {name: data[()] for name, data in file.items() if isinstance(data, h5py.Dataset)}
        return arrays, _columns(file), _attributes(file)


@contextmanager
def opened(path, *kinds):
    """An HDF5 file of this package; of its bytes only those of layers are not checked yet.

    Raises
    ------
    OrreryError
        The file is damaged, or of another kind or format.
    """
    check(path)
    with h5py.File(path) as file:
        require(path, file.attrs, *kinds)
        yield file


def _columns(file):
    return {
        name: [s.decode() for s in data[:]] if data.dtype == object else data[:]
        for name, data in file["samples"].items()
    }


def _attributes(file):
    return {key: _from_attribute(value) for key, value in file.attrs.items()}


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
