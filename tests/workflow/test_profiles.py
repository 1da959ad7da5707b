"""Devices that this machine need not have: profiles, environments, and device files."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions

import pytest
import yaml
from helpers import boards, forks, gpu
from helpers.gpu import COMPILER, STANDIN
from helpers.projects import ROOT, edit, environment, jobs, project, snakemake
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from dnnbench.config import loading
from dnnbench.core.storage import read_rows
from dnnbench.devices.tegra import Board
from dnnbench.machines import device_template
from dnnbench.records.study_records import StudyRow

GPUS = ("titanx", "jetson", "cuda")
NO_DEVICE = {
    "titanx": "preflight.py: no CUDA device: ",
    "cuda": "preflight.py: no CUDA device: ",
    "jetson": "preflight.py: backend: jetson: this machine is not a Jetson",
}
ENVIRONMENTS = sorted((ROOT / "workflow/envs").glob("*.yaml"))


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """Return a copy of the project in which any NVIDIA driver is hidden."""
    folder = project(tmp_path_factory.mktemp("clone"))
    (folder / "no-driver").mkdir()
    (folder / "no-driver/libnvidia-ml.so.1").touch()
    return folder


def run(folder, *words, **variables):
    """Run a command without NVIDIA's driver; return its exit code and output."""
    known = environment(folder) | {"LD_LIBRARY_PATH": str(folder / "no-driver")}
    if words[0] in ("snakemake", "dnnbench") and not variables:
        return forks.run(words, folder, known)
    done = subprocess.run(
        words,
        cwd=folder,
        env=known | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("profile", GPUS)
def test_a_profile_plans_the_study_on_a_machine_without_its_device(clone, profile):
    code, said = run(clone, "snakemake", "--profile", profile, "-n")
    assert code == 0, said
    assert re.search(r"time_round +2\n", said)
    assert f"results/{profile}/fp32-eager/latency" in said


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "config/devices/cpu.yaml",
            b"device: cpu # caf\xe9\n",
            ":1: byte 0xe9 in column 18",
        ),
        (
            "config/devices/cpu.yaml",
            "device: cpu\n".encode("utf-16"),
            ": encoded in UTF-16, not UTF-8",
        ),
        ("params.yaml", b"", ": empty. Write `key: value` lines"),
        (
            "params.yaml",
            b"latency:\n\trounds: 1\n",
            r":2: '\trounds: 1': contains a tab. Indent with spaces",
        ),
        (
            "params.yaml",
            b"devices: [a]\ndevices: []\n",
            ":2: devices: given twice, first",
        ),
        ("config/models.yaml", b"alexnet: {year: 010}\n", ":1: alexnet.year: 010: not a plain"),
        (
            "cpu",
            b"configfile: cpu\ncores: 1\ncores: all\n",
            ":3: cores: given twice, first",
        ),
    ],
)
def test_a_file_that_readers_may_interpret_differently_is_one_line(clone, name, content, said):
    before = (clone / name).read_bytes()
    (clone / name).write_bytes(content)
    code, out = run(clone, "snakemake", "--profile", "cpu", "-n")
    (clone / name).write_bytes(before)
    assert code == 1
    assert out.splitlines()[-1].startswith(f"{name}{said}")
    assert "Traceback" not in out and "Snakefile" not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-d", "workflow"], "workflow: not the folder of the study. Run: cd "),
        (["--config", "threads=010"], "--config: threads: 010: not a plain decimal number"),
        (["--config", "threads=yes"], "--config: threads: yes: ambiguous: some YAML readers"),
        (["--replace-workflow-config"], "--replace-workflow-config: params.yaml is always read"),
    ],
)
def test_an_implausible_option_is_one_line(clone, words, said):
    code, out = run(clone, "snakemake", "--profile", "cpu", "-n", *words)
    assert code == 1
    assert said in out.splitlines()[-1]
    assert "Traceback" not in out


def test_a_study_in_a_folder_with_braces_is_one_line(tmp_path):
    folder = tmp_path / "my {study}"
    folder.mkdir()
    code, out = run(project(folder), "snakemake", "--profile", "cpu", "-n")
    assert code == 1
    assert out.splitlines()[-1].endswith("treats braces in a path as wildcards. Rename it.")


