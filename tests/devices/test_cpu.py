"""The CPU as a device, where the kernel shows or allows less than usual."""

import pytest

from dnnbench.core import isolation
from dnnbench.core.errors import DeviceError
from dnnbench.devices import cpu


def test_memory_whose_peak_cannot_be_set_ends_in_one_line_about_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu, "_PROC", tmp_path / "proc")
    with pytest.raises(DeviceError, match=r"self/clear_refs: .*: without it the peak of memory"):
        isolation.run(lambda: cpu.Cpu().meter().first_pass_done(), timeout_s=60)


def test_a_parent_that_is_hidden_does_not_stop_a_measurement_of_memory(monkeypatch):
    def reading():
        monkeypatch.setattr("os.getppid", lambda: 0)  # In the child alone; no process has it.
        return cpu.Cpu().meter().baseline_mib()

    outcome = isolation.run(reading, timeout_s=60)
    assert outcome.status == "ok", outcome.message
    assert outcome.value > 0
