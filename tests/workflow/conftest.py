import pytest
from helpers.once import once
from helpers.projects import command, copy, project


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Return a project with a finished tiny study, which tests must not change."""

    def make(folder):
        project(folder)
        done = command(folder, "snakemake", "--profile", "cpu")
        assert done.returncode == 0, done.stdout

    return once(tmp_path_factory, "finished", make)


@pytest.fixture
def study(finished, tmp_path):
    """Return a copy of the finished study."""
    return copy(finished, tmp_path / "study")
