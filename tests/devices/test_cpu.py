"""The CPU backend on a kernel that shows or permits less than usual."""

import pytest

from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError
from dnnbench.devices import cpu


def test_a_memory_peak_that_cannot_be_reset_is_a_one_line_device_error(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu, "_PROC", tmp_path / "proc")
    with pytest.raises(DeviceError, match=r"self/clear_refs: .*: peak memory cannot be measured"):
        isolation.run(lambda: cpu.Cpu().meter().first_pass_done(), timeout_s=60)


def test_memory_is_measured_even_if_the_parent_process_is_hidden(monkeypatch):
    def reading():
        monkeypatch.setattr("os.getppid", lambda: 0)  # Only in the child; no process has this id.
        return cpu.Cpu().meter().baseline_mib()

    outcome = isolation.run(reading, timeout_s=60)
    assert outcome.status == "ok", outcome.message
    assert outcome.value > 0
