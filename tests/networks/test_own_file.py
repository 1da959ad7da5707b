"""Your own networks inside packages: their imports are found and are part of their definition."""

import sys
from pathlib import Path

import pytest
import torch

from dnnbench.core import code_graph, isolation
from dnnbench.networks import builders, model_list, own_file
from dnnbench.networks.registry import RegistryError

HEAD = 'from torch import nn\nDNNBENCH = {"input_size": 32, "classes": 10}\n'
NET = """
def net():
    return nn.Sequential(
        nn.Conv2d(3, WIDTH, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTH, 10)
    )
"""
FILL = "from nets.reg import ALL\nALL.append(5)"


@pytest.fixture(autouse=True)
def _forgotten():
    own_file._forget()
    yield
    own_file._forget()


def one(file, function="net"):
    (network,) = model_list.resolve(f"mine:{file}:{function}").values()
    return network


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


# Other files, the network's file, its imports, and the files that these need.
LAYOUTS = {
    "relative, a package": (
        {"nets/__init__.py": "", "nets/blocks/__init__.py": "", "nets/blocks/conv.py": "WIDTH=5"},
        "nets/model.py",
        "from .blocks.conv import WIDTH",
        ["nets/__init__.py", "nets/blocks/__init__.py", "nets/blocks/conv.py"],
    ),
    "relative, no __init__ anywhere": (
        {"nets/blocks/conv.py": "WIDTH=5"},
        "nets/model.py",
        "from .blocks.conv import WIDTH",
        ["nets/blocks/conv.py"],
    ),
    "up and over": (
        {"nets/common/conv.py": "from ..sizes import WIDTH", "nets/sizes.py": "WIDTH=5"},
        "nets/resnet/v2/model.py",
        "from ...common import conv\nWIDTH = conv.WIDTH",
        ["nets/common/conv.py", "nets/sizes.py"],
    ),
    "an imported file whose import goes higher up": (
        {"top/nets/conv.py": "from ...sizes import WIDTH", "sizes.py": "WIDTH=5"},
        "top/nets/model.py",
        "from .conv import WIDTH",
        ["top/nets/conv.py", "sizes.py"],
    ),
    "absolute, from the package's root": (
        {"nets/__init__.py": "", "nets/conv.py": "WIDTH=5"},
        "nets/model.py",
        "from nets.conv import WIDTH",
        ["nets/__init__.py", "nets/conv.py"],
    ),
    "absolute, from a root of folders": (
        {"my_nets/conv.py": "WIDTH=5"},
        "my_nets/deep/model.py",
        "from my_nets.conv import WIDTH",
        ["my_nets/conv.py"],
    ),
    "a sibling package": (
        {"my_layers/__init__.py": "from .conv import WIDTH", "my_layers/conv.py": "WIDTH=5"},
        "my_nets/model.py",
        "import my_layers\nWIDTH = my_layers.WIDTH",
        ["my_layers/__init__.py", "my_layers/conv.py"],
    ),
    "a sibling of the package": (
        {"nets/__init__.py": "", "my_layers/conv.py": "WIDTH=5"},
        "nets/model.py",
        "from my_layers.conv import WIDTH",
        ["nets/__init__.py", "my_layers/conv.py"],
    ),
    "both ways, one module": (
        {"nets/__init__.py": "", "nets/reg.py": "ALL = []", "nets/fill.py": FILL},
        "nets/model.py",
        "from . import fill\nfrom .reg import ALL\nWIDTH = ALL[0]",
        ["nets/__init__.py", "nets/reg.py", "nets/fill.py"],
    ),
    "a package that imports the file": (
        {"nets/__init__.py": "WIDTH = 5\nfrom .model import net"},
        "nets/model.py",
        "from . import WIDTH",
        ["nets/__init__.py"],
    ),
    "a folder that is called as a library is": (
        {"torch/conv.py": "import torch\nWIDTH = 5 if torch.nn else 0"},
        "torch/model.py",
        "from .conv import WIDTH",
        ["torch/conv.py"],
    ),
    "names that are not identifiers": (
        {"my-models v1.0/conv.py": "WIDTH=5"},
        "my-models v1.0/model-2.b.py",
        "from .conv import WIDTH",
        ["my-models v1.0/conv.py"],
    ),
    "by a call, relative": (
        {"nets/conv.py": "WIDTH=5"},
        "nets/model.py",
        "from importlib import import_module\nWIDTH = import_module('.conv', __package__).WIDTH",
        ["nets/conv.py"],
    ),
    "by a call, absolute": (
        {"nets/conv.py": "WIDTH=5"},
        "nets/model.py",
        "import importlib\nWIDTH = importlib.import_module('nets.conv').WIDTH",
        ["nets/conv.py"],
    ),
    "next to the file": (
        {"nets/conv.py": "WIDTH=5"},
        "nets/model.py",
        "from conv import WIDTH",
        [],
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_imports_of_a_file_in_a_package_are_found(tmp_path, layout):
    files, place, imports, needed = LAYOUTS[layout]
    write(tmp_path, files | {place: f"{HEAD}{imports}\n{NET}"})
    network = one(tmp_path / place)
    before = list(sys.path)
    model = builders.build(network)
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    assert model[0].out_channels == 5
    found = set(code_graph.builder_sources(network.builder))
    assert {tmp_path / file for file in [place, *needed]} <= found
    assert all(file.is_relative_to(tmp_path) for file in found)
    own_file._forget()
    assert sys.path == before
    places = [str(getattr(module, "__file__", "")) for module in list(sys.modules.values())]
    assert not [place for place in places if place.startswith(str(tmp_path))]


def test_a_network_may_be_defined_in_the_init_file_of_a_package(tmp_path):
    write(tmp_path, {"nets/__init__.py": f"{HEAD}from .conv import WIDTH\n{NET}"})
    write(tmp_path, {"nets/conv.py": "WIDTH=5"})
    assert builders.build(one(tmp_path / "nets/__init__.py"))[0].out_channels == 5


def test_a_network_may_import_while_it_runs(tmp_path):
    later = "    class Later(nn.Module):\n        def forward(self, x):\n"
    later += "            from .ops import head\n            return head(x)\n    return Later()\n"
    ops = "def head(x):\n    return x.flatten(1)[:, :10]\n"
    write(tmp_path, {"nets/model.py": f"{HEAD}def net():\n{later}", "nets/ops.py": ops})
    model = builders.build(one(tmp_path / "nets/model.py"))
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


def test_packages_of_the_same_name_in_two_folders_are_not_confused(tmp_path):
    for width in (5, 7):
        write(
            tmp_path / str(width),
            {
                "nets/__init__.py": "",
                "nets/conv.py": f"WIDTH={width}",
                "nets/model.py": f"{HEAD}from nets.conv import WIDTH\nfrom . import conv\n{NET}",
            },
        )
    networks = [one(tmp_path / f"{width}/nets/model.py") for width in (5, 7, 5)]
    assert [builders.build(network)[0].out_channels for network in networks] == [5, 7, 5]


def test_a_file_next_to_the_network_shadows_a_library_that_was_imported_before(tmp_path):
    write(tmp_path, {"timm.py": "WIDTH=5", "model.py": f"{HEAD}from timm import WIDTH\n{NET}"})
    import timm

    kept = {name: module for name, module in sys.modules.items() if name.startswith("timm")}
    try:
        around = own_file.load(tmp_path / "model.py", preloaded={"timm"})
        assert around.WIDTH == 5
    finally:
        sys.modules |= kept
    assert sys.modules["timm"] is timm


@pytest.mark.parametrize("place", ["nets/__init__.py", "nets/blocks/conv.py", "nets/model.py"])
def test_an_edit_anywhere_in_the_package_is_detected(tmp_path, place):
    files = {"nets/__init__.py": "", "nets/blocks/conv.py": "WIDTH=5"}
    files["nets/model.py"] = f"{HEAD}from .blocks.conv import WIDTH\n{NET}"
    write(tmp_path, files)
    builder = one(tmp_path / "nets/model.py").builder
    before = code_graph.digest(code_graph.builder_sources(builder))
    write(tmp_path, {place: files[place] + "\n# Another word.\n"})
    assert code_graph.digest(code_graph.builder_sources(builder)) != before


@pytest.mark.parametrize(
    ("files", "imports", "message"),
    [
        (
            {},
            "from .conv import WIDTH",
            r"nets/model\.py:3: .*No module named 'nets\.conv'\. Correct",
        ),
        (
            {"nets/conv.py": ""},
            "from .conv import WIDTH",
            r"nets/model\.py:3: .*cannot import name 'WIDTH' from 'nets\.conv'.*\. Correct it",
        ),
        (
            {"nets/conv.py": "WIDTH = 5 +"},
            "from .conv import WIDTH",
            r"nets/conv\.py:1: SyntaxError: invalid syntax.*\. Correct it",
        ),
        (
            {"nets/conv.py": "\nWIDTH = depth"},
            "from .conv import WIDTH",
            r"nets/conv\.py:2: NameError: name 'depth' is not defined\. Correct it",
        ),
        (
            {"nets/conv.py": "import no_such_library.sub"},
            "from .conv import WIDTH",
            r"nets/conv\.py:1: .*\. Install no_such_library, or correct the import",
        ),
        ({}, "exit(3)", r"nets/model\.py:3: SystemExit: 3\. Correct it"),
    ],
)
def test_an_error_names_its_place_and_a_remedy(tmp_path, files, imports, message):
    write(tmp_path, files | {"nets/model.py": f"{HEAD}{imports}\n{NET}"})
    network = one(tmp_path / "nets/model.py")
    for _ in "12":  # The second attempt fails alike.
        with pytest.raises(RegistryError, match=f"mine-net-.*: builder: .*{message}") as caught:
            builders.build(network)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "from .model import *",
        "try:\n    from .model import net\nexcept ImportError:\n    pass",
        "if True:\n    def net(): ...",
        "with open(__file__):\n    net = print",
        "net, other = print, 1",
        "match 1:\n    case _:\n        def net(): ...",
    ],
)
def test_a_function_need_not_be_defined_at_the_top_level(tmp_path, text):
    write(tmp_path, {"nets.py": f"{HEAD}{text}\n"})
    assert one(tmp_path / "nets.py").name == "net"


