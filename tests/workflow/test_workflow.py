"""The workflow itself, run by the real Snakemake on a tiny study in a copy of the project."""

import csv
import os
import re
import shutil
import signal
import sys
import time

import pytest
import torch
import yaml
from helpers import toys
from helpers.image_files import foolbox_pictures
from helpers.projects import (
    LATENCY,
    MEMORY,
    PICTURES,
    ROOT,
    command,
    edit,
    jobs,
    lines,
    memory,
    picture,
    project,
    snakemake,
    start_timing,
)

from dnnbench.core.checksums import sha256
from dnnbench.core.storage import read_json, read_lines, read_rows, write_json
from dnnbench.images import decoded_arrays
from dnnbench.measure.accuracy import record as follows_from
from dnnbench.networks.builders import build
from dnnbench.records import published_study
from dnnbench.records.accuracy_records import AccuracyRecord
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.records.environment_records import Environment
from dnnbench.records.findings_records import Findings, ReplicationRow
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.study_records import ModelRow, SelectionRow, StudyRow
from dnnbench.records.top5 import read as read_answers
from dnnbench.report.figures import figure_names


@pytest.fixture
def study(finished, tmp_path):
    """A copy of the finished study, with its Snakemake metadata and file times."""
    folder = tmp_path / "study"
    shutil.copytree(finished, folder, symlinks=True)
    return folder


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
    for label in ("Figures", "Tables", "top1 vs fps", "Titan Xp (published 2018)"):
        assert f'"{label}"' in report, label


def test_targets_are_named_as_the_stages(finished):
    stages = yaml.safe_load((finished / "dvc.yaml").read_text())["stages"]
    assert len(stages) == 7
    for target in stages:
        # Weights are fetched for accuracy, which nobody asked for here.
        weights = {"fetch_weights": 2, "weights": 1}
        assert jobs(finished, "--", target) == (weights if target == "weights" else {})


def test_dropped_networks_leave_the_tables_and_nothing_is_measured(study):
    edit(study / "params.yaml", {"models": ["squeezenet1_1"]})
    before = memory(study), lines(study)
    snakemake(study, "--", "aggregate")
    assert (memory(study), lines(study)) == before
    models = {row.model for row in read_rows(study / "results/study.csv", StudyRow)}
    assert models == {"squeezenet1_1"}


def test_a_network_that_is_added_is_the_only_one_measured(study):
    before = lines(study)
    remembered = memory(study)
    edit(study / "params.yaml", {"models": ["squeezenet1_1", "shufflenet", "squeezenet1_0"]})
    snakemake(study, "--", "aggregate")
    after = lines(study)
    assert memory(study).keys() - remembered.keys() == {"squeezenet1_0"}
    assert memory(study).items() >= remembered.items()
    assert {cell: after[cell].samples_ms for cell in before} == {
        cell: line.samples_ms for cell, line in before.items()
    }
    assert {cell[2] for cell in after.keys() - before.keys()} == {"squeezenet1_0"}
    statuses = {r.status for r in read_rows(study / "results/study.csv", StudyRow)}
    assert "not_measured" not in statuses


OWN = """
from torch import nn

DNNBENCH = {"input_size": 32, "classes": 10}

def my_net():
    return nn.Sequential(nn.Conv2d(3, WIDTH, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), HEAD)
"""


@pytest.mark.slow
def test_networks_of_libraries_and_ones_own_go_through_every_stage(study):
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
    assert rows[2].top1_source == "published:library" and rows[1].top1_source is None
    cells = read_rows(study / "results/study.csv", StudyRow)
    measured = {row.model: row for row in cells if row.device == "cpu"}
    assert list(measured) == keys
    assert {row.status for row in measured.values()} == {"ok"}
    assert all(row.memory_mib is not None for row in measured.values())
    # What was not there in 2018 has no row among what was published then.
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


def test_wildcards_are_planned_by_what_they_match(study):
    edit(study / "params.yaml", {"models": ["timm:mobilenetv4_conv_*"]})
    planned = snakemake(study, "-n", "--", "memory")
    assert "timm-mobilenetv4_conv_small.e2400_r224_in1k.json" in planned
    assert "mobilenetv4_hybrid" not in planned
    assert "conv_*" not in planned


