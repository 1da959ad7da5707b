"""Settings are validated once, and the workflow passes them to its jobs as a file."""

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
    """Create a study of three networks, one of them predicted; accepts more settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").symlink_to(ROOT / "config")

    def checked(session="2026-01-02T03:04", **changes):
        config = {"models": ["alexnet", "timm:tinynet_e"], "predicted": ["alexnet", "vgg16"]}
        config |= {"device": "cpu", "backend": "cpu", "batch_sizes": [1], **changes}
        found = study_settings.check(config)
        return study_settings.replace(found, threads=2, session=session, others=[OTHER])

    return checked


def test_a_study_measures_its_models_and_also_counts_the_predicted_ones(study):
    found = study()
    assert list(found.networks) == ["alexnet", "timm-tinynet_e.in1k", "vgg16"]
    assert found.timed == ["alexnet", "timm-tinynet_e.in1k"]
    assert found.predicted == ["vgg16"]


def test_settings_read_back_equal_what_was_written(study, tmp_path):
    file = tmp_path / "settings/cpu.json"
    written = study()
    study_settings.write(written, file, new_session=True)
    assert study_settings.read(file) == written


def test_a_run_without_timing_keeps_the_session_and_the_file(study, tmp_path):
    file = tmp_path / "cpu.json"
    study_settings.write(study("first"), file, new_session=True)
    before = file.stat().st_mtime_ns
    study_settings.write(study("second"), file, new_session=False)
    assert (file.stat().st_mtime_ns, study_settings.read(file).session) == (before, "first")
    study_settings.write(study("third"), file, new_session=True)
    assert study_settings.read(file).session == "third"


def test_settings_that_another_run_uses_are_not_changed(study, tmp_path):
    file = tmp_path / "cpu.json"
    study_settings.write(study(), file, new_session=True)
    paths.LOCKS.mkdir(parents=True)
    for number in (0, 1):
        (paths.LOCKS / f"{number}.output.lock").touch()
    study_settings.write(study(), file, new_session=True)
    with pytest.raises(UserError, match=r"cpu\.json: another run of Snakemake uses this folder"):
        study_settings.write(study(batch_sizes=[1, 2]), file, new_session=True)
    (paths.LOCKS / "1.output.lock").unlink()
    study_settings.write(study(batch_sizes=[1, 2]), file, new_session=True)
    assert study_settings.read(file).settings.batch_sizes == [1, 2]


def test_a_missing_or_outdated_settings_file_is_reported_in_one_line(study, tmp_path):
    file = tmp_path / "cpu.json"
    with pytest.raises(UserError, match=r"cpu\.json: no such file\. Start Snakemake"):
        study_settings.read(file)
    file.write_text('{"settings": {}}')
    with pytest.raises(ParameterError, match=r"cpu\.json: .*\. Remove it and start Snakemake"):
        study_settings.read(file)
    study_settings.write(study(), file, new_session=False)
    assert study_settings.read(file) == study()


def test_a_job_accepts_only_networks_of_its_study(study):
    assert list(study().of(["vgg16"]).networks) == ["vgg16"]
    assert study().of(["vgg16"]).timed == ["vgg16"]
    with pytest.raises(RegistryError, match="MODELS: 'resnet18': not a network of this study"):
        study().of(["resnet18"])


def test_a_round_must_be_one_of_the_study(study):
    found = study(latency={"rounds": 2})
    found.check_round(2)
    with pytest.raises(UserError, match=r"^--round: 3: the study has 2 rounds\. Choose one"):
        found.check_round(3)


def test_weights_overrides_are_stored_by_key_for_any_name_of_the_network(study, tmp_path):
    own = {"path": str(tmp_path / "own.pth"), "sha256": "0" * 64}
    (tmp_path / "own.pth").touch()
    found = study(weights={"override": {"timm:tinynet_e": own}})
    assert list(found.settings.weights.override) == ["timm-tinynet_e.in1k"]
    with pytest.raises(RegistryError) as raised:
        study(weights={"override": {"vgg61": own}})
    assert str(raised.value) == (
        "params.yaml: weights.override: 'vgg61': unknown network. Did you mean 'vgg19'?"
    )


def test_an_override_is_for_one_network_and_a_network_has_only_one(study, tmp_path):
    files = {"path": str(tmp_path / "own.pth"), "sha256": "0" * 64}
    (tmp_path / "own.pth").touch()
    for names, said in (
        (["bianco2018"], "'bianco2018': names 44 networks"),
        (
            ["timm:tinynet_e", "timm-tinynet_e.in1k"],
            "'timm-tinynet_e.in1k': same network as 'timm:tinynet_e'. Remove one",
        ),
    ):
        with pytest.raises(ParameterError, match=rf"^params\.yaml: weights\.override: {said}"):
            study(weights={"override": dict.fromkeys(names, files)})


def test_a_stated_accuracy_is_stored_by_key_and_reaches_the_jobs(study, tmp_path):
    stated = {"top1": 71.5, "source": "own evaluation"}
    found = study(accuracy={"timm:tinynet_e": stated})
    assert found.settings.accuracy["timm-tinynet_e.in1k"].top1 == 71.5
    with pytest.raises(RegistryError, match=r"^params\.yaml: accuracy: 'vgg61': unknown network"):
        study(accuracy={"vgg61": stated})
    with pytest.raises(ParameterError, match=r"accuracy: 'bianco2018': names 44 networks\. Name"):
        study(accuracy={"bianco2018": stated})
    study_settings.write(found, tmp_path / "cpu.json", new_session=False)
    assert study_settings.read(tmp_path / "cpu.json").settings.accuracy == found.settings.accuracy


def test_params_yaml_names_the_device_file_by_default(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = study_settings.load()
    assert found.settings == loading.load(paths.PARAMETERS, paths.device_file("cpu"))


def test_a_config_word_overrides_both_files_but_not_the_rest_of_its_section(monkeypatch):
    monkeypatch.chdir(ROOT)
    words = ["batch_sizes=[3]", "latency={rounds: 1}"]
    found = study_settings.load("titanx", (), words, models=["vgg16"]).settings
    assert (found.device, found.batch_sizes, found.latency.rounds) == ("titanx", [3], 1)
    assert found.latency.samples == (5, 50)


def test_more_threads_than_cpus_are_refused_with_file_and_number(study):
    with pytest.raises(UserError, match=r"^config/devices/cpu\.yaml: threads: 1024: a process may"):
        study(threads=[1, 1024]).check_threads()
    study(threads=[1]).check_threads()
