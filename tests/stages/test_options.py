"""Options that stage scripts share."""

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
        (["batch_sizes"], "'batch_sizes': write KEY=VALUE, the value in YAML: threads=2"),
        (["batch_sizes=[1"], "batch_sizes: '[1': not YAML"),
        (["threads=yes"], "threads: yes: true or false to some readers"),
        (["threads=010"], "threads: 010: not a plain decimal number"),
        (["threads="], "threads: '': empty; write null or a value"),
        (["threads='2'"], "threads: '2': input should be a valid integer"),
        (["threads=1", "threads=2"], "threads: given twice"),
        (["latency={rounds: 1, rounds: 2}"], "latency.rounds: given twice"),
        (["latency.rounds=1"], "latency.rounds: 1: unknown key"),
        (["model=vgg16"], "model: 'vgg16': unknown key; did you mean 'models'?"),
    ],
)
def test_a_word_that_is_no_value_is_named(words, said):
    with pytest.raises(UserError) as raised:
        options.study(None, "cpu", words)
    assert str(raised.value).startswith(f"--config: {said}")


def test_settings_of_a_run_take_no_others_beside_them():
    for profile, config in (("cpu", None), (None, ["threads=2"])):
        with pytest.raises(typer.BadParameter, match="drop --profile and --config"):
            options.study(Path("settings.json"), profile, config)


def test_without_a_data_set_its_stages_say_so():
    found = options.study(None, "cpu", None, models=["alexnet"])
    with pytest.raises(UserError, match=r"params\.yaml: dataset\.name: null: no pictures"):
        options.dataset(found)