def test_a_batch_size_that_is_added_is_the_only_one_measured(study):
    before = lines(study)
    remembered = memory(study)
    edit(study / "config/devices/cpu.yaml", {"batch_sizes": [1, 2]})
    snakemake(study, "--", "memory", "latency")
    for model, record in memory(study).items():
        one, two = record.cells
        assert [one] == remembered[model].cells
        assert (two.batch_size, two.status) == (2, "ok")
    after = lines(study)
    assert all(after[cell].samples_ms == before[cell].samples_ms for cell in before)
    assert {cell[3] for cell in after.keys() - before.keys()} == {2}


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("src/dnnbench/report/page.py", {"report": 1}),
        ("src/dnnbench/findings/step.py", {"findings": 1, "report": 1}),
        ("src/dnnbench/queries/selection.py", {"aggregate": 1, "findings": 1, "report": 1}),
        (
            "workflow/scripts/memory.py",
            {"profile_memory": 1, "aggregate": 1, "findings": 1, "report": 1},
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
def test_editing_a_file_runs_what_depends_on_it(study, file, rules):
    with (study / file).open("a") as opened:
        opened.write("\n# edited\n")
    assert jobs(study) == rules


def test_removed_results_of_a_device_are_measured_afresh(study):
    shutil.rmtree(study / "results/cpu")
    assert jobs(study) == {
        "environment": 1,
        "profile_memory": 1,
        "time_round": 2,
        "aggregate": 1,
        "findings": 1,
        "report": 1,
    }


def test_a_removed_record_is_made_again(study):
    (study / "results/cpu/fp32-eager/memory/shufflenet.json").unlink()
    assert jobs(study) == {"profile_memory": 1, "aggregate": 1, "findings": 1, "report": 1}


def test_editing_another_entry_of_the_registry_measures_nothing(study):
    registry = study / "config/models.yaml"
    registry.write_text(registry.read_text().replace("name: AlexNet", "name: Alexnet"))
    assert jobs(study) == {"aggregate": 1, "findings": 1, "report": 1}


def test_another_machine_stands_beside_this_one_and_is_not_measured_here(study, tmp_path):
    far = tmp_path / "far/xeon"
    shutil.copytree(study / "results/cpu", far)
    for path in [*far.rglob("*.json"), *far.rglob("*.jsonl")]:
        path.write_text(re.sub(r'("device": ?)"cpu"', r'\1"xeon"', path.read_text()))
    described = read_json(far / "environment.json", Environment)
    write_json(far / "environment.json", described.model_copy(update={"hostname": "far"}))
    device = yaml.safe_load((study / "config/devices/cpu.yaml").read_text()) | {"device": "xeon"}
    (study / "config/devices/xeon.yaml").write_text(yaml.safe_dump(device))
    edit(study / "params.yaml", {"devices": ["xeon"]})
    assert jobs(study) == {}  # Nothing of it is here yet.

    merged = command(study, "dnnbench", "merge", str(far))
    assert merged.returncode == 0, merged.stdout
    assert jobs(study) == {"aggregate": 1, "findings": 1, "report": 1}
    snakemake(study)
    assert jobs(study) == {}
    rows = read_rows(study / "results/study.csv", StudyRow)
    own, other = ([row for row in rows if row.device == name] for name in ("cpu", "xeon"))
    assert [row.model_copy(update={"device": "cpu"}) for row in other] == own
    assert (study / "reports/figures/top1-vs-fps--xeon.svg").exists()
    assert "top1-vs-fps--xeon" in (study / "reports/index.html").read_text(encoding="utf-8")
    assert "xeon" in command(study, "dnnbench", "pick", "--device", "xeon", "--top", "1").stdout

    with (study / "src/dnnbench/measure/latency.py").open("a") as opened:
        opened.write("\n# edited\n")
    assert jobs(study) == {"time_round": 2, "aggregate": 1, "findings": 1, "report": 1}
    again = command(study, "dnnbench", "merge", str(far))
    assert again.returncode == 1
    assert "round-1.jsonl:1: fingerprint: " in again.stdout


def test_a_killed_run_goes_on_and_measures_nothing_twice(tmp_path):
    folder = project(tmp_path)
    edit(folder / "config/devices/cpu.yaml", {"batch_sizes": [1, 2, 3, 4, 5, 6]})
    process = start_timing(folder)
    journal = folder / LATENCY / ".round-1.jsonl.journal"
    other = folder / LATENCY / ".round-2.jsonl.journal"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not any(
        path.exists() and path.read_text().count("\n") >= 3 for path in (journal, other)
    ):
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    started = [path for path in (journal, other) if path.exists()]
    kept = {line.started: line for path in started for line in read_lines(path, LatencyLine)}
    assert len(kept) >= 3

    assert command(folder, "dnnbench", "unlock").returncode == 0
    snakemake(folder, "--", "latency")
    after = lines(folder)
    assert len(after) == 2 * 2 * 6
    times = {line.started for line in after.values()}
    repeated = {line.first_attempt.started for line in after.values() if line.first_attempt}
    assert set(kept) <= times | repeated
    assert not journal.exists()
    assert jobs(folder, "--", "latency") == {}


def test_accuracy_is_measured_compared_and_shown(study, tmp_path):
    pictures = foolbox_pictures(tmp_path / "pictures")
    own = study / "own.pth"
    torch.save(build("squeezenet1_1").state_dict(), own)
    changes = {
        "models": ["squeezenet1_1", "shufflenet", "efficientnet_lite0"],
        "dataset": {"name": "folder", "path": str(pictures)},
        # One file of its own, one in a package, and one that has no hash to check it against.
        "weights": {
            "tiers": ["A", "B"],
            "override": {"squeezenet1_1": {"path": str(own), "sha256": sha256(own)}},
        },
    }
    edit(study / "params.yaml", changes)
    measuring = {"measure_accuracy": 3, "compare_networks": 1}
    assert measuring.items() <= jobs(study, "--", "accuracy").items()
    snakemake(study)
    assert jobs(study) == {}

    accuracy = study / "results/accuracy"
    random, missed, trained = read_rows(accuracy / "summary.csv", AccuracyRow)
    assert (random.status, random.n, random.weights_tier) == ("ok", 20, "override")
    assert (missed.status, missed.n, missed.top1) == ("not_measured", 0, None)
    assert "no hash is known" in missed.message
    assert (trained.status, trained.n, trained.weights_tier) == ("ok", 20, "B")
    assert trained.top1 >= 80 and random.top1 <= 20
    assert [(row.rank_low, row.rank_high) for row in (trained, random)] == [(1, 1), (2, 2)]
    (row,) = read_rows(study / "results/comparisons.csv", ComparisonRow)
    assert (row.model_a, row.model_b, row.n) == ("squeezenet1_1", "efficientnet_lite0", 20)
    assert row.top1_diff == pytest.approx(random.top1 - trained.top1)
    record = read_json(accuracy / "folder/efficientnet_lite0.json", AccuracyRecord)
    answers = read_answers(accuracy / "folder/efficientnet_lite0.npz")
    assert record == follows_from(answers, "efficientnet_lite0", "folder", "bianco2018")

    models = {row.model: row for row in read_rows(study / "results/models.csv", ModelRow)}
    lite0 = models["efficientnet_lite0"]
    assert (lite0.top1, lite0.top1_source) == (75.1, "published:library")
    assert (lite0.top1_measured, lite0.top1_low) == (trained.top1, None)
    assert f"Measured on folder: 20 images of {trained.classes} classes" in (
        study / "reports/index.html"
    ).read_text(encoding="utf-8")
    summary = command(study, "dnnbench", "summary")
    assert "Accuracy measured on folder: 2 of 3 networks." in summary.stdout
    assert f"  ShuffleNet: not measured: {missed.message}" in summary.stdout

    # A network whose input is prepared otherwise is the only one measured again.
    registry = study / "config/models.yaml"
    registry.write_text(registry.read_text().replace("[127, 127, 127]", "[120, 120, 120]"))
    again = {"measure_accuracy": 1, "compare_networks": 1, "accuracy": 1}
    assert jobs(study, "--", "accuracy") == again


def test_unlock_refuses_while_snakemake_runs(study):
    edit(study / "params.yaml", {"models": ["squeezenet1_1", "shufflenet", "vgg11"]})
    process = start_timing(study)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list(study.glob(".snakemake/locks/*")):
            time.sleep(0.1)
        done = command(study, "dnnbench", "unlock")
        assert done.returncode == 1
        assert f"Snakemake runs here (process {process.pid})" in done.stdout
        assert list(study.glob(".snakemake/locks/*"))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_network_that_breaks_does_not_stop_the_study(study):
    shutil.copy(toys.__file__, study / "src/toys.py")
    registry = study / "config/models.yaml"
    entry = yaml.safe_load(registry.read_text())["squeezenet1_1"]
    entry |= {"builder": "toys:raising", "arguments": {}, "name": "Broken", "weights": []}
    registry.write_text(registry.read_text() + yaml.safe_dump({"broken": entry}))
    edit(study / "params.yaml", {"models": ["squeezenet1_1", "broken"]})
    done = command(study, "snakemake", "--profile", "cpu", "--", "memory", "latency")
    assert done.returncode == 0, done.stdout
    for line in lines(study).values():
        assert (line.status == "ok") == (line.model != "broken")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["models=[resnet19]"], ["params.yaml: models: 'resnet19'", "did you mean 'resnet18'?"]),
        (
            ["models=[timm:convnext_tony]"],
            ["params.yaml: models: 'timm:convnext_tony'", "did you mean convnext_tiny or "],
        ),
        (["devices=[xen]"], ["params.yaml: devices: 'xen'", "config/devices/xen.yaml: no such"]),
        (["devices=[titanxp-2018]"], ["params.yaml: devices: 'titanxp-2018'", "drop it"]),
        (["latncy=1"], ["latncy: 1: unknown key", "did you mean 'latency'?"]),
        (["batch_sizes=[-1]"], ["config/devices/cpu.yaml: batch_sizes.0: '-1'", "Batch sizes"]),
    ],
)
def test_a_mistake_is_one_line_before_anything_runs(finished, words, said):
    done = command(finished, "snakemake", "--profile", "cpu", "-n", "--config", *words)
    assert done.returncode == 1
    (line,) = [text for text in done.stdout.splitlines() if said[0] in text]
    assert all(part in line for part in said)
    assert "Traceback" not in done.stdout


