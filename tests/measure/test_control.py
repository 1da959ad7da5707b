"""The control: a failure of the machine is not recorded as a result of a network."""

import pytest
from helpers.rounds import plan

from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError
from dnnbench.measure import control, latency, memory
from dnnbench.networks import builders

ROUND = plan()
ARGUMENTS = (ROUND.setup, ROUND.threads, ROUND.variant)


@pytest.fixture(scope="module", autouse=True)
def _prepared():
    isolation.prepare()
    builders.preload([control.NETWORK])


def check_timing():
    place = ("cpu", "timed", ROUND.setup, ROUND.variant)
    control.check(*place, latency.measure, [1], ROUND.passes, *ARGUMENTS)


def check_memory():
    control.check("cpu", "profiled", ROUND.setup, ROUND.variant, memory.measure, 1, *ARGUMENTS)


def test_a_working_machine_passes_the_control():
    check_timing()
    check_memory()


def broken(*_):
    raise OSError(28, "No space left on device", "/dev/shm/x")


@pytest.mark.parametrize("end", [broken, lambda *_: exit(3)])
def test_a_failing_machine_is_a_one_line_error_with_the_cause(monkeypatch, end):
    monkeypatch.setattr(latency, "_time", end)
    monkeypatch.setattr(memory, "run_convolution", end)
    for check in (check_timing, check_memory):
        with pytest.raises(
            DeviceError, match=r"^cpu: not even one convolution .*rerun the command\.$"
        ) as said:
            check()
        assert ("No space left" if end is broken else "SystemExit: 3") in str(said.value)
        assert "\n" not in str(said.value)
