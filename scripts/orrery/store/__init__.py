"""How files look, and that they are as they were written: tables (Parquet), arrays (HDF5), rows (CSV), facts (JSON).

The only package that knows the layouts. Every file is written beside its place and renamed when it is whole, carries
checksums of all its bytes, and is checked before anything in it is used.
"""

from orrery.store.arrays import (
    BITS,
    layer_names,
    read_attributes,
    read_layer,
    read_projection,
    read_samples,
    read_token_ids,
    write_activations,
    write_projection,
)
from orrery.store.files import FORMAT, atomic, naming_what_does_not_fit, origin_of, tidy
from orrery.store.growing import Growing
from orrery.store.rows import read_facts, read_rows, write_facts, write_rows
from orrery.store.tables import SAMPLE_COLUMNS, read_table, sample_columns, table_attributes, write_table

__all__ = [
    "BITS",
    "FORMAT",
    "SAMPLE_COLUMNS",
    "Growing",
    "atomic",
    "layer_names",
    "naming_what_does_not_fit",
    "origin_of",
    "read_attributes",
    "read_facts",
    "read_layer",
    "read_projection",
    "read_rows",
    "read_samples",
    "read_table",
    "read_token_ids",
    "sample_columns",
    "table_attributes",
    "tidy",
    "write_activations",
    "write_facts",
    "write_projection",
    "write_rows",
    "write_table",
]