def test_a_missing_device_or_registry_is_one_line(study):
    for words in (["--profile", "slurm"], ["--cores", "1"]):
        done = command(study, "snakemake", *words, "-n")
        assert done.returncode == 0, done.stdout
        assert "Nothing to be done" in done.stdout
        done = command(study, "snakemake", *words, "-n", "--config", "profile=xeon")
        assert done.returncode == 1
        assert "config/devices/xeon.yaml" in done.stdout.splitlines()[-1]
    device = study / "config/devices/cpu.yaml"
    device.write_text(device.read_text().replace("device:", "# device:"))
    done = command(study, "snakemake", "--profile", "cpu", "-n")
    assert done.returncode == 1
    assert "device: missing" in done.stdout
    edit(device, {"device": "cpu"})
    (study / "config/models.yaml").unlink()
    done = command(study, "snakemake", "--profile", "cpu", "-n")
    assert done.returncode == 1
    assert "config/models.yaml: no such file" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_summary_names_the_page_and_the_best_networks(finished):
    done = command(finished, "dnnbench", "summary")
    assert done.returncode == 0, done.stdout
    assert done.stdout.strip().splitlines()[-1] == "The page: reports/index.html"
    with (finished / "results/selection.csv").open() as file:
        chosen = [r for r in csv.DictReader(file) if (r["device"], r["rank"]) == ("cpu", "1")]
    assert chosen
    assert done.stdout.count("GiB") == 1
    for row in chosen:
        assert f"{float(row['top1']):.2f}" in done.stdout