@pytest.mark.skipif(Board().model() is not None, reason="is a Jetson")
@pytest.mark.parametrize("profile", GPUS)
def test_a_missing_device_is_one_line_before_any_job_starts(clone, profile):
    code, said = run(clone, "snakemake", "--profile", profile)
    assert code == 1, said
    (line,) = [line for line in said.splitlines() if line.startswith("preflight.py")]
    assert line.startswith(NO_DEVICE[profile])
    assert said.rstrip().endswith(line)
    assert "Traceback" not in said
    assert not {"results", "logs"} & {path.name for path in clone.iterdir()}
    assert not list(clone.glob(".snakemake/locks/*"))


@pytest.mark.parametrize(
    "words",
    [
        ("--unlock",),
        ("--touch",),
        # Only the cluster's nodes need the device.
        ("--profile", "slurm", "-n"),
    ],
)
def test_commands_that_measure_nothing_need_no_device(clone, words):
    code, said = run(clone, "snakemake", "--profile", "titanx", *words)
    assert code == 0, said
    assert "CUDA" not in said


@pytest.mark.slow  # tests/stages/test_run_start.py tests the decision.
def test_stages_that_only_use_the_cpu_need_no_gpu(tmp_path, clone):
    shutil.copytree(clone, tmp_path / "study", symlinks=True)
    code, said = run(tmp_path / "study", "snakemake", "--profile", "titanx", "--", "complexity")
    assert code == 0, said
    assert (tmp_path / "study/results/complexity.csv").exists()


