import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from dnnbench.core import lock

HOLD = """
import sys, time
from dnnbench.core import lock
with lock.hold("toaster"):
    print("held", flush=True)
    time.sleep(float(sys.argv[1]))
print("released", time.monotonic(), flush=True)
"""


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "dnnbench"


def holder(seconds):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_second_run_waits_and_reports_who_holds_the_device(state, capfd):
    first = holder(1.0)
    assert first.stdout.readline() == "held\n"
    with lock.hold("toaster"):
        taken = time.monotonic()
    released = float(first.communicate()[0].split()[1])
    assert taken >= released - 0.5  # The holder prints its last line after the release.
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert f"waiting for toaster: held by process {first.pid} since" in said
    assert str(Path.cwd()) in said


def test_a_killed_holder_leaves_no_stale_lock(state, capfd):
    first = holder(600)
    assert first.stdout.readline() == "held\n"
    first.kill()
    first.wait()
    with lock.hold("toaster"):
        (file,) = state.glob("*.holder")
        assert json.loads(file.read_text())["pid"] == os.getpid()
    assert capfd.readouterr().err == ""
    assert list(state.glob("*.holder")) == []


def test_different_devices_have_different_locks(state):
    with lock.hold("toaster"), lock.hold("kettle"):
        assert len(list(state.glob("*.holder"))) == 2
