"""The workflow, run by the real Snakemake on a tiny study in a copy of the project."""

import csv
import json
import os
import shutil
import subprocess
import time

import pytest
import yaml
from helpers.projects import (
    PICTURES,
    PROFILES,
    ROOT,
    command,
    edit,
    fork,
    jobs,
    lines,
    picture,
    project,
    snakemake,
    stage,
)

from dnnbench.core.checksums import sha256
from dnnbench.core.storage import read_json, read_rows
from dnnbench.images import decoded_arrays
from dnnbench.records import published_study
from dnnbench.records.environment_records import Environment
from dnnbench.records.findings_records import Findings, ReplicationRow
from dnnbench.records.study_records import ModelRow, SelectionRow, StudyRow
from dnnbench.report.figures import figure_names


def test_the_study_ends_with_tables_figures_and_a_page(finished):
    rows = read_rows(finished / "results/study.csv", StudyRow)
    cells = [row for row in rows if row.device == "cpu"]
    assert [(row.model, row.batch_size) for row in cells] == [
        ("squeezenet1_1", 1),
        ("shufflenet", 1),
    ]
    for row in cells:
        assert (row.status, row.memory_status, row.source) == ("ok", "ok", "measured")
        assert row.latency_ms_low < row.latency_ms < row.latency_ms_high
        assert row.fps == pytest.approx(1000 / row.latency_ms)
        assert row.memory_mib > row.weights_mib
        assert row.accuracy_source.startswith("published:")
        assert row.protocol == "default"
    assert {row.device for row in rows} == {"cpu", "titanxp-2018", "jetsontx1-2018"}
    models = read_rows(finished / "results/models.csv", ModelRow)
    assert [row.params for row in models] == [1_235_496, 2_454_304]
    assert read_rows(finished / "results/selection.csv", SelectionRow)
    found = read_json(finished / "results/findings.json", Findings)
    assert {claim.verdict for claim in found.claims} > {"holds", "does not hold"}
    assert read_rows(finished / "results/replication.csv", ReplicationRow)
    described = read_json(finished / "results/cpu/environment.json", Environment)
    assert described.packages["torch"] != "not installed"
    assert (finished / "reports/index.html").stat().st_size > 100_000
    assert len(list((finished / "reports/figures").glob("*.svg"))) == 17
    assert len({line.session for line in lines(finished).values()}) == 1


def test_a_finished_study_has_nothing_to_do(finished):
    assert jobs(finished) == {}


def test_the_report_has_every_figure_and_table_with_its_caption(study):
    output = snakemake(study, "--report", "report.html")
    shown = figure_names.figure_names(["cpu", *published_study.DEVICES])
    assert {line.split()[1] for line in output.splitlines() if line.startswith("Adding ")} == {
        f"{name}.svg" for name in shown
    }
    report = " ".join((study / "report.html").read_text(encoding="utf-8").split())
    for kind in {name.partition("--")[0] for name in shown}:
        caption = (study / "workflow/report" / f"{kind}.rst").read_text().split()
        assert " ".join(caption[:8]) in report, kind
    for label in ("Figures", "Tables", "top1 vs fps", "Titan Xp, 2018"):
        assert f'"{label}"' in report, label


def test_targets_are_named_after_the_stages(finished):
    stages = yaml.safe_load((finished / "dvc.yaml").read_text())["stages"]
    assert len(stages) == 8
    # Weights are needed only for accuracy, which this study does not measure.
    assert jobs(finished, "--", "weights") == {"fetch_weights": 2, "weights": 1}
    # It needs no graphs either, and a target without files always runs.
    assert jobs(finished, "--", *stages.keys() - {"weights"}) == {"graphs": 1}


OWN = """
from torch import nn

DNNBENCH = {"input_size": 32, "classes": 10, "top1": 71.5, "accuracy_source": "own evaluation"}

def my_net():
    return nn.Sequential(nn.Conv2d(3, WIDTH, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), HEAD)
"""


@pytest.mark.slow
def test_networks_of_libraries_and_your_own_pass_through_every_stage(study):
    own = study / "nets.py"
    own.write_text(OWN.replace("WIDTH", "8").replace("HEAD", "nn.Linear(8, 10)"))
    names = ["squeezenet1_1", "timm:tinynet_e", "torchvision:mnasnet0_5", "mine:nets.py:my_net"]
    edit(study / "params.yaml", {"models": names})
    before = lines(study)
    snakemake(study)
    rows = read_rows(study / "results/models.csv", ModelRow)
    specs = [row.spec for row in rows]
    mine = f"mine-my_net-{sha256(own)[:8]}"
    keys = ["squeezenet1_1", "timm-tinynet_e.in1k", "torchvision-mnasnet0_5", mine]
    assert [row.model for row in rows] == keys
    assert specs == ["squeezenet1_1", "timm:tinynet_e.in1k", *names[2:]]
    sources = [row.top1_source for row in rows[1:]]
    assert sources == [None, "published:library", "stated:own evaluation"]
    cells = read_rows(study / "results/study.csv", StudyRow)
    measured = {row.model: row for row in cells if row.device == "cpu"}
    assert list(measured) == keys
    assert {row.status for row in measured.values()} == {"ok"}
    assert all(row.memory_mib is not None for row in measured.values())
    # Networks that the 2018 study did not include have no published row.
    assert {row.model for row in cells if row.source == "published"} == {"squeezenet1_1"}
    assert {cell for cell in lines(study) if cell in before} == before.keys()
    page = (study / "reports/index.html").read_text(encoding="utf-8")
    assert "tinynet_e.in1k" in page and "mnasnet0_5 (torchvision)" in page
    shown = command(study, "dnnbench", "show", names[3])
    assert shown.returncode == 0 and mine in shown.stdout, shown.stdout
    assert jobs(study) == {}

    own.write_text(OWN.replace("WIDTH", "9").replace("HEAD", "nn.Linear(9, 10)"))
    after = f"mine-my_net-{sha256(own)[:8]}"
    remembered = lines(study)
    snakemake(study, "--", "aggregate")
    assert {cell[2] for cell in lines(study).keys() - remembered.keys()} == {after}
    assert [row.model for row in read_rows(study / "results/models.csv", ModelRow)][3] == after


