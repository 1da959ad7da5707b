"""A limit declared by an entry point in this file is used like any other."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import entry_points, studies

from dnnbench.core.errors import UserError
from dnnbench.core.plugins import PluginError
from dnnbench.queries import bounds
from dnnbench.queries.best_fit import pick
from dnnbench.queries.limits import Limit, Slider
from dnnbench.report import explorer_data, page

GROUP = "dnnbench.limits"
DEVICE = "cpu"
MINE = Limit(
    name="max_energy_mj",
    option="--max-energy",
    minimum=False,
    word="energy",
    label="Max. energy",
    title="Energy",
    unit="mJ",
    help="Maximum energy per image, in mJ.",
    column="energy_mj",
    number=lambda row, _: None if row.energy_mj is None else bounds.exact(row.energy_mj),
    slider=Slider(),
    axis="Energy (mJ)",
)
TWIN = Limit(**vars(MINE) | {"name": "min_fps"})


@pytest.fixture
def installed(tmp_path):
    """Return a function that installs the limit of that name in this file."""
    with entry_points.installed(tmp_path):

        def install(constant):
            entry_points.write(tmp_path, GROUP, __file__, constant)
            entry_points.forget()

        yield install


def measured():
    """Return the study with 1 mJ per ms for the networks on the CPU, except AlexNet."""
    rows, models = studies.tables()
    known = [
        row.model_copy(update={"energy_mj": row.latency_ms})
        if row.device == DEVICE and row.model != "alexnet"
        else row
        for row in rows
    ]
    return known, models


def dnnbench(*words, folder):
    return subprocess.run(
        [sys.executable, "-c", "from dnnbench.cli.app import app; app()", *words],
        env=entry_points.environment(folder) | {"COLUMNS": "200"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_pick_has_an_option_for_a_made_up_limit_and_filters_by_it(tmp_path: Path) -> None:
    entry_points.write(tmp_path, GROUP, __file__, "MINE")
    rows, models = measured()
    studies.write(tmp_path / "results", rows, models)
    help_text = dnnbench("pick", "--help", folder=tmp_path).stdout
    assert "--max-energy" in help_text and "Maximum energy per image, in mJ." in help_text
    listed = dnnbench("pick", "--max-energy", "60", "--csv", folder=tmp_path)
    assert listed.returncode == 0, listed.stderr
    entries = list(csv.DictReader(io.StringIO(listed.stdout)))
    assert entries and all(float(entry["energy_mj"]) <= 60 for entry in entries)
    assert all(entry["energy_mj"] == entry["latency_ms"] for entry in entries)
    said = dnnbench("pick", "--max-energy", "0.001", folder=tmp_path)
    assert said.returncode == 3
    assert "cpu, batch size 1: at most 0.001 mJ." in said.stdout
    assert "--max-energy " in said.stdout.split("Nearest misses")[1]
    assert "AlexNet (energy unknown)" in said.stdout


def test_pick_applies_a_made_up_limit_to_its_number(installed) -> None:
    installed("MINE")
    rows, models = measured()
    by_key = {model.model: model for model in models}
    everything = pick(rows, by_key, DEVICE, {}, top=99)
    answer = pick(rows, by_key, DEVICE, {"max_energy_mj": 60}, top=99)
    within = [one.model for one in everything.entries if (one.energy_mj or 99) <= 60]
    assert [entry.model for entry in answer.entries] == within
    assert 0 < len(within) < len(everything.entries)
    assert json.loads(answer.model_dump_json())["entries"][0]["energy_mj"] > 0
    assert {one.model: one.reason for one in answer.left_out}["alexnet"] == "energy unknown"


def test_the_explorer_has_a_control_a_column_and_an_axis_for_a_made_up_limit(installed) -> None:
    installed("MINE")
    shown = studies.results(*measured())
    data = explorer_data.data(shown)
    (control,) = [one for one in data["limits"] if one["name"] == "max_energy_mj"]
    assert (control["unit"], control["minimum"]) == ("mJ", False)
    view = data["devices"][0]["views"][1]
    networks = {network["model"]: network for network in view["networks"]}
    number = networks["vgg16"]["bounds"]["max_energy_mj"][0]
    assert control["stops"][0] <= number <= control["stops"][-1]
    assert networks["vgg16"]["shown"]["energy_mj"][0].endswith(" mJ")
    assert networks["alexnet"]["unknown"] == {"max_energy_mj": "energy unknown"}
    titles = {fact["key"]: fact["title"] for fact in data["facts"]}
    assert titles["energy_mj"] == "Energy"
    assert [axis["label"] for axis in data["axes"]][-1] == "Energy (mJ)"
    assert data["recorded"][-1] == "energy_mj"
    assert networks["vgg16"]["record"][-1] == number
    html = page.render(shown, [], [])
    assert '<input type="range" id="max_energy_mj"' in html
    assert '<option value="max_energy_mj">Energy (mJ)</option>' in html


def test_two_limits_of_one_name_are_an_error_of_one_line(installed) -> None:
    installed("TWIN")
    with pytest.raises(
        PluginError, match=r"'min_fps': this name is also used by dnnbench\. Rename one"
    ):
        pick([], {}, DEVICE, {})


def test_an_unknown_limit_is_an_error() -> None:
    with pytest.raises(UserError, match=r"max_price: unknown limit\. Use one of max_memory_gib,"):
        pick([], {}, DEVICE, {"max_price": 3.0})
