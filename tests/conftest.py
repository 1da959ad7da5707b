import os
import signal

# Before anything imports torch: tests share the machine, and threads that spin take its cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
import torch
from helpers.paths import DATA

from dnnbench.core import speed_variables
from dnnbench.core.storage import read_rows
from dnnbench.records.complexity_records import Complexity

# Whoever runs the tests may have set variables that change fingerprints.
for name in set(speed_variables.found()) - {speed_variables.WAIT_POLICY}:
    del os.environ[name]

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
def complexity_table():
    """What each of the 44 networks costs, as the stage counted it."""
    return {row.model: row for row in read_rows(DATA / "complexity.csv", Complexity)}
