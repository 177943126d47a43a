"""Files that anyone can read with h5py or pyarrow, whole or not there."""

import h5py
import numpy as np
import pytest
from orrery import store

SAMPLES = {"label": ["a", "b"], "value": [0.0, 1.0], "text": ["naïve \u202e 猫\0", ""], "start": [1, 2]}


def test_activations_round_trip(tmp_path, rng):
    layers = {"embed": rng.standard_normal((2, 3)).astype(np.float32), "00": np.zeros((2, 3), np.float32)}
    store.write_activations(tmp_path / "x.h5", layers, SAMPLES, {"model": "m", "asset": {"hub": "a/b"}, "causal": True})
    assert store.layer_names(tmp_path / "x.h5") == ["embed", "00"]
    np.testing.assert_array_equal(store.read_layer(tmp_path / "x.h5", "embed"), layers["embed"])
    assert store.read_layer(tmp_path / "x.h5", "99") is None
    attributes = store.read_attributes(tmp_path / "x.h5")
    assert (
        attributes["asset"] == {"hub": "a/b"} and attributes["causal"] is True and attributes["kind"] == "activations"
    )
    samples = store.read_samples(tmp_path / "x.h5")
    assert samples["text"] == ["naïve \u202e 猫␀", ""] and samples["start"].tolist() == [1, 2]
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["layers/00"].chunks is None and file["layers/00"].dtype == np.float32


def test_tables_round_trip(tmp_path):
    columns = store.sample_columns([{"label": "a", "text": "x", "value": 2.0}, {"label": "b"}])
    store.write_table(tmp_path / "t.parquet", columns, {"report": {"kept": 2}})
    back, facts = store.read_table(tmp_path / "t.parquet")
    assert back["label"] == ["a", "b"] and np.isnan(back["value"][1]) and facts["report"] == {"kept": 2}
    assert list(back) == list(store.SAMPLE_COLUMNS)


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")
    with pytest.raises(ValueError), store.atomic(path) as part:
        part.write_text("half")
        raise ValueError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