@pytest.mark.slow  # tests/stages/test_run_start.py tests the decision.
def test_a_finished_study_needs_no_device(tmp_path, clone):
    folder = tmp_path / "study"
    shutil.copytree(clone, folder, symlinks=True)
    shutil.rmtree(folder / ".snakemake", ignore_errors=True)
    words = ("snakemake", "--profile", "titanx")
    _, summary = run(folder, *words, "--summary")
    for line in summary.splitlines():
        name = line.partition("\t")[0]
        if name.startswith(("results/", "reports/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
    code, said = run(folder, *words, "--touch", "--forceall")
    assert code == 0, said
    code, said = run(folder, *words)
    assert code == 0, said
    assert "Nothing to be done" in said
    # A missing file requires the device again.
    (folder / "results/titanx/environment.json").unlink()
    assert run(folder, *words)[0] == 1


@pytest.mark.slow
def test_a_missing_device_is_reported_through_dvc_too(tmp_path, clone):
    folder = tmp_path / "study"
    shutil.copytree(clone, folder, symlinks=True)
    edit(folder / "params.yaml", {"profile": "titanx"})
    assert run(folder, "dvc", "init", "--no-scm")[0] == 0
    code, said = run(folder, "dvc", "repro", "--single-item", "memory")
    assert code != 0
    assert said.count(NO_DEVICE["titanx"]) == 1
    assert not (folder / "results/titanx").exists()


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["titanx", "cpu"])
def test_on_slurm_a_job_requests_a_gpu_only_if_it_uses_one(tmp_path, clone, profile):
    folder = tmp_path / "study"
    shutil.copytree(clone, folder, symlinks=True)
    programs = tmp_path / "programs"
    programs.mkdir()
    answers = {"sacctmgr": "us", "sinfo": "us", "squeue": "", "scontrol": "", "sacct": ""}
    for name, answer in answers.items():
        (programs / name).write_text(f"#!/bin/sh\necho {answer}\n")
    # It records each request and refuses the job.
    (programs / "sbatch").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexit 1\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    resources = ("slurm_partition=us", "slurm_account=us", "runtime=60")
    code, said = run(
        folder,
        *("snakemake", "--profile", profile, "--profile", "slurm", "--config", "threads=2"),
        *("--default-resources", *resources, "--slurm-init-seconds-before-status-checks", "1"),
        *("--", f"results/{profile}/environment.json", "complexity", "weights"),
        PATH=os.pathsep.join([str(programs), environment(folder)["PATH"]]),
    )
    assert code == 1, said
    asked = (tmp_path / "asked").read_text().splitlines()
    by_rule = {
        re.search(r"--comment rule_(\w+?)(_wildcards\w+)? ", line)[1]: line for line in asked
    }
    assert by_rule.keys() >= {"environment", "complexity"}
    for rule, line in by_rule.items():
        drives = profile == "titanx" and rule == "environment"
        assert ("--gpus=1" in line) == drives, rule


def brings(names):
    """Return distributions and their dependencies, as far as they are installed here."""
    found, queue = set(), [canonicalize_name(name) for name in names]
    while queue:
        name = queue.pop()
        if name in found:
            continue
        found.add(name)
        with contextlib.suppress(PackageNotFoundError):
            wanted = map(Requirement, distribution(name).requires or ())
            queue += [
                canonicalize_name(r.name)
                for r in wanted
                if not r.marker or r.marker.evaluate({"extra": ""})
            ]
    return found


def installed(file):
    """Return an environment's conda packages, pip requirements, and pip options."""
    entries = yaml.safe_load(file.read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    conda = [entry.split()[0] for entry in entries if isinstance(entry, str)]
    wanted = [Requirement(entry) for entry in pip if not entry.startswith("--")]
    return conda, wanted, [entry for entry in pip if entry.startswith("--")]


def requirements(file):
    return [Requirement(line) for line in file.read_text().splitlines() if re.match("[a-z]", line)]


LOCK = requirements(ROOT / "requirements.lock")


@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda file: file.stem)
def test_an_environment_installs_the_versions_in_the_lock_file(file):
    _, wanted, options = installed(file)
    (constraint,) = [entry.split()[1] for entry in options if entry.startswith("--constraint")]
    constrained = {r.name for r in requirements(file.parent / constraint)}
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        if requirement.specifier:
            # Another build of a locked version; the lock has the public version.
            (pin,) = requirement.specifier
            assert any(r.specifier.contains(Version(pin.version)) for r in LOCK if r.name == name)
            assert name not in constrained
        else:
            assert name in constrained


# Import scripts while some packages are hidden.
IMPORTING = """
import runpy, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"no module {name}: not in the environment")

absent = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Absent())
for script in sys.argv[2:]:
    runpy.run_path(script)
"""


# device-cu126 has the same packages as device, in other builds.
@pytest.mark.parametrize(
    "file",
    [
        pytest.param(file, marks=pytest.mark.slow) if file.stem == "device-cu126" else file
        for file in ENVIRONMENTS
    ],
    ids=lambda file: file.stem,
)
def test_an_environment_has_all_packages_that_its_stages_import(file):
    conda, wanted, _ = installed(file)
    there = brings([requirement.name for requirement in wanted] + conda)
    absent = {
        module
        for module, owners in packages_distributions().items()
        if not {canonicalize_name(owner) for owner in owners} & (there | {"dnnbench"})
        and not (module == "torch" and "pytorch" in conda)
    }
    assert "snakemake" in absent
    with_tables = {"aggregate", "findings", "report"}
    scripts = {path.stem: path for path in (ROOT / "workflow/scripts").glob("*.py")}
    own = with_tables if file.stem == "report" else scripts.keys() - with_tables
    words = [",".join(sorted(absent)), *(str(scripts[stem]) for stem in sorted(own))]
    code, said = imported(*words)
    assert code == 0, said


@cache
def imported(*words):
    """Import scripts without some packages; cached, since two environments lack the same ones."""
    return run(ROOT, sys.executable, "-c", IMPORTING, *words)


def test_the_lock_without_cuda_is_the_lock_without_torch_and_its_dependencies():
    kept = (ROOT / "workflow/envs/without-cuda.txt").read_text().splitlines()
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    whole = [line for line in lines if re.match("[a-z]", line)]
    dropped = {Requirement(line).name for line in set(whole) - set(kept)}
    assert [line for line in whole if line in kept] == kept
    assert {"torch", "torchvision", "triton", "cuda-toolkit"} < dropped
    assert all(re.match("torch|triton|cuda-|nvidia-(?!ml-py)", name) for name in dropped)
    assert not any(Requirement(line).name.startswith(("torch", "nvidia-c")) for line in kept)


def test_a_device_names_an_existing_environment():
    for file in (ROOT / "config/devices").glob("*.yaml"):
        settings = loading.load(ROOT / "params.yaml", file)
        assert (ROOT / f"workflow/envs/{settings.conda}.yaml").exists()


@pytest.mark.slow  # A whole study, up to its tables.
def test_a_device_needs_only_one_file(tmp_path):
    folder = project(tmp_path)
    edit(folder / "params.yaml", {"models": ["squeezenet1_1"]})
    text = (folder / "config/devices/cpu.yaml").read_text()
    (folder / "config/devices/xeon.yaml").write_text(text.replace("device: cpu", "device: xeon"))
    words = ("--configfile", "config/devices/xeon.yaml")
    snakemake(folder, *words, "--", "aggregate")
    assert jobs(folder, *words, "--", "aggregate") == {}
    rows = read_rows(folder / "results/study.csv", StudyRow)
    assert {(r.device, r.status) for r in rows if r.source == "measured"} == {("xeon", "ok")}
    assert not (folder / "results/cpu").exists()


@pytest.mark.parametrize("target", ["study", "restore"])
def test_make_accepts_a_profile(target):
    words = ("make", "--dry-run", "--assume-old", "env", "--directory", ROOT, target)
    for more, profile in (("PROFILE=titanx", "titanx"), ("PYTHON=python3", "cpu")):
        done = subprocess.run([*words, more], capture_output=True, text=True, check=True)
        assert f"snakemake --profile {profile} " in done.stdout


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
        ("NVIDIA GeForce RTX 2070 SUPER", "rtx-2070-super"),
        ("NVIDIA TITAN X (Pascal)", "titan-x-pascal"),
        ("Tesla V100-SXM2-16GB", "tesla-v100-sxm2-16gb"),
        ("NVIDIA H100 80GB HBM3", "h100-80gb-hbm3"),
        ("NVIDIA Jetson AGX Orin Developer Kit", "jetson-agx-orin"),
        (
            "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
            "jetson-orin-nano",
        ),
        ("Intel(R) Core(TM) i7-7700 CPU @ 3.60GHz", "core-i7-7700"),
        ("13th Gen Intel(R) Core(TM) i9-13900K", "core-i9-13900k"),
        ("AMD EPYC 7B13 64-Core Processor", "epyc-7b13"),
        ("AMD Ryzen 7 5700G with Radeon Graphics", "ryzen-7-5700g"),
        ("NVIDIA RTX A4000 - Laptop / ..X", "rtx-a4000-laptop-x"),
        ("Q" * 300, "q" * 40),
    ],
)
def test_a_device_is_named_by_its_model(model, name):
    assert device_template.name_of(model) == name


