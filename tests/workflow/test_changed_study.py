"""Changes to a finished study: existing measurements are kept, and only missing ones are made."""

import json
import re
import shutil

import pytest
import torch
import yaml
from helpers.image_files import foolbox_pictures
from helpers.once import once
from helpers.projects import LATENCY, copy, edit, fork, jobs, lines, memory, snakemake

from dnnbench.core.checksums import sha256
from dnnbench.core.storage import read_json, read_rows, write_json
from dnnbench.measure.accuracy import record as follows_from
from dnnbench.networks.builders import build
from dnnbench.records.accuracy_records import AccuracyRecord
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.records.environment_records import Environment
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.records.top5 import read as read_answers

ADDED = "efficientnet_lite0"
TABLES = {"aggregate": 1, "findings": 1, "report": 1}


def add_a_network_and_pictures(study, pictures):
    """Add a network, and images for measuring accuracy."""
    own = study / "own.pth"
    torch.save(build("squeezenet1_1").state_dict(), own)
    changes = {
        "models": ["squeezenet1_1", "shufflenet", ADDED],
        "dataset": {"name": "folder", "path": str(foolbox_pictures(pictures))},
        # Weights from an override, from a package, and from a source without a known hash.
        "weights": {
            "tiers": ["A", "B"],
            "override": {"squeezenet1_1": {"path": str(own), "sha256": sha256(own)}},
        },
    }
    edit(study / "params.yaml", changes)


def name_another_machine(study):
    """Add another device to the study, with a copy of this machine's device file."""
    device = yaml.safe_load((study / "config/devices/cpu.yaml").read_text()) | {"device": "xeon"}
    (study / "config/devices/xeon.yaml").write_text(yaml.safe_dump(device))
    edit(study / "params.yaml", {"devices": ["xeon"]})


def measured_elsewhere(study, folder):
    """Copy a study's records as if the other machine had measured them."""
    shutil.copytree(study / "results/cpu", folder)
    for path in [*folder.rglob("*.json"), *folder.rglob("*.jsonl")]:
        path.write_text(re.sub(r'("device": ?)"cpu"', r'\1"xeon"', path.read_text()))
    described = read_json(folder / "environment.json", Environment)
    write_json(folder / "environment.json", described.model_copy(update={"hostname": "far"}))
    return folder


@pytest.fixture(scope="session")
def grown(finished, tmp_path_factory):
    """Return the finished study, rerun with one more network, batch size, data set, and machine."""

    def make(folder):
        study = copy(finished, folder / "study")
        # An earlier session, since sessions within one minute have the same name.
        for path in (study / LATENCY).glob("*.jsonl"):
            earlier = r'\1"2026-01-02T03:04"'
            path.write_text(re.sub(r'("session": ?)"[^"]*"', earlier, path.read_text()))
        add_a_network_and_pictures(study, folder / "pictures")
        name_another_machine(study)
        far = measured_elsewhere(study, folder / "far/xeon")
        code, output = fork(study, "dnnbench", "merge", str(far))
        assert code == 0, output
        edit(study / "config/devices/cpu.yaml", {"batch_sizes": [1, 2]})
        snakemake(study)

    return once(tmp_path_factory, "grown", make) / "study"


@pytest.mark.slow  # Reruns the whole study.
def test_an_extended_study_has_nothing_left_to_do(grown):
    assert jobs(grown) == {}


