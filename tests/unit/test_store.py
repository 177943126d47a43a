"""Files that anyone can read with h5py or pyarrow, whole or not there."""

import h5py
import numpy as np
import pytest
from orrery import store
from orrery.errors import OrreryError

SAMPLES = {"label": ["a", "b"], "value": [0.0, 1.0], "text": ["naïve \u202e 猫\0", ""], "start": [1, 2]}


def test_activations_round_trip(tmp_path, rng):
    layers = {"embed": rng.standard_normal((2, 3)).astype(np.float32), "00": np.zeros((2, 3), np.float32)}
    store.write_activations(
        tmp_path / "x.h5", layers, SAMPLES, {"model": "m", "source": "s", "asset": {"hub": "a/b"}, "causal": True}
    )
    assert store.layer_names(tmp_path / "x.h5") == ["embed", "00"]
    np.testing.assert_array_equal(store.read_layer(tmp_path / "x.h5", "embed"), layers["embed"])
    with pytest.raises(OrreryError, match="models.m.layers: there is no layer 99 for s; the file has embed, 00."):
        store.read_layer(tmp_path / "x.h5", "99")
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


def growing(folder, n=4, **changes):
    """An activations file of two layers that has yet to be filled."""
    samples = {"label": [f"l{i}" for i in range(n)]}
    attributes = {"stored_as": "float32", "model": "m"} | changes
    return store.Growing(folder / "x.h5", {"embed": 3, "00": 2}, samples, [[1, 2]] * n, attributes, ["code", [[0, 1]]])


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_growing_file_is_filled_row_by_row(tmp_path, rng, dtype):
    import torch

    vectors = {"embed": rng.standard_normal((4, 3)), "00": rng.standard_normal((4, 2))}
    vectors = {name: torch.tensor(v).to(getattr(torch, dtype)) for name, v in vectors.items()}
    stored = {k: v.view(torch.uint16).numpy() if dtype == "bfloat16" else v.numpy() for k, v in vectors.items()}
    with growing(tmp_path, stored_as=dtype) as file:
        for number, rows in enumerate(([3, 1], [0, 2])):
            file.put(rows, {name: values[rows] for name, values in stored.items()})
            file.finished(number)
            assert not (tmp_path / "x.h5").exists()
    assert [f.name for f in tmp_path.iterdir()] == ["x.h5"]
    for name, values in vectors.items():
        np.testing.assert_array_equal(store.read_layer(tmp_path / "x.h5", name), values.float().numpy())
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["tokens/ids"][:].tolist() == [1, 2] * 4 and file["tokens/offsets"][:].tolist() == [0, 2, 4, 6, 8]


def test_a_growing_file_goes_on_only_where_it_is_the_same(tmp_path):
    row = {"embed": np.ones((1, 3), np.float32), "00": np.ones((1, 2), np.float32)}
    with pytest.raises(KeyboardInterrupt), growing(tmp_path) as file:
        file.put([0], row)
        file.finished(7)
        raise KeyboardInterrupt
    with open(next(tmp_path.glob(".x.h5.*.journal")), "a") as journal:
        journal.write("12")  # a line whose end was not written any more
    with pytest.raises(KeyboardInterrupt), growing(tmp_path) as file:
        assert file.done == {7}
        file.finished(8)
        raise KeyboardInterrupt
    assert growing(tmp_path).done == {7, 8}
    assert growing(tmp_path, model="another").done == set()
    assert growing(tmp_path).done == set()  # the other began anew


def test_no_room_is_found_before_anything_is_read(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(
        OrreryError, match=r"x.h5: the disk has no room for 8e-08 GB of vectors \(No space left on device\); make some"
    ):
        growing(tmp_path)
    assert not list(tmp_path.iterdir())
