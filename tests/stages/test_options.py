"""Options shared by stage scripts."""

from pathlib import Path

import pytest
import typer
from helpers.paths import ROOT

from dnnbench.core.errors import UserError
from dnnbench.stages import options


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_a_value_on_the_command_line_is_read_as_yaml():
    found = options.study(None, "cpu", ["batch_sizes=[1, 2]", "latency={rounds: 1}"])
    assert (found.settings.batch_sizes, found.settings.latency.rounds) == ([1, 2], 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["batch_sizes"], "'batch_sizes': no value. Write KEY=VALUE with a value in YAML."),
        (["batch_sizes=[1"], "batch_sizes: '[1': not YAML"),
        (["threads=yes"], "threads: yes: ambiguous: some YAML readers"),
        (["threads=010"], "threads: 010: not a plain decimal number"),
        (["threads="], "threads: '': empty. Write null or a value"),
        (["threads='2'"], "threads: '2': input should be a valid integer"),
        (["threads=1", "threads=2"], "threads: given twice"),
        (["latency={rounds: 1, rounds: 2}"], "latency.rounds: given twice"),
        (["latency.rounds=1"], "latency.rounds: 1: unknown key"),
        (["model=vgg16"], "model: 'vgg16': unknown key. Did you mean 'models'?"),
    ],
)
def test_an_invalid_config_word_is_reported(words, said):
    with pytest.raises(UserError) as raised:
        options.study(None, "cpu", words)
    assert str(raised.value).startswith(f"--config: {said}")


def test_a_settings_file_excludes_a_profile_and_config_words():
    for profile, config in (("cpu", None), (None, ["threads=2"])):
        with pytest.raises(typer.BadParameter, match="Remove --profile and --config"):
            options.study(Path("settings.json"), profile, config)


def test_stages_that_need_a_data_set_report_that_there_is_none():
    found = options.study(None, "cpu", None, models=["alexnet"])
    with pytest.raises(UserError, match=r"params\.yaml: dataset\.name: null: no images"):
        options.dataset(found)
