"""A made-up backend, engine, library, and limit in one small study."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers import entry_points, projects, toys
from helpers.paths import ROOT

from dnnbench.cli import write_schemas
from dnnbench.config import loading, variants
from dnnbench.config.backend import Backend
from dnnbench.config.engine import Engine
from dnnbench.config.library import Library
from dnnbench.core.errors import UserError
from dnnbench.core.storage import read_json, read_lines, read_rows
from dnnbench.devices.cpu import Cpu
from dnnbench.engines import casting
from dnnbench.machines.checks import all_checks, host_checks
from dnnbench.measure import fingerprint, latency
from dnnbench.networks.registry import WeightsSource
from dnnbench.queries import bounds
from dnnbench.queries.limits import Limit
from dnnbench.records.environment_records import Environment
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryRecord
from dnnbench.records.study_records import StudyRow


class Abacus(Cpu):
    """A device that runs on the CPU under another name."""

    name = "abacus"
    lock_name = "abacus"

    def describe(self):
        return super().describe() | {"cpu": "Wooden frame"}


def count(variant, model, images, on):
    """Run the network with torch."""
    return casting.in_torch(variant, model, model, on)


BACKEND = Backend(name="abacus", make=lambda gpu: Abacus())
ENGINE = Engine(
    name="beads",
    prepare=count,
    packages=("wooden_beads",),
    backends=("abacus",),
    precisions=("fp32",),
    channels_last=False,
)
# For the study, since the package of the other engine does not exist.
READY = Engine(name="ready", prepare=count, backends=("abacus",))


def find(name, source):
    """Return networks of the made-up library: the toys, with an invented accuracy."""
    file = {"url": "https://toybox.example/none.pth", "filename": "none.pth", "hash": None}
    top1 = WeightsSource(tier="C", library="toybox", top1=70, **file)
    key = {"key": f"toybox-{name}", "spec": f"toybox:{name}"}
    return [toys.entry(name).model_copy(update={**key, "weights": (top1,)})]


LIBRARY = Library(name="toybox", find=find)
LIMIT = Limit(
    name="max_weights_mib",
    option="--max-weights",
    minimum=False,
    word="weights",
    label="Max. weights",
    title="Weights",
    unit="MiB",
    help="Maximum size of the weights, in MiB.",
    column="weights_mib",
    number=lambda row, _: None if row.weights_mib is None else bounds.exact(row.weights_mib),
)
NO_FIT = 3  # Exit code of `dnnbench pick`.
DEVICE = {
    "device": "frame",
    "backend": "abacus",
    "batch_sizes": [1],
    "threads": 1,
    "variants": ["fp32-ready"],
}


@pytest.fixture
def plugins(tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    entry_points.write(folder, "dnnbench.devices", __file__, "BACKEND")
    entry_points.write(folder, "dnnbench.engines", __file__, "ENGINE", "READY")
    entry_points.write(folder, "dnnbench.networks.libraries", __file__, "LIBRARY")
    entry_points.write(folder, "dnnbench.limits", __file__, "LIMIT")
    return folder


@pytest.fixture
def installed(plugins):
    with entry_points.installed(plugins):
        variants._combinations.cache_clear()
        yield
    variants._combinations.cache_clear()


@pytest.fixture
def study(tmp_path):
    """Return a project with one network of the made-up library on the made-up device."""
    folder = tmp_path / "study"
    folder.mkdir()
    projects.project(folder)
    projects.edit(folder / "params.yaml", {"models": ["toybox:small"], "latency": {"rounds": 1}})
    (folder / "config/devices/frame.yaml").write_text(yaml.safe_dump(DEVICE))
    return folder


def run(folder, plugins, *words):
    places = (folder / "src", plugins, ROOT / "tests")
    done = subprocess.run(
        words,
        cwd=folder,
        env=projects.environment(folder) | {"PYTHONPATH": os.pathsep.join(map(str, places))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode in (0, NO_FIT), done.stdout
    return done.stdout


@pytest.mark.slow  # A whole study; the tests below cover one part each.
@pytest.mark.timeout(1800)
def test_a_study_runs_with_a_made_up_backend_engine_library_and_limit(study, plugins):
    device = ("--profile", "cpu", "--configfile", "config/devices/frame.yaml")
    targets = ("results/study.csv", "results/frame/environment.json")
    run(study, plugins, "snakemake", *device, "--", *targets)
    results = study / "results"
    environment = read_json(results / "frame/environment.json", Environment)
    assert (environment.backend, environment.cpu) == ("abacus", "Wooden frame")
    (cell,) = read_json(results / "frame/fp32-ready/memory/toybox-small.json", MemoryRecord).cells
    assert (cell.status, cell.message) == ("ok", None)
    lines = read_lines(results / "frame/fp32-ready/latency/round-1.jsonl", LatencyLine)
    assert {(line.status, line.message) for line in lines} == {("ok", None)}
    (row,) = [row for row in read_rows(results / "study.csv", StudyRow) if row.device == "frame"]
    assert (row.model, row.status, row.memory_status) == ("toybox-small", "ok", "ok")

    def picked(mib):
        pick = ("dnnbench", "pick", "--device", "frame", "--variant", "fp32-ready", "--json")
        answer = json.loads(run(study, plugins, *pick, "--max-weights", str(mib)))
        return [entry["model"] for entry in answer["entries"]]

    assert picked(2 * row.weights_mib) == ["toybox-small"]
    assert picked(row.weights_mib / 2) == []


def test_only_a_plugins_own_numbers_depend_on_its_module(installed):
    own = Path(__file__).resolve()
    measuring = Path(latency.__file__)
    assert own in fingerprint.measuring_code(measuring, "abacus", "eager")
    assert own in fingerprint.measuring_code(measuring, "cpu", "ready")
    assert own not in fingerprint.measuring_code(measuring, "cpu", "eager")


def test_texts_that_list_backends_and_engines_list_made_up_ones(installed):
    schema = write_schemas.SCHEMAS["params.schema.yaml"]()["properties"]
    assert "abacus" in schema["backend"]["enum"]
    assert "|beads|" in schema["variants"]["anyOf"][0]["items"]["pattern"]
    with pytest.raises(
        UserError, match=r"precisions: fp32, .*; engines: compile, .*, beads, ready;"
    ):
        variants.parse("nonsense")


@pytest.mark.parametrize(
    ("name", "backend", "said"),
    [
        ("fp32-beads", "cpu", "beads does not run on backend cpu. Write compile or eager"),
        ("tf32-eager", "abacus", "backend abacus does not support TF32"),
        ("bf16-beads", "abacus", "beads supports only fp32. Write fp32-beads, or choose compile"),
        (
            "fp32-beads-channels_last",
            "abacus",
            "beads chooses the memory layout itself. Write fp32-beads",
        ),
    ],
)
def test_an_unsupported_use_of_a_made_up_engine_is_one_line(installed, name, backend, said):
    with pytest.raises(UserError) as error:
        variants.check(name, backend)
    assert said in str(error.value)


def test_the_error_for_an_engines_missing_package_has_the_command_to_install_it(installed):
    with pytest.raises(
        UserError, match=r"wooden_beads is not installed\. Run: pip install wooden_beads"
    ):
        variants.require(["fp32-beads"])


def test_a_made_up_backend_without_a_gpu_refuses_gpu_settings(installed):
    settings = loading.check(DEVICE)
    assert settings.gpu is None
    with pytest.raises(UserError, match=r"backend abacus has no GPU\. Remove it"):
        loading.check({**DEVICE, "gpu": {"select": "0"}})


def test_a_made_up_backend_has_the_checks_of_its_host(installed):
    checks = all_checks.look(loading.check(DEVICE))
    assert len(checks) == len(host_checks.CHECKS)


def test_importing_the_settings_does_not_import_backends_engines_or_torch():
    code = (
        "import sys; from dnnbench.config import loading;"
        "print([name for name in sys.modules if name == 'torch'"
        " or name.startswith(('dnnbench.devices', 'dnnbench.engines'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