def test_a_device_without_a_model_name_is_named_by_its_architecture(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert device_template.name_of("ARM Processor") == "aarch64"


@pytest.fixture
def study(clone, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(clone, folder, symlinks=True)
    return folder


@pytest.mark.slow  # The tests below write device files too.
@pytest.mark.skipif(Board().model() is not None, reason="is a Jetson")
def test_a_device_file_is_written_for_this_cpu_and_runs(study):
    before = set(study.rglob("[!.]*"))
    code, said = run(study, "dnnbench", "device-file")
    assert code == 0, said
    *paths, last = said.splitlines()
    name = last.split()[-1]
    written = study / f"config/devices/{name}.yaml"
    assert paths == [
        f"config/devices/{name}.yaml",
        name,
    ]
    settings = loading.load(study / "params.yaml", written)
    assert (settings.device, settings.backend) == (name, "cpu")
    assert settings.threads >= 1  # An explicit number, so that it is valid on a cluster too.
    profiles = [yaml.safe_load((study / profile).read_text()) for profile in (name, "cpu")]
    assert profiles[0] == profiles[1] | {"configfile": name}
    code, said = run(study, *last.partition("Next: ")[2].split(), "-n")
    assert code == 0, said
    assert f"results/{name}/fp32-eager/latency" in said
    # A cluster needs nothing more.
    assert run(study, "snakemake", "--profile", name, "--profile", "slurm", "-n")[0] == 0

    kept = written.read_bytes()
    code, said = run(study, "dnnbench", "device-file")
    assert code == 1
    assert f"config/devices/{name}.yaml: already exists" in said
    assert written.read_bytes() == kept
    made = {str(path.relative_to(study)) for path in set(study.rglob("[!.]*")) - before}
    made = {name for name in made if not name.startswith(".") and "__pycache__" not in name}
    assert made == {*paths} & made


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("config/devices/titanx.yaml", "config/devices/titanx.yaml: already exists"),
        ("config/devices/docs.yaml", "docs: already exists"),
        ("lab.yaml", "--output: lab.yaml: expected config/devices/NAME.yaml"),
        ("config/devices/Lab.yaml", "--output: config/devices/Lab.yaml: 'Lab': should be at most"),
        ("config/devices/accuracy.yaml", "'accuracy': should be another name"),
    ],
)
def test_an_invalid_device_file_is_one_line_and_nothing_is_written(study, output, said):
    (study / "docs").mkdir()
    before = {path: path.read_bytes() for path in (study / "config").rglob("*.yaml")}
    code, out = run(study, "dnnbench", "device-file", "--output", output)
    assert code == 1
    assert said in out
    assert len(out.splitlines()) == 1
    assert {path: path.read_bytes() for path in (study / "config").rglob("*.yaml")} == before
    assert not any((study / name).is_file() for name in ("docs", "lab", "Lab"))


