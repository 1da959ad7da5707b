import os
import signal

# Set before torch is imported, because spinning threads would occupy cores that tests share.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
import torch
from helpers.paths import DATA

from dnnbench.core import speed_variables
from dnnbench.core.storage import read_rows
from dnnbench.records.complexity_records import Complexity

# These variables change fingerprints, and the user may have set them.
for name in set(speed_variables.found()) - {speed_variables.WAIT_POLICY}:
    del os.environ[name]

# pytest-xdist sets it, and commands in a pipe would then wrap their lines.
os.environ.pop("COLUMNS", None)

# Tests fork this process, and a fork hangs if OpenMP's threads have started.
torch.set_num_threads(1)

# A shell's background jobs ignore interrupts, and so would their children, which some tests
# interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Run files with the longest time limits first, so that no worker waits for one at the end."""
    limits = {}
    for item in items:
        limit = item.get_closest_marker("timeout")
        limits[item.path] = max(limits.get(item.path, 0), limit.args[0] if limit else 0)
    items.sort(key=lambda item: limits[item.path], reverse=True)


@pytest.fixture(scope="session", autouse=True)
def _own_locks(tmp_path_factory):
    """Use separate locks, so that tests do not wait for a study or for other test runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def complexity_table():
    """Return the complexity of each of the 44 networks, as counted by the stage."""
    return {row.model: row for row in read_rows(DATA / "complexity.csv", Complexity)}
