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
    # floor(size / 0.875), calculated by hand.
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
        ("googlenet", "bilinear-256-224"),  # Its only source is the file of 2018.
    ],
)
def test_native_geometry_is_that_of_the_library_that_publishes_the_weights_today(model, name):
    assert geometry.of(NETWORKS[model], "native").name == name


def test_every_network_of_2018_has_a_native_geometry():
    for name in model_list.resolve("bianco2018", NETWORKS):
        native = geometry.of(NETWORKS[name], "native")
        assert native.size == NETWORKS[name].input_size < native.resize


def silent(**changes):
    """Return an entry without crop and filter, and without a source that states them."""
    return NETWORKS["resnet18"].model_copy(update={"weights": (), **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, r"config/models.yaml: resnet18: dataset\.protocol native needs .*\. Add them, or"),
        (
            {"spec": "mine:nets/a.py:f", "builder": "nets/a.py:f"},
            r"nets/a\.py: DNNBENCH: .* needs interpolation and crop_pct\. Add them, or choose",
        ),
        ({"spec": "timm:eva02_x"}, r"timm:eva02_x: .* needs a center crop, .* none\. Choose"),
    ],
)
def test_a_network_that_has_no_native_geometry_is_named_with_a_remedy_that_exists(changes, said):
    assert geometry.of(silent(**changes), "bianco2018").name == "bilinear-256-224"
    assert geometry.known(silent(**changes), "native") is None
    with pytest.raises(GeometryError, match=said):
        geometry.of(silent(**changes), "native")


def test_an_entrys_own_geometry_is_used_if_no_source_states_one():
    said = {"interpolation": "bicubic", "crop_pct": 0.95}
    assert geometry.of(silent(**said), "native").name == "bicubic-235-224"
    with_source = NETWORKS["resnet18"].model_copy(update=said)
    assert geometry.of(with_source, "native").name == "bilinear-256-224"


def test_a_librarys_networks_have_no_native_geometry_if_they_squash_images():
    found = model_list.resolve("timm:coat_lite_medium*", NETWORKS)
    cuts = {network.name: geometry.known(network, "native") for network in found.values()}
    assert {name.partition(".")[0]: cut and cut.name for name, cut in cuts.items()} == {
        "coat_lite_medium": "bicubic-248-224",
        "coat_lite_medium_384": None,
    }


def test_a_name_is_read_back():
    for cut in (Geometry("bilinear", 256, 224), Geometry("bicubic", 363, 331)):
        assert Geometry.parse(cut.name) == cut


@pytest.mark.parametrize("name", ["bilinear-224-256", "nearest-256-224", "bilinear-256", "256-0-0"])
def test_an_invalid_geometry_is_refused(name):
    with pytest.raises(GeometryError, match=f"{name}.*such as bilinear-256-224"):
        Geometry.parse(name)


def test_naming_geometries_imports_neither_torch_nor_pillow():
    code = (
        "import sys; from dnnbench.images import geometry, image_index;"
        " print({'torch', 'PIL'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