@pytest.mark.slow  # Reruns the whole study.
def test_adding_a_network_and_a_batch_size_measures_only_their_cells(finished, grown):
    before, after = lines(finished), lines(grown)
    assert {cell: after[cell].samples_ms for cell in before} == {
        cell: line.samples_ms for cell, line in before.items()
    }
    names = ("squeezenet1_1", "shufflenet", ADDED)
    wanted = {(name, size) for name in names for size in (1, 2)}
    assert {cell[2:4] for cell in after} == wanted
    assert {cell[2:4] for cell in after.keys() - before.keys()} == wanted - {
        cell[2:4] for cell in before
    }
    assert {(number, *cell) for number in (1, 2) for cell in wanted} == {
        (cell[0], *cell[2:4]) for cell in after
    }

    remembered = memory(finished)
    profiled = memory(grown)
    assert profiled.keys() - remembered.keys() == {ADDED}
    for name, record in profiled.items():
        one, two = record.cells
        assert (one.status, two.batch_size, two.status) == ("ok", 2, "ok")
        if name != ADDED:
            assert [one] == remembered[name].cells
    rows = read_rows(grown / "results/study.csv", StudyRow)
    assert {row.status for row in rows if row.device == "cpu"} == {"ok"}


def test_adding_a_network_does_not_profile_the_others_again(study):
    edit(study / "params.yaml", {"models": ["squeezenet1_1", "shufflenet", "squeezenet1_0"]})
    assert jobs(study, "--", "memory") == {"profile_memory": 1, "memory": 1}


def test_accuracy_is_measured_if_there_are_images(study, tmp_path):
    add_a_network_and_pictures(study, tmp_path / "pictures")
    measuring = {"measure_accuracy": 3, "compare_networks": 1}
    assert measuring.items() <= jobs(study, "--", "accuracy").items()


@pytest.mark.slow  # Reruns the whole study.
def test_accuracy_is_measured_compared_and_shown(grown):
    accuracy = grown / "results/accuracy"
    random, missed, trained = read_rows(accuracy / "summary.csv", AccuracyRow)
    assert (random.status, random.n, random.weights_tier) == ("ok", 20, "override")
    assert (missed.status, missed.n, missed.top1) == ("not_measured", 0, None)
    assert "its hash is unknown" in missed.message
    assert (trained.status, trained.n, trained.weights_tier) == ("ok", 20, "B")
    assert trained.top1 >= 80 and random.top1 <= 20
    assert [(row.rank_low, row.rank_high) for row in (trained, random)] == [(1, 1), (2, 2)]
    (row,) = read_rows(grown / "results/comparisons.csv", ComparisonRow)
    assert (row.model_a, row.model_b, row.n) == ("squeezenet1_1", ADDED, 20)
    assert row.top1_diff == pytest.approx(random.top1 - trained.top1)
    record = read_json(accuracy / f"folder/{ADDED}.json", AccuracyRecord)
    answers = read_answers(accuracy / f"folder/{ADDED}.npz")
    assert record == follows_from(answers, ADDED, "folder", "bianco2018")

    models = {row.model: row for row in read_rows(grown / "results/models.csv", ModelRow)}
    lite0 = models[ADDED]
    assert (lite0.top1, lite0.top1_source) == (75.1, "published:library")
    assert (lite0.top1_measured, lite0.top1_low) == (trained.top1, None)
    assert f"on data set folder (20 images of {trained.classes} classes)" in (
        grown / "reports/index.html"
    ).read_text(encoding="utf-8")
    _, summary = fork(grown, "dnnbench", "summary")
    assert "Accuracy measured on folder: 2 of 3 networks." in summary
    assert f"  ShuffleNet: not measured: {missed.message}" in summary


@pytest.mark.slow  # Reruns the whole study.
def test_a_change_of_input_preparation_measures_only_that_networks_accuracy(grown, tmp_path):
    study = copy(grown, tmp_path / "study")
    registry = study / "config/models.yaml"
    registry.write_text(registry.read_text().replace("[127, 127, 127]", "[120, 120, 120]"))
    again = {"measure_accuracy": 1, "compare_networks": 1, "accuracy": 1}
    assert jobs(study, "--", "accuracy") == again


