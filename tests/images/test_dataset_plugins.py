"""A made-up data set: found through its entry point, and used like any other."""

import json
import subprocess
import sys

import pytest
from helpers import entry_points
from helpers.paths import ROOT

from dnnbench.cli import write_schemas
from dnnbench.config import dataset
from dnnbench.config.dataset import GROUP, Dataset
from dnnbench.config.dataset_settings import DatasetSettings
from dnnbench.core.plugins import PluginError


def labels(folder, root):
    return lambda picture: int(picture.stem.partition("_")[2]), "digits in names"


DATASET = Dataset(name="digits", description="made-up digits", labels=labels, places=("drawn",))
TWIN = Dataset(name="imagenet", description="another", labels=labels)


@pytest.fixture
def installed(tmp_path):
    """Return a function that installs a data set of this file by the name of its constant."""
    with entry_points.installed(tmp_path):

        def install(constant):
            entry_points.write(tmp_path, GROUP, __file__, constant)
            entry_points.forget()

        yield install


def test_a_made_up_data_set_is_listed_with_its_own_labels(installed, tmp_path):
    installed("DATASET")
    settings = DatasetSettings(name="digits", path=tmp_path)
    (tmp_path / "drawn").mkdir()
    (tmp_path / "drawn/digit_7.png").write_bytes(b"pixels")
    script = str(ROOT / "workflow/scripts/images.py")
    index = tmp_path / "index.json"
    done = subprocess.run(
        [
            *(sys.executable, script, "--output", index),
            *("--config", f"dataset={{name: {settings.name}, path: {settings.path}}}"),
        ],
        cwd=ROOT,
        env=entry_points.environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    listed = json.loads(index.read_text())
    assert [(file["name"], file["label"]) for file in listed["files"]] == [("digit_7.png", 7)]
    assert listed["labels"] == "digits in names"


def test_a_made_up_data_set_is_in_the_schema_and_must_be_named_a_folder(installed):
    installed("DATASET")
    section = write_schemas.SCHEMAS["params.schema.yaml"]()["$defs"]["DatasetSettings"]
    name = section["properties"]["name"]
    assert "digits" in name["anyOf"][0]["enum"]
    assert "digits: made-up digits." in name["description"]
    with pytest.raises(ValueError, match=r"digits cannot be downloaded\. Set path to its folder"):
        DatasetSettings(name="digits")


def test_two_data_sets_of_one_name_are_one_line(installed):
    installed("TWIN")
    with pytest.raises(
        PluginError,
        match=r"'imagenet': this name is also used by dnnbench\..*\. Rename",
    ):
        dataset.datasets()


def test_a_rule_depends_on_the_module_of_its_data_set_alone(monkeypatch):
    monkeypatch.chdir(ROOT)
    files = dataset.code("imagenette")
    assert "src/dnnbench/images/sets/imagenette.py" in files
    assert not any(file.endswith(("imagenet.py", "imagenetv2.py")) for file in files)


def test_an_unknown_data_set_is_one_line():
    with pytest.raises(
        dataset.UserError, match=r"'imagenete': unknown\. Did you mean 'imagenette'"
    ):
        dataset.named("imagenete")
