"""The study of examples/efficientnet-lite, with trained weights, from images to the page."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from helpers.image_files import SAMPLE, needs_sample
from helpers.paths import ROOT
from helpers.projects import edit, fork, jobs, project, snakemake

from dnnbench.core.storage import read_json, read_rows
from dnnbench.records.comparison_records import AccuracyRow, VariantAccuracyRow
from dnnbench.records.graph_records import GraphRecord
from dnnbench.records.study_records import StudyRow

EXAMPLE = ROOT / "examples/efficientnet-lite"
# Without support in hardware, bf16 takes longer than all other variants together.
LISTED = yaml.safe_load((EXAMPLE / "config/devices/cpu.yaml").read_text())["variants"]
HAS_BF16 = "bf16" in Path("/proc/cpuinfo").read_text()
VARIANTS = [name for name in LISTED if HAS_BF16 or not name.startswith("bf16")]
INT8 = [name for name in VARIANTS if name.startswith("int8")]
# Building and quantizing the graphs takes minutes.
pytestmark = [pytest.mark.slow, needs_sample, pytest.mark.timeout(3000)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a finished demonstration study, of one round at batch size 1."""
    folder = project(tmp_path_factory.mktemp("demonstration"))
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    dataset = {"path": SAMPLE}
    edit(folder / "params.yaml", {"dataset": dataset, "latency": {"rounds": 1}})
    edit(folder / "config/devices/cpu.yaml", {"batch_sizes": [1], "variants": VARIANTS})
    snakemake(folder)
    return folder


def test_every_configuration_has_speed_memory_and_accuracy(folder):
    rows = [one for one in read_rows(folder / "results/study.csv", StudyRow) if one.device == "cpu"]
    assert len(rows) == 3 * len(VARIANTS)
    assert {(row.status, row.memory_status) for row in rows} == {("ok", "ok")}
    assert all(row.top1 is not None for row in rows)
    measured = {row.variant for row in rows if "+measured:folder" in row.accuracy_source}
    assert measured == {name for name in VARIANTS if not name.startswith("fp32")}


def test_accuracy_is_measured_in_every_variant_on_images_that_calibrated_none(folder):
    whole = read_rows(folder / "results/accuracy/summary.csv", AccuracyRow)
    assert {row.n for row in whole} == {100}
    rows = read_rows(folder / "results/accuracy/variants.csv", VariantAccuracyRow)
    # An allocator changes no answer, so its accuracy is not measured.
    assert len(rows) == 3 * (len(VARIANTS) - len(["fp32-eager", "fp32-eager-kept"]))
    assert {row.status for row in rows} == {"ok"}
    for row in rows:
        # About a quarter of the images calibrates int8.
        assert 60 <= row.n <= 90 if row.variant in INT8 else row.n == 100
        assert abs(row.top1_change) < 25
    files = folder.glob("resources/graphs/*int8/*.json")
    assert len([read_json(file, GraphRecord) for file in files]) == 3 * len(INT8)


def test_a_rerun_measures_nothing(folder):
    assert jobs(folder) == {}


def test_the_answer_and_the_page_name_a_configuration(folder):
    _, said = fork(folder, "dnnbench", "pick", "--json", "--min-fps", "0.01", "--top", "24")
    answer = json.loads(said)
    assert (answer["networks"], answer["configurations"]) == (3, 3 * len(VARIANTS))
    # After one round, intervals are unknown, so nothing fits for certain.
    listed = answer["inconclusive"]
    assert {one["model"] for one in listed} == {f"efficientnet_lite{number}" for number in range(3)}
    assert len({(one["model"], one["variant"]) for one in listed}) == len(listed)
    page = (folder / "reports/index.html").read_text()
    assert all(variant in page for variant in answer["variants"])