@pytest.mark.slow  # tests/machines/test_record_merge.py tests the rules of merging.
def test_another_machine_is_merged_and_not_measured_here(finished, study, tmp_path):
    far = measured_elsewhere(finished, tmp_path / "far/xeon")
    name_another_machine(study)
    assert jobs(study) == {}  # Its records are not merged yet.
    code, output = fork(study, "dnnbench", "merge", str(far))
    assert code == 0, output
    assert jobs(study) == TABLES

    with (study / "src/dnnbench/measure/latency.py").open("a") as opened:
        opened.write("\n# edited\n")
    assert jobs(study) == {"time_round": 2, **TABLES}
    code, output = fork(study, "dnnbench", "merge", str(far))
    assert code == 1
    assert "round-1.jsonl:1: fingerprint: " in output


@pytest.mark.slow  # Reruns the whole study.
def test_another_machine_is_shown_next_to_this_one(grown):
    rows = read_rows(grown / "results/study.csv", StudyRow)
    own = {(row.model, row.batch_size): row for row in rows if row.device == "cpu"}
    other = {(row.model, row.batch_size): row for row in rows if row.device == "xeon"}
    assert other.pop((ADDED, 1)).status == "not_measured"
    assert other.keys() == {("squeezenet1_1", 1), ("shufflenet", 1)}
    for cell, row in other.items():
        assert row.status == "ok"
        assert row.model_copy(update={"device": "cpu"}) == own[cell]
    assert (grown / "reports/figures/top1-vs-fps--xeon.svg").exists()
    assert "top1-vs-fps--xeon" in (grown / "reports/index.html").read_text(encoding="utf-8")
    _, picked = fork(grown, "dnnbench", "pick", "--device", "xeon", "--top", "1")
    assert "xeon" in picked


@pytest.fixture(scope="session")
def other_networks(finished, tmp_path_factory):
    """Return the finished study with one network dropped and one predicted, up to its tables."""

    def make(folder):
        study = copy(finished, folder / "study")
        # A network in both lists is timed.
        changes = {"models": ["squeezenet1_1"], "predicted": ["squeezenet1_1", "alexnet"]}
        edit(study / "params.yaml", changes)
        snakemake(study, "--", "aggregate")

    return once(tmp_path_factory, "other_networks", make) / "study"


@pytest.mark.slow  # Reruns the study.
def test_dropped_networks_leave_the_tables_and_nothing_is_measured(finished, other_networks):
    assert memory(other_networks) == memory(finished)
    assert lines(other_networks) == lines(finished)
    rows = read_rows(other_networks / "results/study.csv", StudyRow)
    assert {row.model for row in rows} == {"squeezenet1_1", "alexnet"}


def test_a_predicted_network_is_counted_and_not_measured(study, other_networks):
    edit(study / "params.yaml", {"predicted": ["shufflenet", "alexnet"]})
    assert jobs(study) == {"complexity": 1, "compare_networks": 1, **TABLES}

    rows = read_rows(other_networks / "results/study.csv", StudyRow)
    # There are too few timed networks for a prediction on this device.
    mine = {(row.model, row.source, row.status) for row in rows if row.device == "cpu"}
    assert mine == {
        ("alexnet", "predicted", "not_measured"),
        ("squeezenet1_1", "measured", "ok"),
    }
    models = read_rows(other_networks / "results/models.csv", ModelRow)
    assert "alexnet" in {row.model for row in models}


def test_stating_an_accuracy_changes_tables_and_page_without_measuring(study):
    stated = {"top1": 71.5, "source": "own evaluation"}
    edit(study / "params.yaml", {"accuracy": {"shufflenet": stated}})
    assert jobs(study) == TABLES
    snakemake(study)
    code, output = fork(study, "dnnbench", "pick", "--json")
    assert code == 0, output
    first, *_ = json.loads(output)["entries"]
    assert (first["model"], first["top1"]) == ("shufflenet", 71.5)
    assert first["accuracy_source"] == "stated:own evaluation"
    page = (study / "reports/index.html").read_text(encoding="utf-8")
    assert "stated, not measured: own evaluation" in page
    _, chosen = fork(study, "dnnbench", "pick")
    assert "stated, not measured: own evaluation" in " ".join(chosen.split())
