"""A made-up library of networks: found through its entry point, used like any other."""

import math
import subprocess
import sys

import pytest
from helpers import entry_points, toys
from helpers.paths import ROOT

from dnnbench.cli import write_schemas
from dnnbench.config.library import GROUP, Library, libraries
from dnnbench.core.plugins import PluginError
from dnnbench.core.storage import read_lines, read_rows
from dnnbench.images import geometry
from dnnbench.networks import model_list, registry
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.latency_records import LatencyLine

MODULE = "made_up_test_library_plugins"


def find(name, source):
    toy = toys.entry(name)
    return [toy.model_copy(update={"key": f"toybox-{name}", "spec": f"toybox:{name}"})]


def needs_more(name, source):
    raise ModuleNotFoundError("No module named 'toys_of_wood'")


def answers_wrongly(name, source):
    return [toys.entry(name)]


LIBRARY = Library(name="toybox", find=find, form="<toy>", printed=str.title, resize=math.ceil)
TWIN = Library(name="timm", find=find)
NEEDY = Library(name="wooden", find=needs_more, package="toys-of-wood")
CARELESS = Library(name="careless", find=answers_wrongly)
ABSENT_MINDED = Library(name="absent", find=lambda name, source: [None])
NO_LIBRARY = "toybox"


@pytest.fixture
def plugins_of(tmp_path):
    """Return a function that installs libraries of this file by the names of their constants."""
    with entry_points.installed(tmp_path):

        def install(*constants):
            entry_points.write(tmp_path, GROUP, __file__, *constants)
            entry_points.forget()
            return tmp_path

        yield install


def run(folder, stage, *words):
    script = ROOT / "workflow/scripts" / f"{stage}.py"
    done = subprocess.run(
        [sys.executable, str(script), *map(str, words)],
        cwd=ROOT,
        env=entry_points.environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow  # Runs two stages; the tests below only resolve names.
def test_networks_of_a_made_up_library_are_counted_and_timed(plugins_of, tmp_path):
    folder = plugins_of("LIBRARY")
    run(folder, "complexity", "toybox:small", "vgg11", "--output", tmp_path / "complexity.csv")
    run(folder, "latency", "toybox:small", "--output", tmp_path / "round.jsonl")
    counted = read_rows(tmp_path / "complexity.csv", Complexity)
    assert [(row.model, row.spec) for row in counted] == [
        ("toybox-small", "toybox:small"),
        ("vgg11", "vgg11"),
    ]
    timed = read_lines(tmp_path / "round.jsonl", LatencyLine)
    assert {(line.model, line.status) for line in timed} == {("toybox-small", "ok")}
    # Its key in tables resolves to the same network.
    known = model_list.of_study([row.spec for row in counted], registry.load_registry())
    assert known["toybox-small"].builder == "helpers.toys:small"
    assert registry.spec_of("toybox-small") == "toybox:small"
    assert model_list.printed_name("toybox-small") == "Small"


def test_images_are_resized_as_in_the_library_of_the_weights(plugins_of):
    plugins_of("LIBRARY")
    source = {"tier": "B", "url": "https://example.org/w.pth", "filename": "w.pth", "hash": None}
    source |= {"interpolation": "bicubic", "crop_pct": 0.9}
    for library, name in (("toybox<=2.0", "bicubic-36-32"), ("another 2.0", "bicubic-35-32")):
        network = toys.entry("small", weights=[source | {"library": library}])
        assert geometry.of(network, "native").name == name


def test_texts_that_list_libraries_list_a_made_up_one(plugins_of):
    plugins_of("LIBRARY")
    schema = write_schemas.SCHEMAS["params.schema.yaml"]()
    assert "toybox:<toy>" in schema["properties"]["models"]["description"]
    with pytest.raises(registry.RegistryError, match=r" or toybox:<toy>\.$"):
        model_list.resolve("quite_another")


@pytest.mark.parametrize(
    ("constant", "message"),
    [
        (
            "TWIN",
            f"{MODULE}: 'timm': this name is also used by {GROUP}.timm. Rename one.",
        ),
        ("NO_LIBRARY", "'toybox' is not of type Library. Fix its package."),
        ("MISSING", "has no attribute 'MISSING'. Fix or uninstall its package."),
    ],
)
def test_the_error_for_an_invalid_plugin_names_its_entry_point_in_one_line(
    plugins_of, constant, message
):
    plugins_of(constant)
    with pytest.raises(PluginError) as caught:
        libraries()
    assert str(caught.value).endswith(message)
    assert MODULE in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("constant", "name", "message"),
    [
        ("NEEDY", "wooden:small", "No module named 'toys_of_wood'. Run: pip install toys-of-wood"),
        ("ABSENT_MINDED", "absent:small", "None: not a Network. Correct the library's package."),
        (
            "CARELESS",
            "careless:small",
            "key 'small' does not match spec 'small'. Correct",
        ),
    ],
)
def test_the_error_for_a_library_without_networks_names_the_spec_in_one_line(
    plugins_of, constant, name, message
):
    plugins_of(constant)
    with pytest.raises(registry.RegistryError) as caught:
        model_list.resolve(name, source="params.yaml: models")
    assert str(caught.value).startswith(f"params.yaml: models: {name!r}: ")
    assert message in str(caught.value)


def test_a_prefix_cannot_contain_a_separator():
    with pytest.raises(ValueError, match="'toy-box': not a valid name"):
        Library(name="toy-box", find=find)


def test_a_versioned_librarys_version_is_part_of_its_networks_definitions(plugins_of, monkeypatch):
    toy = toys.entry("small")
    (network,) = LIBRARY.find("small", "test")
    assert network.definition() == toy.definition()
    for versioned in (False, True):
        library = Library(name="toybox", find=find, package="helpers.toys", versioned=versioned)
        monkeypatch.setattr(registry, "libraries", lambda one=library: {"toybox": one})
        monkeypatch.setattr(registry.importlib.metadata, "version", lambda package: "9.8.7")
        assert ("9.8.7" in network.definition()) is versioned