def test_a_star_import_that_has_no_such_function_is_one_line(tmp_path):
    write(tmp_path, {"nets.py": f"{HEAD}from math import *\n"})
    with pytest.raises(RegistryError, match=r"has no attribute 'net'\. Correct it"):
        builders.build(one(tmp_path / "nets.py"))


def test_the_parent_process_of_all_networks_never_runs_the_file(tmp_path):
    write(tmp_path, {"nets/model.py": f"{HEAD}import sys\nsys.ran = True\nWIDTH = 5\n{NET}"})
    network = one(tmp_path / "nets/model.py")
    elsewhere = network.model_copy(update={"builder": "no_such_package.nets:net"})
    builders.preload([network, elsewhere])
    assert not hasattr(sys, "ran")
    builders.load(network)
    assert sys.ran
    del sys.ran
    with pytest.raises(RegistryError, match="no_such_package"):
        builders.load(elsewhere)


def test_a_file_cannot_change_the_threads_or_the_working_directory(tmp_path, monkeypatch):
    """The record states the number of threads, and paths are relative to the project."""
    monkeypatch.chdir(tmp_path)
    text = f"{HEAD}import os, torch\nos.chdir('/')\ntorch.set_num_threads(3)\nWIDTH = 5\n{NET}"
    write(tmp_path, {"model.py": text.replace("def net():", "def net():\n    os.chdir('/usr')")})
    before = torch.get_num_threads()
    builders.build(one("model.py"))
    assert torch.get_num_threads() == before
    assert Path.cwd() == tmp_path


def test_running_out_of_memory_during_an_import_is_not_an_error_of_the_file(tmp_path):
    file = tmp_path / "net.py"
    file.write_text("table = bytearray(2**50)")
    outcome = isolation.run(own_file.load, file, timeout_s=30)
    assert outcome.status == "oom", outcome.message