@pytest.mark.parametrize("script", sorted(p.name for p in (ROOT / "workflow/scripts").glob("*.py")))
def test_every_script_explains_itself(script):
    done = command(ROOT, sys.executable, f"workflow/scripts/{script}", "--help")
    assert done.returncode == 0, done.stdout
    assert "Usage" in done.stdout
    assert "--output" in done.stdout or "--results" in done.stdout


def test_a_predicted_network_is_counted_and_not_measured(study):
    edit(study / "params.yaml", {"predicted": ["shufflenet", "alexnet"]})
    assert jobs(study) == {
        "complexity": 1,
        "compare_networks": 1,
        "aggregate": 1,
        "findings": 1,
        "report": 1,
    }
    snakemake(study, "--", "aggregate")
    rows = read_rows(study / "results/study.csv", StudyRow)
    # Two timed networks are too few to predict by; the published devices have it.
    mine = {(row.model, row.source, row.status) for row in rows if row.device == "cpu"}
    assert ("alexnet", "predicted", "not_measured") in mine
    assert ("shufflenet", "measured", "ok") in mine
    assert {source for model, source, _ in mine if model != "alexnet"} == {"measured"}
    assert "alexnet" in {row.model for row in read_rows(study / "results/models.csv", ModelRow)}


def test_after_the_clock_was_set_back_an_edit_is_noticed_and_nothing_else(study):
    tomorrow = time.time() + 86_400
    for folder in ("results", "reports"):
        for path in (study / folder).rglob("*"):
            os.utime(path, (tomorrow, tomorrow))
    with (study / "src/dnnbench/report/page.py").open("a") as opened:
        opened.write("\n# edited\n")
    refused = command(study, "snakemake", "--profile", "cpu", "-n")
    assert refused.returncode == 1
    assert refused.stdout.splitlines()[-1].startswith("results, reports: ")
    assert "files are dated in the future: was the clock set back?" in refused.stdout
    mended = command(study, "dnnbench", "unlock")
    assert "files were dated in the future" in mended.stdout
    assert jobs(study) == {"report": 1}