@pytest.mark.slow  # tests/networks/test_model_list.py resolves wildcards.
def test_wildcards_are_expanded_in_the_plan(study):
    edit(study / "params.yaml", {"models": ["timm:mobilenetv4_conv_*"]})
    planned = snakemake(study, "-n", "--", "memory")
    assert "timm-mobilenetv4_conv_small.e2400_r224_in1k.json" in planned
    assert "mobilenetv4_hybrid" not in planned
    assert "conv_*" not in planned


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("src/dnnbench/report/page.py", {"report": 1}),
        ("src/dnnbench/findings/step.py", {"findings": 1, "report": 1}),
        ("src/dnnbench/queries/selection.py", {"aggregate": 1, "findings": 1, "report": 1}),
        (
            "workflow/scripts/memory.py",
            {"profile_memory": 1, "time_round": 2, "aggregate": 1, "findings": 1, "report": 1},
        ),
        (
            "src/dnnbench/networks/architectures/shufflenet.py",
            {
                "complexity": 1,
                "profile_memory": 1,
                "time_round": 2,
                "aggregate": 1,
                "findings": 1,
                "report": 1,
            },
        ),
        ("src/dnnbench/networks/architectures/googlenet.py", {}),
    ],
)
def test_editing_a_file_runs_the_jobs_that_depend_on_it(study, file, rules):
    with (study / file).open("a") as opened:
        opened.write("\n# edited\n")
    assert jobs(study) == rules


def test_removed_results_of_a_device_are_measured_again(study):
    shutil.rmtree(study / "results/cpu")
    assert jobs(study) == {
        "environment": 1,
        "profile_memory": 1,
        "time_round": 2,
        "aggregate": 1,
        "findings": 1,
        "report": 1,
    }


def test_a_removed_record_is_measured_again(study):
    (study / "results/cpu/fp32-eager/memory/shufflenet.json").unlink()
    rules = {"profile_memory": 1, "time_round": 2, "aggregate": 1, "findings": 1, "report": 1}
    assert jobs(study) == rules


def test_editing_another_entry_of_the_registry_measures_nothing(study):
    registry = study / "config/models.yaml"
    registry.write_text(registry.read_text().replace("name: AlexNet", "name: Alexnet"))
    assert jobs(study) == {"aggregate": 1, "findings": 1, "report": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["models=[resnet19]"], ["params.yaml: models: 'resnet19'", "Did you mean 'resnet18'?"]),
        pytest.param(
            ["models=[timm:convnext_tony]"],
            ["params.yaml: models: 'timm:convnext_tony'", "Did you mean convnext_tiny or "],
            marks=pytest.mark.slow,  # tests/networks/test_model_list.py tests such names.
        ),
        (["devices=[xen]"], ["params.yaml: devices: 'xen'", "config/devices/xen.yaml: no such"]),
        (["devices=[titanxp-2018]"], ["params.yaml: devices: 'titanxp-2018'", "Remove it"]),
        (["latncy=1"], ["latncy: 1: unknown key", "Did you mean 'latency'?"]),
        (["batch_sizes=[-1]"], ["--config: batch_sizes.0: -1: ", "Batch sizes"]),
    ],
)
def test_a_mistake_is_one_line_before_anything_runs(finished, words, said):
    code, output = fork(finished, "snakemake", "--profile", "cpu", "-n", "--config", *words)
    assert code == 1
    (line,) = [text for text in output.splitlines() if said[0] in text]
    assert all(part in line for part in said)
    assert "Traceback" not in output


def test_a_missing_device_or_registry_is_one_line(study):
    for words in (["--profile", "slurm"], ["--cores", "1"]):
        code, output = fork(study, "snakemake", *words, "-n")
        assert code == 0, output
        assert "Nothing to be done" in output
        code, output = fork(study, "snakemake", *words, "-n", "--config", "profile=xeon")
        assert code == 1
        assert "config/devices/xeon.yaml" in output.splitlines()[-1]
    device = study / "config/devices/cpu.yaml"
    device.write_text(device.read_text().replace("device:", "# device:"))
    code, output = fork(study, "snakemake", "--profile", "cpu", "-n")
    assert code == 1
    assert "device: missing" in output
    edit(device, {"device": "cpu"})
    (study / "config/models.yaml").unlink()
    code, output = fork(study, "snakemake", "--profile", "cpu", "-n")
    assert code == 1
    assert "config/models.yaml: no such file" in output
    assert "Traceback" not in output


