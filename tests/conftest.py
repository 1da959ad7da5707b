import os
import signal
import subprocess
import sys

from helpers.paths import ROOT

# Before anything imports torch: tests share the machine, and threads that spin take its cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
import torch

from dnnbench.core.storage import read_rows
from dnnbench.records.complexity_records import Complexity

# Tests fork from this process, and a fork after OpenMP's threads have started hangs.
torch.set_num_threads(1)

# A shell starts its background jobs deaf to interrupts, and their children, which some tests
# interrupt, would be so too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_locks(tmp_path_factory):
    """Locks of these tests' own: they wait neither for a study nor for tests beside them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def complexity_table(tmp_path_factory):
    """What each of the 44 networks costs, from the stage as a person runs it."""
    output = tmp_path_factory.mktemp("complexity") / "complexity.csv"
    script = ROOT / "workflow" / "scripts" / "complexity.py"
    command = [sys.executable, str(script), "bianco2018", "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "complexity: 44 of 44" in done.stderr
    return {row.model: row for row in read_rows(output, Complexity)}