def test_a_profile_is_found_by_its_plain_name_and_names_its_device():
    for folder in sorted((ROOT / "profiles").iterdir()):
        link = ROOT / folder.name
        assert link.is_symlink()
        assert link.resolve() == folder
        profile = yaml.safe_load((folder / "config.v8+.yaml").read_text())
        assert profile["resources"] == ["device_slot=1"]
        if "executor" in profile:  # A cluster's, named behind a device's, whose keys it must leave.
            assert not {"configfile", "config"} & profile.keys()
            continue
        device = yaml.safe_load((ROOT / profile["configfile"]).read_text())
        assert device["device"] == folder.name  # dvc.yaml names results by the profile.
        assert device.keys() >= {"backend", "device", "threads"}  # What DVC asks for by name.


def test_where_memory_is_shared_a_round_is_given_what_was_measured_of_it(tmp_path):
    folder = project(tmp_path)
    words = ("-n", "-p", "--", "latency")
    shared = snakemake(folder, "--config", "backend=jetson", *words)
    assert jobs(folder, "--config", "backend=jetson", "--", "latency")["profile_memory"] == 1
    assert shared.count(f"--memory-dir {MEMORY}") == 2
    assert "--memory-dir" not in snakemake(folder, *words)
    assert "profile_memory" not in jobs(folder, "--", "latency")


def test_pictures_are_decoded_once_and_again_only_where_they_changed(tmp_path):
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

    # Only newer: the array stays, and the record is the same to the byte.
    record, (array,) = (folder / PICTURES).read_bytes(), (folder / PICTURES).parent.glob("*.npy")
    made = array.stat().st_mtime_ns
    (set_of_pictures / "n01440764/1.png").touch()
    assert "Decode the pictures of folder" in snakemake(folder, "--", PICTURES)
    assert (folder / PICTURES).read_bytes() == record
    assert array.stat().st_mtime_ns == made

    picture(set_of_pictures / "n01443537/3.png", 3)
    snakemake(folder, "--", PICTURES)
    assert decoded_arrays.open_decoded(folder / PICTURES).labels.tolist() == [0, 0, 1]
