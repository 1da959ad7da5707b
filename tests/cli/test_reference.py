"""The generated pages of docs/reference are current, and complete."""

import subprocess
import sys
import typing

import pytest
from helpers.paths import ROOT

from dnnbench.cli import write_reference
from dnnbench.cli.reference import results_reference
from dnnbench.cli.reference.field_descriptions import field_descriptions
from dnnbench.records import base, paths

PATHS = [
    pattern
    for pattern in map(str, vars(paths).values())
    if pattern.startswith(("results/", "resources/", "reports/")) and pattern != paths.FIGURE
]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a folder with the pages as the program writes them now, in its own process."""
    folder = tmp_path_factory.mktemp("reference")
    command = [sys.executable, "-m", "dnnbench.cli.write_reference", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    return folder


@pytest.mark.parametrize("name", write_reference.PAGES)
def test_a_page_of_the_reference_is_current(written, name: str) -> None:
    page = ROOT / write_reference.FOLDER / name
    assert page.read_text(encoding="utf-8") == (written / name).read_text(encoding="utf-8"), (
        "run `make reference`"
    )


def test_every_column_and_key_of_a_written_file_is_described() -> None:
    assert results_reference.undescribed() == []


@pytest.mark.parametrize("pattern", PATHS)
def test_every_file_that_the_workflow_writes_is_on_the_page_of_results(pattern: str) -> None:
    page = (ROOT / write_reference.FOLDER / "results.md").read_text(encoding="utf-8")
    assert pattern.replace("{", "<").replace("}", ">") in page


def test_every_status_is_described() -> None:
    assert set(results_reference.STATUSES) == set(typing.get_args(base.Status))


def test_a_description_is_the_string_below_a_field_and_is_inherited() -> None:
    class Parent:
        a: int
        """First."""
        b: int = 2

    class Child(Parent):
        c: int
        """Third,
        in two lines."""

    assert field_descriptions(Child) == {"a": "First.", "c": "Third,\nin two lines."}
