"""Weights of the user's networks, whose code runs in a separate process."""

import sys
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torch import nn

from dnnbench.config.weights_settings import Weights
from dnnbench.core import isolation
from dnnbench.core.checksums import sha256
from dnnbench.core.errors import UserError
from dnnbench.networks import builders, model_list, registry
from dnnbench.networks.weights import fetch, foreign

OWN = """
import os, sys
from torch import nn
sys.ran = True
os.chdir("/")
DNNBENCH = {"input_size": 40}

def net():
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1000))
"""


@pytest.fixture(autouse=True)
def _prepared():
    isolation.prepare()


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Return a function that obtains the weights of a network, given the text of its file."""
    monkeypatch.chdir(tmp_path)
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1000))
    save_file(dict(model.state_dict()), tmp_path / "w.safetensors")

    def obtain(text, digest=None):
        (tmp_path / "net.py").write_text(text)
        (network,) = model_list.resolve("mine:net.py:net").values()
        digest = digest or sha256(tmp_path / "w.safetensors")
        override = {network.key: {"path": "w.safetensors", "sha256": digest}}
        return foreign.obtain(network, Weights(override=override), tmp_path / "weights")

    return obtain


def test_a_separate_process_gives_the_same_record_and_runs_the_file(own, tmp_path):
    record = own(OWN)
    assert (record.status, record.path, record.tier) == ("ok", "w.safetensors", "override")
    assert not hasattr(sys, "ran")
    assert Path.cwd() == tmp_path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("raise ValueError('no card')", "net.py:8: ValueError: no card"),
        ("sys.exit(3)", "net.py:8: SystemExit: 3"),
        ("os._exit(3)", "exited with code 3 before it answered"),
        ("import time; time.sleep(600)", "took longer than 2 s"),
    ],
)
def test_a_network_that_cannot_be_built_has_no_weights_and_a_reason(own, monkeypatch, line, said):
    monkeypatch.setattr(foreign, "_LIMIT_S", 2.0)
    record = own(f"{OWN.replace('def net', line)}".replace(line, f"{line}\ndef net"))
    assert record.status == "missed"
    assert record.tried[0].source == "w.safetensors"
    assert record.tried[0].reason.startswith("the network cannot be built: ")
    assert said in record.tried[0].reason
    assert said in fetch.describe(record, "record.json")


def test_weights_with_another_hash_than_the_users_are_an_error(own):
    with pytest.raises(UserError, match=r"weights\.override.*expected sha256 0000"):
        own(OWN, digest="0" * 64)


def test_code_is_foreign_unless_it_is_ours_or_a_required_librarys():
    networks = registry.load_registry().values()
    assert not any(map(builders.is_foreign, networks))
    network = next(iter(networks))
    for builder in ("nets/net.py:net", "my_package.nets:net", "numpyy:x", "timm2.models:x"):
        assert builders.is_foreign(network.model_copy(update={"builder": builder}))
