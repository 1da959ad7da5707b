"""The host when the kernel shows less than usual: unknown values, never zeros."""

import time

import pytest
from helpers.host_trees import GUEST, IDLE, X86, plant

from dnnbench.devices import host

TASK = "proc/self/task/7/schedstat"
PROCESS = "proc/8/stat"
FIELDS = "(a (b) c) S" + " 0" * 10 + " 30 20" + " 0" * 20


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Provide a simulated /proc and /sys, without systemd."""
    monkeypatch.setattr(host, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(host, "_CPUS", tmp_path / "sys/devices/system/cpu")
    monkeypatch.setenv("PATH", "")
    return tmp_path


@pytest.mark.parametrize(
    "stat", [None, "", "cpu  0 0 0 0 0 0 0 0 0 0\n", "cpu  1 2 3\n", "cpu a b c d e f g h\n"]
)
def test_without_ticks_both_steal_and_use_by_others_are_unknown(tree, stat):
    plant(tree, {"proc/self/stat": ""} if stat is None else {"proc/stat": stat})
    assert host.others_busy(0) == (None, "an unknown process")
    assert host.Counters().stop()["steal"] is None


@pytest.mark.parametrize("schedstat", [None, "", "1 2"])
def test_without_thread_statistics_the_run_delay_is_unknown(tree, schedstat):
    plant(tree, {"proc/stat": IDLE} | ({} if schedstat is None else {TASK: schedstat}))
    counted = host.Counters().stop()
    assert (counted["steal"], counted["run_delay"]) == (0, None)
    assert counted["involuntary_switches"] >= 0


def test_with_thread_statistics_the_run_delay_is_a_number(tree):
    plant(tree, {"proc/stat": IDLE, TASK: "5 2000000000 1"})
    counters = host.Counters()
    plant(tree, {TASK: "9 3000000000 2"})
    assert counters.stop()["run_delay"] > 0


def test_hidden_processes_count_but_are_not_named(tree, monkeypatch):
    plant(tree, {"proc/stat": IDLE, PROCESS: f"8 {FIELDS}", "proc/9/stat": ""})
    after = {"proc/stat": "cpu  1050 0 1000 98050 0 0 0 0 0 0\n"}
    monkeypatch.setattr("time.sleep", lambda _: plant(tree, after))
    assert host.others_busy(1) == (0.5, "an unknown process")
    plant(tree, {"proc/stat": IDLE})
    after[PROCESS] = f"8 {FIELDS.replace('30 20', '60 20')}"
    assert host.others_busy(1) == (0.5, "a (b) c (pid 8)")


def test_a_host_that_shows_nothing_is_described_without_guessing(tree):
    known = host.describe()
    assert known.pop("cpu") and known.pop("cores") >= 1
    assert known == dict.fromkeys(("virtual_machine", "governor", "turbo", "max_mhz"))


@pytest.mark.parametrize(
    ("name", "text", "turbo"),
    [
        ("intel_pstate/no_turbo", "0", True),
        ("intel_pstate/no_turbo", "1", False),
        ("intel_pstate/no_turbo", "<unknown>", None),
        ("cpufreq/boost", "1", True),
        ("cpufreq/boost", "0", False),
        ("cpufreq/boost", "", None),
    ],
)
def test_turbo_follows_the_switch_and_is_otherwise_unknown(tree, name, text, turbo):
    plant(tree, {f"sys/devices/system/cpu/{name}": text})
    assert host.describe()["turbo"] is turbo


@pytest.mark.parametrize(("info", "seen"), [(X86, None), (GUEST, "unknown")])
def test_bare_metal_differs_from_an_unknown_hypervisor(tree, info, seen):
    plant(tree, {"proc/cpuinfo": info})
    assert host.describe()["virtual_machine"] == seen
    tool = tree / "bin/systemd-detect-virt"
    plant(tree, {"bin/systemd-detect-virt": "#!/bin/sh\necho none; exit 1\n"})
    tool.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tool.parent))
        assert host.describe()["virtual_machine"] == "none"


@pytest.mark.parametrize(
    ("cpu", "gpu", "share"),
    [
        (0.2, 0.1, 0.2),
        (0.1, 0.2, 0.2),
        (0.5, None, 0.5),
        (None, 0.5, 0.5),
        (0.01, None, None),
        (None, 0.0, None),
        (None, None, None),
    ],
)
def test_an_unknown_share_of_two_may_be_the_greater(cpu, gpu, share):
    assert host.busier((cpu, "cc1"), (gpu, "GPU processes"))[0] == share


def test_a_stopped_process_shows_in_the_share_in_which_its_main_thread_did_nothing():
    counters = host.Counters()
    counters.begin()
    time.sleep(0.05)  # For the main thread, as if something had stopped it.
    assert counters.stop()["stopped"] > 0.9
    counters.begin()
    end = time.thread_time() + 0.02
    while time.thread_time() < end:
        pass
    assert counters.stop()["stopped"] < 0.5
