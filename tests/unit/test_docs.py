"""What the documentation shows is run."""

import re

import h5py
import pytest
from tools import ROOT


def blocks(page, language):
    """The code blocks of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def activations(tmp_path, monkeypatch):
    """A file where the example looks for it, made by the library."""
    import numpy as np
    from orrery import store

    monkeypatch.chdir(tmp_path)
    samples = {"label": ["Monday", "Tuesday", "Sunday"], "text": ["a", "b", "c"]}
    vectors = np.arange(12, dtype=np.float32).reshape(3, 4)
    path = "results/activations/smollm2-135m/prompts/weekdays.h5"
    store.write_activations(path, {"08": vectors}, samples, {"architecture": "LlamaModel"})


def test_the_example_that_reads_activations(activations, capsys):
    (example,) = blocks("docs/activations.md", "python")
    assert len([line for line in example.splitlines() if line]) == 5
    exec(example, {})
    assert capsys.readouterr().out == "LlamaModel (3, 4) ['Monday' 'Tuesday' 'Sunday']\n"


def test_the_bits_of_bfloat16(tmp_path):
    import torch

    line = re.search(r"`(\(bits.*?)` gives the numbers", (ROOT / "docs/activations.md").read_text()).group(1)
    values = torch.tensor([1.5, -3e38, 0.1]).bfloat16()
    with h5py.File(tmp_path / "x.h5", "w") as file:
        bits = file.create_dataset("x", data=values.view(torch.uint16).numpy())[:]
        assert eval(line, {"bits": bits}).tolist() == values.float().tolist()