def test_the_summary_names_the_page_and_the_best_networks(finished):
    code, output = fork(finished, "dnnbench", "summary")
    assert code == 0, output
    assert output.strip().splitlines()[-1] == "Page: reports/index.html"
    with (finished / "results/selection.csv").open() as file:
        chosen = [r for r in csv.DictReader(file) if (r["device"], r["rank"]) == ("cpu", "1")]
    assert chosen
    assert output.count("GiB") == 1
    for row in chosen:
        assert f"{float(row['top1']):.2f}" in output


@pytest.mark.parametrize("script", sorted(p.stem for p in (ROOT / "workflow/scripts").glob("*.py")))
def test_every_script_has_a_help_text(script):
    code, output = stage(script, "--help")
    assert code == 0, output
    assert "Usage" in output
    assert "--output" in output or "--results" in output


def test_an_edit_is_detected_after_the_clock_was_set_back(study):
    tomorrow = time.time() + 86_400
    for folder in ("results", "reports"):
        for path in (study / folder).rglob("*"):
            os.utime(path, (tomorrow, tomorrow))
    with (study / "src/dnnbench/report/page.py").open("a") as opened:
        opened.write("\n# edited\n")
    refused = command(study, "snakemake", "--profile", "cpu", "-n")
    assert refused.returncode == 1
    assert refused.stdout.splitlines()[-1].startswith("results, reports: ")
    assert "files dated in the future: " in refused.stdout
    assert "If the clock was set back" in refused.stdout
    fixed = command(study, "dnnbench", "unlock")
    assert "files had modification times in the future" in fixed.stdout
    assert jobs(study) == {"report": 1}


def test_a_profile_is_a_regular_file_that_names_its_device():
    for name in PROFILES:
        # Git may check out a link as a text file, which Snakemake would read as the profile.
        assert not (ROOT / name).is_symlink()
        profile = yaml.safe_load((ROOT / name).read_text())
        assert profile["resources"] == ["device_slot=1"]
        if "executor" in profile:  # A cluster's profile must not override keys of a device's.
            assert not {"configfile", "config"} & profile.keys()
            continue
        assert profile["configfile"] == name
        device = yaml.safe_load((ROOT / f"config/devices/{name}.yaml").read_text())
        assert device["device"] == name  # dvc.yaml names results by the profile.
        assert device.keys() >= {"backend", "device", "threads"}  # Keys that dvc.yaml uses.


def test_the_project_has_no_links():
    listed = subprocess.run(
        ["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "\n100644 " in listed
    assert "\n120000 " not in listed


def test_a_round_waits_for_the_memory_records_which_state_costs(tmp_path):
    folder = project(tmp_path)
    assert jobs(folder, "--", "latency")["profile_memory"] == 1
    words = ("snakemake", "--profile", "cpu", "--d3dag", "--", "latency")
    graph = json.loads(fork(folder, *words, errors_too=False)[1])
    rule = {node["id"]: node["value"]["rule"] for node in graph["nodes"]}
    edges = [(rule[edge["u"]], rule[edge["v"]]) for edge in graph["edges"]]
    assert edges.count(("profile_memory", "time_round")) == 2


@pytest.mark.slow  # tests/images/test_decoded_arrays.py tests decoding.
def test_images_are_decoded_once_and_again_only_if_they_changed(tmp_path):
    folder = project(tmp_path)
    set_of_pictures = tmp_path / "of two words"
    for shade in (1, 2):
        picture(set_of_pictures / "n01440764" / f"{shade}.png", shade)
    edit(folder / "params.yaml", {"dataset": {"name": "folder", "path": str(set_of_pictures)}})
    snakemake(folder, "--", PICTURES)
    first = decoded_arrays.open_decoded(folder / PICTURES)
    assert first.names == ["n01440764/1.png", "n01440764/2.png"]
    assert [pixels[0, 0].tolist() for pixels in first.images] == [[1, 9, 9], [2, 9, 9]]
    assert jobs(folder, "--", PICTURES) == {}

    # Only the mtime changed, so the array is kept and the record is identical.
    record, (array,) = (folder / PICTURES).read_bytes(), (folder / PICTURES).parent.glob("*.npy")
    made = array.stat().st_mtime_ns
    (set_of_pictures / "n01440764/1.png").touch()
    assert "Decode the images of folder" in snakemake(folder, "--", PICTURES)
    assert (folder / PICTURES).read_bytes() == record
    assert array.stat().st_mtime_ns == made

    picture(set_of_pictures / "n01443537/3.png", 3)
    snakemake(folder, "--", PICTURES)
    assert decoded_arrays.open_decoded(folder / PICTURES).labels.tolist() == [0, 0, 1]