def test_a_board_is_found_by_its_device_tree(tmp_path, study, monkeypatch):
    monkeypatch.chdir(study)
    found = device_template.find(root=boards.orin_nano(tmp_path / "board"))
    assert (found.model, found.kind) == ("NVIDIA Jetson Orin Nano Developer Kit", "jetson")
    name = device_template.name_of(found.model)
    device_template.write(found, device_template.FOLDER / f"{name}.yaml")
    written = loading.load("params.yaml", f"config/devices/{name}.yaml")
    tracked = loading.load("params.yaml", "config/devices/jetson.yaml")
    assert written == tracked.model_copy(update={"device": "jetson-orin-nano"})
    assert run(study, "snakemake", "--profile", name, "-n")[0] == 0


@pytest.mark.skipif(COMPILER is None, reason="no C compiler for the simulated NVML")
@pytest.mark.skipif(Board().model() is not None, reason="is a Jetson")
class TestCards:
    @pytest.fixture
    def driver(self, study):
        """Return a function that runs device-file with the simulated NVML and a scenario."""
        library = study / "no-driver/libnvidia-ml.so.1"
        subprocess.run([COMPILER, "-shared", "-fPIC", STANDIN, "-o", library], check=True)

        def says(*words, **changes):
            scenario = {k: v for k, v in (gpu.SCENARIO | changes).items() if v is not None}
            gpu.write(scenario, study / "scenario")
            variables = {"NVML_SCENARIO": str(study / "scenario")}
            return run(study, "dnnbench", "device-file", *words, **variables)

        return says

    def settings(self, study, name):
        return loading.load(study / "params.yaml", study / f"config/devices/{name}.yaml")

    def test_the_only_card_needs_no_choice(self, study, driver):
        code, said = driver(**{"cards": "1", "0.name": "NVIDIA GeForce RTX 4090"})
        assert code == 0, said
        found = self.settings(study, "rtx-4090")
        assert (found.backend, found.gpu.select, found.conda) == ("cuda", "0", "device")
        assert found.batch_sizes == [1, 2, 4, 8, 16, 32, 64]
        assert run(study, "snakemake", "--profile", "rtx-4090", "-n")[0] == 0

    def test_a_card_older_than_turing_gets_the_environment_with_its_kernels(self, study, driver):
        code, said = driver(**{"cards": "1", "0.name": "NVIDIA TITAN Xp", "0.capability": "61"})
        assert code == 0, said
        assert self.settings(study, "titan-xp").conda == "device-cu126"

    def test_with_several_cards_the_choice_is_stored_by_uuid(self, study, driver):
        code, said = driver()
        assert code == 1
        assert f"--select: missing. Choose one of 0 (Slow GPU, {gpu.FIRST}), 1 (Fast GPU" in said
        assert driver("--select", "2")[0] == 1
        for wanted, name, uuid in (
            ("1", "fast-gpu", gpu.SECOND),
            (gpu.FIRST, "slow-gpu", gpu.FIRST),
        ):
            code, said = driver("--select", wanted)
            assert code == 0, said
            assert self.settings(study, name).gpu.select == uuid


def test_preflight_of_a_cpu_prints_nothing(study):
    assert run(study, sys.executable, "-m", "dnnbench.stages.preflight", "--profile", "cpu") == (
        0,
        "",
    )


@pytest.mark.parametrize("profile", GPUS)
def test_a_gpu_is_timed_over_more_passes_than_a_cpu_as_its_file_states(profile):
    ours = loading.load(ROOT / "params.yaml", ROOT / f"config/devices/{profile}.yaml")
    cpu = loading.load(ROOT / "params.yaml", ROOT / "config/devices/cpu.yaml")
    assert ours.latency.passes.samples > cpu.latency.passes.samples
    assert (
        ours.latency.rounds == cpu.latency.rounds
    )  # Keys that are not in the file keep their values.
    written = yaml.safe_load((ROOT / f"config/devices/{profile}.yaml").read_text())["gpu"]
    assert written.items() <= json.loads(ours.gpu.model_dump_json()).items()
    assert (ours.threads is None) == (profile == "jetson")
