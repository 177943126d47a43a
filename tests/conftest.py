"""Fixtures that all tests share."""

import numpy as np
import pytest
from tools import copy_workflow, make_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A folder with a tiny random GPT-2."""
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def workflow(tmp_path):
    """A folder with a copy of the workflow and nothing made yet."""
    return copy_workflow(tmp_path / "workflow")


@pytest.fixture
def rng():
    """A seeded source of random numbers."""
    return np.random.default_rng(0)
