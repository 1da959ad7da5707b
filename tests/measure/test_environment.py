"""The description of a machine whose sources give unexpected values or none."""

import os
import platform

import pytest

from dnnbench.core.errors import UserError
from dnnbench.devices.backends import Setup
from dnnbench.measure import environment


def describe():
    return environment.describe("cpu", Setup("cpu"), 1)


def test_a_release_file_in_another_encoding_is_ignored(tmp_path, monkeypatch):
    release = tmp_path / "os-release"
    release.write_bytes('ID=t\nPRETTY_NAME="Tür 1"\n'.encode("latin-1"))
    monkeypatch.setattr(platform, "_os_release_candidates", (str(release),))
    monkeypatch.setattr(platform, "_os_release_cache", None)
    assert describe().os == "Linux"


GITS = {
    "hangs": "#!/bin/sh\nexec /bin/sleep 60",
    "fails": "#!/bin/sh\nexit 128",
    "is_not_a_program": "\0",
}


@pytest.mark.parametrize("kind", GITS)
def test_the_commit_is_unknown_if_git_fails(tmp_path, monkeypatch, kind):
    git = tmp_path / "git"
    git.write_text(GITS[kind])
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(environment, "_GIT_S", 0.2)
    found = describe()
    assert (found.commit, found.modified) == (None, None)


def test_a_lock_file_that_is_a_pipe_is_a_one_line_error(tmp_path, monkeypatch):
    lock = tmp_path / "requirements.lock"
    os.mkfifo(lock)
    monkeypatch.setattr(environment, "_LOCK", lock)
    with pytest.raises(UserError, match=r"requirements\.lock: a named pipe"):
        describe()


def test_the_configuration_of_torch_has_no_folder_of_the_machine_that_built_it():
    config = environment._without_folders(
        "- LAPACK is enabled\n- Build settings: CXX_COMPILER=/opt/gcc/bin/c++, USE_CUDA=1, a/b"
    )
    assert config == "- LAPACK is enabled\n- Build settings: CXX_COMPILER=c++, USE_CUDA=1, a/b"
    assert "=/" not in environment.describe("cpu", Setup("cpu"), 1).torch_config
