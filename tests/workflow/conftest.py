import pytest
from helpers.projects import project, snakemake


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project with a finished tiny study."""
    folder = project(tmp_path_factory.mktemp("study"))
    snakemake(folder)
    return folder
