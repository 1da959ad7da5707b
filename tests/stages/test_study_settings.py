"""Settings are checked once: the workflow hands them to its jobs as a file."""

import pytest
from helpers.paths import ROOT

from dnnbench.config import loading
from dnnbench.config.section import ParameterError
from dnnbench.core.errors import UserError
from dnnbench.networks.registry import RegistryError
from dnnbench.records import paths
from dnnbench.records.plan import Plan
from dnnbench.stages import study_settings

OTHER = Plan("xeon", ["fp32-eager"], [1, 8], 5, "default")


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of three networks, one of which is predicted; called with what else is set."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").symlink_to(ROOT / "config")

    def checked(session="2026-01-02T03:04", **changes):
        config = {"models": ["alexnet", "timm:tinynet_e"], "predicted": ["alexnet", "vgg16"]}
        config |= {"device": "cpu", "backend": "cpu", "batch_sizes": [1], **changes}
        found = study_settings.check(config)
        return study_settings.replace(found, threads=2, session=session, others=[OTHER])

    return checked


def test_a_study_measures_its_models_and_counts_the_predicted_ones_too(study):
    found = study()
    assert list(found.networks) == ["alexnet", "timm-tinynet_e.in1k", "vgg16"]
    assert found.timed == ["alexnet", "timm-tinynet_e.in1k"]
    assert found.predicted == ["vgg16"]


def test_what_is_read_is_what_was_written(study, tmp_path):
    file = tmp_path / "settings/cpu.json"
    written = study()
    study_settings.write(written, file, new_session=True)
    assert study_settings.read(file) == written


def test_a_run_that_times_nothing_keeps_the_session_and_the_file(study, tmp_path):
    file = tmp_path / "cpu.json"
    study_settings.write(study("first"), file, new_session=True)
    before = file.stat().st_mtime_ns
    study_settings.write(study("second"), file, new_session=False)
    assert (file.stat().st_mtime_ns, study_settings.read(file).session) == (before, "first")
    study_settings.write(study("third"), file, new_session=True)
    assert study_settings.read(file).session == "third"


def test_settings_that_another_run_works_with_are_not_changed(study, tmp_path):
    file = tmp_path / "cpu.json"
    study_settings.write(study(), file, new_session=True)
    paths.LOCKS.mkdir(parents=True)
    for number in (0, 1):
        (paths.LOCKS / f"{number}.output.lock").touch()
    study_settings.write(study(), file, new_session=True)
    with pytest.raises(UserError, match=r"cpu\.json: another Snakemake works here with other set"):
        study_settings.write(study(batch_sizes=[1, 2]), file, new_session=True)
    (paths.LOCKS / "1.output.lock").unlink()
    study_settings.write(study(batch_sizes=[1, 2]), file, new_session=True)
    assert study_settings.read(file).settings.batch_sizes == [1, 2]


def test_a_settings_file_that_is_missing_or_of_another_version_is_one_line(study, tmp_path):
    file = tmp_path / "cpu.json"
    with pytest.raises(UserError, match=r"cpu\.json: no such file; Snakemake writes it when a run"):
        study_settings.read(file)
    file.write_text('{"settings": {}}')
    with pytest.raises(ParameterError, match=r"cpu\.json: .*; remove it, and start Snakemake"):
        study_settings.read(file)
    study_settings.write(study(), file, new_session=False)
    assert study_settings.read(file) == study()


def test_a_job_takes_networks_of_its_study_alone(study):
    assert list(study().of(["vgg16"]).networks) == ["vgg16"]
    assert study().of(["vgg16"]).timed == ["vgg16"]
    with pytest.raises(RegistryError, match="MODELS: 'resnet18': not of this study"):
        study().of(["resnet18"])


def test_a_round_is_one_of_the_study(study):
    found = study(latency={"rounds": 2})
    found.check_round(2)
    with pytest.raises(UserError, match=r"^--round: 3: the study has 2; write one"):
        found.check_round(3)


def test_own_weights_go_by_key_however_the_network_is_named(study, tmp_path):
    own = {"path": str(tmp_path / "own.pth"), "sha256": "0" * 64}
    (tmp_path / "own.pth").touch()
    found = study(weights={"override": {"timm:tinynet_e": own}})
    assert list(found.settings.weights.override) == ["timm-tinynet_e.in1k"]
    with pytest.raises(RegistryError) as raised:
        study(weights={"override": {"vgg61": own}})
    assert str(raised.value) == (
        "params.yaml: weights.override: 'vgg61': unknown network. Did you mean 'vgg19'?"
    )


def test_a_file_of_ones_own_is_of_one_network_and_a_network_has_one(study, tmp_path):
    files = {"path": str(tmp_path / "own.pth"), "sha256": "0" * 64}
    (tmp_path / "own.pth").touch()
    for names, said in (
        (["bianco2018"], "'bianco2018': names 44 networks"),
        (
            ["timm:tinynet_e", "timm-tinynet_e.in1k"],
            "'timm-tinynet_e.in1k': the network of 'timm:tinynet_e'; remove one",
        ),
    ):
        with pytest.raises(ParameterError, match=rf"^params\.yaml: weights\.override: {said}"):
            study(weights={"override": dict.fromkeys(names, files)})


def test_params_yaml_names_the_device_file_where_nothing_else_does(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = study_settings.load()
    assert found.settings == loading.load(paths.PARAMETERS, paths.device_file("cpu"))


def test_by_hand_a_value_overrides_both_files_and_leaves_the_rest_of_its_section(monkeypatch):
    monkeypatch.chdir(ROOT)
    words = ["batch_sizes=[3]", "latency={rounds: 1}"]
    found = study_settings.load("titanx", (), words, models=["vgg16"]).settings
    assert (found.device, found.batch_sizes, found.latency.rounds) == ("titanx", [3], 1)
    assert found.latency.samples == (5, 50)
