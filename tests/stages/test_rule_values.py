"""Inputs and parameters of the rules of a study."""

import json
import os
from pathlib import Path

import pytest
from helpers.paths import ROOT

from dnnbench.records import paths
from dnnbench.stages import study_settings
from dnnbench.stages.rule_values import RuleValues


def values(**changes):
    config = {"models": ["shufflenet", "vgg16"], "device": "cpu", "backend": "cpu"}
    checked = study_settings.check(config | {"batch_sizes": [1, 8]} | changes)
    return RuleValues(checked)


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_a_parameter_contains_the_names_of_its_settings():
    # Snakemake compares parameters without names, so two swapped numbers would look unchanged.
    text = values(threads=8).uses("threads", "latency.passes.discard", "memory")
    assert json.loads(text) == {
        "threads": 8,
        "latency.passes.discard": 1,
        "memory": {"cell_timeout_s": 120.0},
    }


def test_a_job_on_the_device_depends_on_variables_that_change_speed(monkeypatch):
    study = values(threads=8)
    assert study.driven("threads") == study.uses("threads")
    monkeypatch.setenv("OMP_THREAD_LIMIT", "1")
    limited = study.driven("threads")
    assert study.uses("threads") in limited
    assert '"OMP_THREAD_LIMIT": "1"' in limited


def test_the_number_of_threads_is_decided_when_the_workflow_starts():
    assert json.loads(values(threads=None).uses("threads"))["threads"] >= 1


def test_an_unknown_setting_is_an_error():
    with pytest.raises(AttributeError):
        values().uses("latency.pasess")


def test_a_stage_depends_on_its_code_and_only_on_the_values_of_settings():
    stage = values().stage("complexity")
    assert stage["script"] == "workflow/scripts/complexity.py"
    assert "src/dnnbench/measure/complexity.py" in stage["code"]
    assert not any("/config/" in file for file in [*stage["code"]])
    measuring = values().device_stage("latency")["code"]({"variant": "fp32-eager"})
    assert "src/dnnbench/measure/latency.py" in measuring
    assert not any("/config/" in file for file in measuring)


def test_a_network_depends_on_the_file_that_defines_it():
    found = values().architectures(["shufflenet", "vgg16"])
    assert "src/dnnbench/networks/architectures/shufflenet.py" in found
    assert not any("googlenet" in file for file in found)


def test_variants_take_turns_and_the_first_round_starts_at_once():
    turns = values(variants=["fp32-eager", "bf16-eager"]).round_before
    path = "results/cpu/{}/latency/round-{}.jsonl"
    assert turns("fp32-eager", 1) == []
    assert turns("bf16-eager", 1) == [path.format("fp32-eager", 1)]
    assert turns("fp32-eager", 2) == [path.format("bf16-eager", 1)]


def test_weights_depend_only_on_the_override_of_their_own_network(tmp_path):
    (tmp_path / "own.pth").touch()
    own = {"vgg16": {"path": str(tmp_path / "own.pth"), "sha256": "0" * 64}}
    plain, changed = values(), values(weights={"override": own})
    assert plain.weights("shufflenet") == changed.weights("shufflenet")
    assert plain.weights("vgg16") != changed.weights("vgg16")


OWN = """
DNNBENCH = {"input_size": 40%s}

def my_net():
    raise RuntimeError
"""


def test_networks_without_a_native_geometry_are_only_excluded_from_decoding(tmp_path):
    silent, stated = tmp_path / "silent.py", tmp_path / "stated.py"
    silent.write_text(OWN % "")
    stated.write_text(OWN % ', "interpolation": "bicubic", "crop_pct": 0.8')
    study = values(
        models=["vgg16", f"mine:{silent}:my_net", f"mine:{stated}:my_net"],
        predicted=["timm:dm_nfnet_f0"],
        dataset={"name": "folder", "path": str(tmp_path), "protocol": "native"},
    )
    vgg16, *own, squashed = study.models
    assert study.validated == study.models
    record = "resources/images/folder/{}.json"
    assert [study.decoded_images(model) for model in (vgg16, *own, squashed)] == [
        [record.format("bilinear-256-224")],
        [],
        [record.format("bicubic-50-40")],
        [],
    ]


def test_the_next_run_retries_failed_cells_once(tmp_path, monkeypatch):
    study = values()
    monkeypatch.chdir(tmp_path)
    here = {"device": "cpu", "variant": "fp32-eager", "round": "1", "dataset": "imagenet"}
    kinds = {
        "round": (paths.ROUND, lambda cell: json.dumps({"model": "vgg16"} | cell) + "\n"),
        "memory": (paths.MEMORY, lambda cell: json.dumps({"model": "vgg16", "cells": [cell]})),
        "accuracy": (paths.ACCURACY, lambda cell: json.dumps({"model": "vgg16"} | cell)),
    }
    for pattern, text in kinds.values():
        file = Path(pattern.format(**here, model="vgg16"))
        file.parent.mkdir(parents=True)

        def asked(pattern=pattern):
            return study.failed(pattern)(here | {"model": "vgg16"})

        nothing = asked()
        for status in ("failed", "timeout"):
            file.write_text(text({"status": "ok", "batch_size": 8}))
            assert asked() == nothing == ""
            file.write_text(text({"status": status, "batch_size": 8}))
            once = asked()
            assert once != nothing
            for again in ("ok", status):
                file.write_text(
                    text({"status": again, "failed_before": "failed: x", "batch_size": 8})
                )
                assert asked() == once
        for damaged in ("", "{", "[[[", "\0", "7", '{"cells": [7]}'):
            file.write_text(damaged)
            assert asked() == nothing
        file.unlink()
        os.mkfifo(file)
        assert asked() == nothing


def test_braces_in_a_path_are_not_wildcards(tmp_path):
    # Snakemake looks for {name} in every parameter of a rule.
    folder = tmp_path / 'odd {model} "quoted\\" {'
    folder.mkdir()
    text = values(weights={"mirror": str(folder)}).uses("weights")
    assert json.loads(text)["weights"]["mirror"] == str(folder)
    assert "{model}" not in text


def test_accuracy_and_graphs_do_not_depend_on_allocator_and_threads():
    names = ["fp32-eager", "fp32-eager-kept", "bf16-eager-kept", "fp32-openvino-kept"]
    study = values(variants=names, threads=[1, 2], dataset={"name": "imagenette"})
    assert study.computed == ["fp32-eager", "bf16-eager", "fp32-openvino"]
    measured = {Path(file).parts[4] for file in study.variant_accuracy()}
    assert measured == {"bf16-eager", "fp32-openvino"}
    assert study.graphs(study.settings.variants) == study.graphs(["fp32-openvino"])
    assert json.loads(study.uses("threads"))["threads"] == 2
    assert study.at_several_threads == ["cpu"]
    assert values(variants=names).at_several_threads == []
