"""Jobs side by side on a machine with several cards take one each."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from orrery.cards import own_card

HOLD = """
import sys, torch
from types import SimpleNamespace
sys.path.insert(0, "scripts")
torch.cuda.device_count = lambda: 2
torch.cuda.get_device_properties = lambda card: SimpleNamespace(uuid=f"GPU-{card}")
from orrery.cards import own_card
print(own_card(sys.argv[1]), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def two_cards(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda card: SimpleNamespace(uuid=f"GPU-{card}"))
    own_card.cache_clear()
    yield
    own_card.cache_clear()


def test_each_process_has_a_card_of_its_own_until_it_ends(two_cards, tmp_path, request):
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             cwd=request.config.rootpath, text=True)  # fmt: skip
    assert other.stdout.readline().strip() == "0"
    assert own_card(str(tmp_path)) == 1 and own_card(str(tmp_path)) == 1
    own_card.cache_clear()
    assert own_card(str(tmp_path)) == 0  # all are taken
    other.kill()
    other.wait()
    own_card.cache_clear()
    assert own_card(str(tmp_path)) == 0
