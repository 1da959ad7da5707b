import subprocess
import sys

import pytest

from dnnbench.images import geometry
from dnnbench.images.geometry import Geometry, GeometryError
from dnnbench.networks import model_list, registry

NETWORKS = registry.load_registry()


def test_the_44_networks_of_2018_share_three_geometries():
    study = model_list.resolve("bianco2018", NETWORKS)
    assert len(study) == 44
    sizes = {geometry.of(NETWORKS[name], "bianco2018").name for name in study}
    # floor(size / 0.875), by hand.
    assert sizes == {"bilinear-256-224", "bilinear-341-299", "bilinear-378-331"}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("resnet18", "bilinear-256-224"),  # torchvision
        ("densenet121", "bilinear-256-224"),  # torchvision before timm
        ("inceptionv3", "bilinear-342-299"),  # torchvision resizes to 342, not floor(299 / 0.875)
        ("dpn68", "bicubic-256-224"),  # timm
        ("inceptionv4", "bicubic-341-299"),
        ("inceptionresnetv2", "bicubic-333-299"),
        ("nasnetalarge", "bicubic-363-331"),
        ("googlenet", "bilinear-256-224"),  # Only the file of 2018.
    ],
)
def test_native_is_what_the_library_of_today_says(model, name):
    assert geometry.of(NETWORKS[model], "native").name == name


def test_every_network_of_2018_has_a_native_geometry():
    for name in model_list.resolve("bianco2018", NETWORKS):
        native = geometry.of(NETWORKS[name], "native")
        assert native.size == NETWORKS[name].input_size < native.resize


def test_a_network_whose_sources_do_not_say_is_named():
    silent = NETWORKS["resnet18"].model_copy(update={"weights": ()})
    assert geometry.of(silent, "bianco2018").name == "bilinear-256-224"
    with pytest.raises(GeometryError, match=r"resnet18\.weights: no source has .*; add them"):
        geometry.of(silent, "native")


def test_a_name_is_read_back():
    for cut in (Geometry("bilinear", 256, 224), Geometry("bicubic", 363, 331)):
        assert Geometry.parse(cut.name) == cut


@pytest.mark.parametrize("name", ["bilinear-224-256", "nearest-256-224", "bilinear-256", "256-0-0"])
def test_what_is_no_geometry_is_refused(name):
    with pytest.raises(GeometryError, match=f"{name}.*such as bilinear-256-224"):
        Geometry.parse(name)


def test_naming_geometries_imports_neither_torch_nor_pillow():
    code = (
        "import sys; from dnnbench.images import geometry, image_index;"
        " print({'torch', 'PIL'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
