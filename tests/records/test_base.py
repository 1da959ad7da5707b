"""Field types of records: which names are valid."""

import pytest
from pydantic import TypeAdapter, ValidationError

from dnnbench.core.errors import UserError
from dnnbench.records import base

NAMES = ["cpu", "rtx-4090", "epyc-7b13", "x86_64", "h100.2", "a", "q" * 100, "convnext__tiny.in12k"]
NO_NAMES = [
    *("", ".", "..", "...", "../..", ".hidden", "-x", "--help", "_x", "x.", "x-", "a..b", "a-.b"),
    *(
        "a/b",
        "/etc",
        "a\\b",
        "a b",
        "a\n",
        "a\0",
        "CPU",
        "{device}",
        "$HOME",
        "~",
        "*",
        "a:b",
        "a+b",
    ),
    *("é", "\uff41", "cpu\u200b", "a" * 101, "a" * 300, "\x1b[31mcpu", "\ud800"),
]
RESERVED = ["accuracy", "study.csv", "metrics.json", "titanxp-2018", "jetsontx1-2018"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_letters_and_digits_is_valid(name):
    assert TypeAdapter(base.Name).validate_python(name) == name
    assert base.check_device(name, "device") == name


@pytest.mark.parametrize("name", NO_NAMES, ids=ascii)
def test_a_name_with_a_special_meaning_in_paths_or_shells_is_invalid(name):
    with pytest.raises(ValidationError, match="lower-case letters and digits"):
        TypeAdapter(base.Name).validate_python(name)
    with pytest.raises(UserError, match=r"^params.yaml: device: .* should be ") as refused:
        base.check_device(name, "params.yaml: device")
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("name", RESERVED)
def test_a_measured_device_cannot_have_a_name_that_results_already_uses(name):
    assert TypeAdapter(base.DeviceName).validate_python(name) == name
    with pytest.raises(UserError, match=f"^--device: '{name}': should be another name: results/"):
        base.check_device(name, "--device")


@pytest.mark.parametrize("name", [None, True, 8, ["cpu"], {"cpu": 1}])
def test_the_name_of_a_device_must_be_text(name):
    with pytest.raises(UserError, match="should be a valid string"):
        base.check_device(name, "params.yaml: profile")


@pytest.mark.parametrize("name", ["", "2026-11-24T09:12+2026-11-25T10:00"])
def test_a_session_has_a_name_that_tables_can_write_and_join(name):
    with pytest.raises(ValidationError, match="pattern"):
        TypeAdapter(base.Session).validate_python(name)
