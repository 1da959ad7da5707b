"""Checks of made-up machines, which are trees of proc and sys, and their expected results."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from helpers.host_trees import (
    BARE,
    CPU,
    GUEST_TREE,
    JETSON,
    LAPTOP,
    NO_STALL,
    SERVER,
    machine,
)

from dnnbench.config.parameters import Parameters
from dnnbench.devices.backends import Setup
from dnnbench.machines.checks import all_checks
from dnnbench.machines.checks.all_checks import Check, Machine, Seen
from dnnbench.machines.checks.machine import watch
from dnnbench.records.environment_records import GpuEnvironment


def judged(
    of: Machine, busy: float | None = 0.0, busiest: str = "nobody named"
) -> dict[str, Check]:
    return {one.name: one for one in all_checks.judge(watch(of, lambda _: (busy, busiest)))}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not generate load: the files of a made-up machine do not react to it."""
    monkeypatch.setattr("dnnbench.machines.checks.machine._SPIN_S", 0.0)


def states(found: Mapping[str, Check]) -> dict[str, list[str]]:
    """Return the names of the checks by state, except for "ok"."""
    by_state: dict[str, list[str]] = {}
    for one in found.values():
        if one.state != "ok":
            by_state.setdefault(one.state, []).append(one.name)
    return by_state


def test_a_quiet_server_with_locked_clocks_needs_no_fix(tmp_path: Path) -> None:
    found = judged(machine(tmp_path, SERVER))
    assert states(found) == {}
    assert len(found) == 17
    assert all(one.fix is None for one in found.values())
    assert found["governor"].seen == "performance on 4 of 4 processors"
    assert found["clock"].seen == "3.00 GHz under load (limit 3.00, hardware maximum 3.00)"


def test_a_laptop_on_battery_gets_a_fix_for_each_finding(tmp_path: Path) -> None:
    found = judged(machine(tmp_path, LAPTOP, cpus=8))
    assert states(found) == {"warn": ["governor", "turbo", "throttling", "swap", "power"]}
    fixes = {name: one.fix for name, one in found.items() if one.state == "warn"}
    assert fixes["governor"] == (
        "To keep the clock at its maximum: sudo cpupower frequency-set -g performance"
    )
    assert fixes["turbo"] == f"To turn it off: echo 1 | sudo tee /{CPU}/intel_pstate/no_turbo"
    assert fixes["throttling"] is not None
    assert fixes["throttling"].endswith(f"cat /{CPU}/cpu0/thermal_throttle/package_throttle_count")
    assert fixes["swap"] == (
        "To move swapped memory back into RAM: sudo swapoff -a && sudo swapon -a"
    )
    assert found["throttling"].seen == "17 times since boot"
    assert found["swap"].seen == "1,024 of 2,048 MiB in use"
    assert found["threads"].seen == "4 on 4 cores (8 processors with hyperthreading)"


def test_information_that_a_guest_lacks_is_unknown_and_not_ok(tmp_path: Path) -> None:
    found = judged(machine(tmp_path, GUEST_TREE, cpus=2))
    assert states(found) == {
        "unknown": ["governor", "turbo", "clock", "throttling", "other guests"]
    }
    assert found["other guests"].seen == "not visible from inside a virtual machine"
    assert found["other guests"].fix == (
        "To measure how small a latency difference you can still detect: dnnbench check --resolve"
    )


def test_a_board_is_judged_by_its_thermal_zones_and_its_limited_clock(tmp_path: Path) -> None:
    found = judged(machine(tmp_path, JETSON, cpus=6))
    assert states(found) == {"unknown": ["turbo"], "warn": ["governor", "clock"]}
    assert found["throttling"].seen == "cpu-thermal at 52 °C, throttles at 99 °C"
    assert found["clock"].fix == (
        "To raise its limit to its maximum: sudo cpupower frequency-set -u 2.20GHz"
    )
    assert found["other guests"].seen == "none: not a virtual machine"
    (tmp_path / "sys/class/thermal/thermal_zone0/temp").write_text("99500")
    assert judged(machine(tmp_path, {}, cpus=6))["throttling"].state == "warn"


def test_clocks_that_are_locked_do_not_follow_any_governor(tmp_path: Path) -> None:
    locked = {f"{CPU}/cpu{cpu}/cpufreq/scaling_min_freq": "1510400" for cpu in range(6)}
    governor = judged(machine(tmp_path, JETSON | locked, cpus=6))["governor"]
    assert governor.state == "ok"
    assert governor.seen == "schedutil on 6 of 6 processors, clocks locked"


def test_one_processor_with_another_governor_is_enough(tmp_path: Path) -> None:
    one = {
        f"{CPU}/cpu2/cpufreq/scaling_governor": "ondemand",
        f"{CPU}/cpu2/cpufreq/scaling_min_freq": "800000",
    }
    governor = judged(machine(tmp_path, SERVER | one))["governor"]
    assert (governor.state, governor.seen) == ("warn", "ondemand on 1 of 4 processors")


def test_a_clock_that_stays_below_its_limit_under_load_is_found(tmp_path: Path) -> None:
    slow = {f"{CPU}/cpu{cpu}/cpufreq/scaling_cur_freq": "2000000" for cpu in range(4)}
    clock = judged(machine(tmp_path, SERVER | slow))["clock"]
    assert clock.state == "warn"
    assert clock.seen.startswith("2.00 GHz under load")


def test_without_turbo_the_nominal_clock_is_the_maximum(tmp_path: Path) -> None:
    nominal = {f"{CPU}/intel_pstate/no_turbo": "1"}
    for cpu in range(4):
        nominal[f"{CPU}/cpu{cpu}/cpufreq/cpuinfo_max_freq"] = "4600000"
        nominal[f"{CPU}/cpu{cpu}/cpufreq/base_frequency"] = "3000000"
    found = judged(machine(tmp_path, SERVER | nominal))
    assert found["clock"].state == found["turbo"].state == "ok"
    assert found["clock"].seen.endswith("(limit 3.00, hardware maximum 3.00)")


def test_boost_is_turned_off_by_its_own_switch(tmp_path: Path) -> None:
    turbo = judged(machine(tmp_path, SERVER | {f"{CPU}/cpufreq/boost": "1"}))["turbo"]
    assert (turbo.state, turbo.fix) == (
        "warn",
        f"To turn it off: echo 0 | sudo tee /{CPU}/cpufreq/boost",
    )


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"sys/fs/cgroup/user.slice/cpu.max": "150000 100000"}, "1.5 cores for 4 threads"),
        (
            {
                "proc/self/cgroup": "4:memory:/docker/ab\n3:cpu,cpuacct:/docker/ab\n0::/docker/ab",
                "sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "200000",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            "2 cores for 4 threads",
        ),
    ],
)
def test_a_container_with_a_quota_below_its_threads_is_warned_about(
    tmp_path: Path, tree: dict[str, str], said: str
) -> None:
    quota = judged(machine(tmp_path, SERVER | tree))["CPU quota"]
    assert (quota.state, quota.seen) == ("warn", said)
    assert quota.fix is not None
    whole = said.partition(".")[0].split()[0]
    assert quota.fix.endswith(f"config/devices/here.yaml: threads: {whole}")


HYBRID = "9:name=systemd:/a\n2:cpuacct,cpu:/a/b\n0::/a/b\n"
V1 = "40 30 0:30 {} {} rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n"
V2 = "41 30 0:31 {} {} rw,nosuid - cgroup2 cgroup2 rw\n"
QUOTA, PERIOD = "cpu.cfs_quota_us", "cpu.cfs_period_us"


def of_version_1(place: str, quota: str = "200000", period: str = "100000") -> dict[str, str]:
    return {f"sys/fs/cgroup/{place}/{QUOTA}": quota, f"sys/fs/cgroup/{place}/{PERIOD}": period}


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        # The folder can have any name, whether or not mountinfo lists it.
        *[
            ({"proc/self/cgroup": f"2:{one}:/\n", **of_version_1(other), **told}, "2 cores")
            for one in ("cpu,cpuacct", "cpuacct,cpu", "cpu")
            for other in ("cpu,cpuacct", "cpuacct,cpu", "cpu")
            for told in ({}, {"proc/self/mountinfo": V1.format("/", f"/sys/fs/cgroup/{other}")})
        ],
        # Limits of all parent groups count; the lowest applies.
        (
            {
                "proc/self/cgroup": HYBRID,
                "proc/self/mountinfo": V1.format("/", "/sys/fs/cgroup/my\\040cpu"),
                **of_version_1("my cpu", "-1"),
                **of_version_1("my cpu/a", "150000"),
                **of_version_1("my cpu/a/b", "300000"),
            },
            "1.5 cores",
        ),
        # A container sees only its own group, by its path outside or inside.
        (
            {
                "proc/self/cgroup": "2:cpu:/docker/ab\n",
                "proc/self/mountinfo": V1.format("/docker/ab", "/sys/fs/cgroup/cpu"),
                **of_version_1("cpu"),
            },
            "2 cores",
        ),
        (
            {
                "proc/self/cgroup": "0::/\n",
                "proc/self/mountinfo": V2.format("/", "/sys/fs/cgroup"),
                "sys/fs/cgroup/cgroup.events": "",
                "sys/fs/cgroup/cpu.max": "200000 100000",
            },
            "2 cores",
        ),
        # On a hybrid machine, version 2 has no limits on processor time.
        (
            {
                "proc/self/cgroup": HYBRID,
                "proc/self/mountinfo": V2.format("/", "/sys/fs/cgroup/unified")
                + V1.format("/", "/sys/fs/cgroup/cpu"),
                **of_version_1("cpu", "-1"),
                **of_version_1("cpu/a", "-1"),
                **of_version_1("cpu/a/b"),
            },
            "2 cores",
        ),
    ],
)
def test_a_quota_is_found_wherever_the_hierarchy_is(
    tmp_path: Path, tree: dict[str, str], said: str
) -> None:
    found = judged(machine(tmp_path, BARE | tree))["CPU quota"]
    assert (found.state, found.seen) == ("warn", f"{said} for 4 threads")


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"proc/self/cgroup": "5:memory:/a\n"},
        {"proc/self/cgroup": "0::/a\n"},
        # Nothing is mounted, or the files are missing or unreadable.
        {"proc/self/cgroup": "2:cpu:/a\n", "proc/self/mountinfo": "\n"},
        {
            "proc/self/cgroup": "2:cpu:/a\n",
            "proc/self/mountinfo": V1.format("/", "/sys/fs/cgroup/cpu"),
            **of_version_1("cpu", "-1"),
        },
        {"proc/self/cgroup": "2:cpu:/\n", **of_version_1("cpu", "many")},
        {"proc/self/cgroup": "2:cpu:/\n", **of_version_1("cpu", "100000", "0")},
        {"proc/self/cgroup": "2:cpu:/\n", f"sys/fs/cgroup/cpu/{QUOTA}": "100000"},
        {"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cgroup.controllers": "cpu memory"},
        # A namespace hides the group of the process, or its parents.
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2.format("/../..", "/sys/fs/cgroup"),
            "sys/fs/cgroup/cpu.max": "max 100000",
        },
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2.format("/", "/sys/fs/cgroup"),
            "sys/fs/cgroup/cpu.max": "max 100000",
            "sys/fs/cgroup/cgroup.events": "populated 1",
        },
        {
            "proc/self/cgroup": "2:cpu:/docker/ab\n",
            "proc/self/mountinfo": V1.format("/docker/ab", "/sys/fs/cgroup/cpu"),
            **of_version_1("cpu", "-1"),
        },
    ],
)
def test_a_quota_that_is_not_found_is_unknown(tmp_path: Path, tree: dict[str, str]) -> None:
    found = judged(machine(tmp_path, BARE | tree))["CPU quota"]
    assert (found.state, found.seen[:13]) == ("unknown", "unavailable: ")


def test_a_sufficient_quota_is_unknown_if_parent_groups_are_hidden(tmp_path: Path) -> None:
    tree = {
        "proc/self/cgroup": "0::/",
        "proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
        "sys/fs/cgroup/cpu.max": "800000 100000",
        "sys/fs/cgroup/cgroup.events": "populated 1",
    }
    found = judged(machine(tmp_path, BARE | tree, threads=2))["CPU quota"]
    said = "8 cores for 2 threads; control groups above this container are not visible"
    assert (found.state, found.seen, found.fix) == ("unknown", said, None)


@pytest.mark.parametrize(
    "tree",
    [
        {"proc/self/cgroup": "2:cpu:/\n", **of_version_1("cpuacct,cpu", "-1")},
        # Only groups with the controller have limits, and the root group has none.
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/cpu.max": "max 100000",
            "sys/fs/cgroup/a/b/cgroup.controllers": "memory pids",
        },
    ],
)
def test_no_quota_is_ok_if_every_group_was_seen(tmp_path: Path, tree: dict[str, str]) -> None:
    found = judged(machine(tmp_path, BARE | tree))["CPU quota"]
    assert (found.state, found.seen) == ("ok", "none")


CPUFREQ = f"{CPU}/cpu{{}}/cpufreq/{{}}"


@pytest.mark.parametrize(
    ("check", "hidden", "changed"),
    [
        ("other programs", "proc/stat", None),
        ("stolen time", "proc/stat", None),
        ("stolen time", "", {"proc/stat": "cpu  0 0 0 0 0 0 0 0 0 0\n"}),
        ("stolen time", "", {"proc/stat": "cpu  1 2 3\n"}),
        ("contention", "", {"proc/pressure/cpu": "some total=5\n"}),
        ("governor", CPUFREQ.format(3, "scaling_governor"), None),
        ("turbo", "", {f"{CPU}/cpufreq/boost": ""}),
        ("turbo", "", {f"{CPU}/cpufreq/boost": "<unknown>"}),
        ("clock", "", {CPUFREQ.format(cpu, "scaling_cur_freq"): "0" for cpu in range(4)}),
        # Without turbo, the nominal clock is the maximum, and it is missing here.
        ("clock", "", {f"{CPU}/intel_pstate/no_turbo": "1"}),
        ("throttling", "", {f"{CPU}/cpu0/thermal_throttle/core_throttle_count": "?"}),
        ("other guests", "", {"proc/cpuinfo": "flags\t\t:\n"}),
        ("swap", "", {"proc/meminfo": "SwapTotal:\nSwapFree: 0 kB\n"}),
        ("power", "", {"sys/class/power_supply/BAT0/type": "Battery"}),
        ("power", "", {"sys/class/power_supply/BAT0/present": "1"}),
        ("threads", f"{CPU}/cpu3/topology/thread_siblings_list", None),
        ("NUMA nodes", "sys/devices/system/node/node0/cpulist", None),
        ("NUMA nodes", "", {"sys/devices/system/node/node0/cpulist": "0-2"}),
    ],
)
def test_no_check_is_ok_if_its_input_is_missing(
    tmp_path: Path, check: str, hidden: str, changed: dict[str, str] | None
) -> None:
    of = machine(tmp_path, SERVER)
    assert judged(of)[check].state == "ok"
    if hidden:
        (tmp_path / hidden).unlink()
    busy = None if check == "other programs" else 0.0
    found = judged(machine(tmp_path, changed or {}), busy=busy)[check]
    assert (found.state, found.fix) == ("unknown", None)


def test_a_container_with_a_sufficient_quota_is_ok(tmp_path: Path) -> None:
    tree = {"sys/fs/cgroup/user.slice/cpu.max": "200000 100000"}
    quota = judged(machine(tmp_path, SERVER | tree, threads=2))["CPU quota"]
    assert (quota.state, quota.seen) == ("ok", "2 cores for 2 threads")


def test_more_threads_than_usable_cores_are_warned_about(tmp_path: Path) -> None:
    threads = judged(machine(tmp_path, LAPTOP, cpus=8, threads=8))["threads"]
    assert (threads.state, threads.fix) == ("warn", "Set in config/devices/here.yaml: threads: 4")
    # The affinity allows two of the machine's eight processors.
    threads = judged(machine(tmp_path, {}, cpus=2, threads=4))["threads"]
    assert (threads.state, threads.seen) == ("warn", "4 on 2 cores")


def test_memory_nodes_count_only_if_their_processors_are_usable(tmp_path: Path) -> None:
    nodes = {
        "sys/devices/system/node/node0/cpulist": "0-1,8",
        "sys/devices/system/node/node1/cpulist": "2-7",
    }
    found = judged(machine(tmp_path, SERVER | nodes))["NUMA nodes"]
    assert (found.state, found.seen) == ("warn", "2 used")
    assert (
        found.fix
        == "To run on one node: numactl --cpunodebind=0 --membind=0 snakemake --profile here"
    )
    assert judged(machine(tmp_path, {}, cpus=2))["NUMA nodes"].state == "ok"


def test_a_wait_policy_in_the_environment_is_warned_about(tmp_path: Path) -> None:
    found = judged(machine(tmp_path, SERVER, environ={"OMP_WAIT_POLICY": "PASSIVE"}))
    assert states(found) == {"warn": ["OpenMP wait policy"]}
    assert found["OpenMP wait policy"].fix == "To use the default: unset OMP_WAIT_POLICY"


@pytest.mark.parametrize("level", [10, -5])
def test_a_nice_level_other_than_zero_is_warned_about(tmp_path: Path, level: int) -> None:
    stat = SERVER["proc/self/stat"]
    tree = SERVER | {"proc/self/stat": stat.replace(" 20 0 1 ", f" {20 + level} {level} 1 ")}
    found = judged(machine(tmp_path, tree))
    assert states(found) == {"warn": ["nice level"]}
    assert found["nice level"].seen == str(level)
    assert (found["nice level"].fix or "").endswith("sudo renice -n 0 -p $$")


def test_a_program_started_with_nice_has_its_level() -> None:
    program = (
        "from dnnbench.machines.checks.host_checks import nice_level\n"
        "from dnnbench.machines.checks.machine import Machine, Seen\n"
        "here = Machine('cpu', None, None, frozenset({0}), {})\n"
        "print(nice_level(Seen(here, None, '')).seen)\n"
    )
    levels = [
        subprocess.run(
            ["nice", "-n", more, sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for more in ("0", "3")
    ]
    first, second = map(int, levels)
    assert second == min(first + 3, 19)


def test_variables_that_change_speed_are_named(tmp_path: Path) -> None:
    environ = {"OMP_PROC_BIND": "close", "LD_PRELOAD": "libjemalloc.so", "LANG": "C"}
    found = judged(machine(tmp_path, SERVER, environ=environ))
    assert states(found) == {"warn": ["environment"]}
    assert found["environment"].seen == "LD_PRELOAD=libjemalloc.so, OMP_PROC_BIND=close"
    assert (
        found["environment"].fix == "To remove them from this shell: unset LD_PRELOAD OMP_PROC_BIND"
    )


def test_other_programs_are_judged_by_the_threshold_of_the_rounds(tmp_path: Path) -> None:
    of = machine(tmp_path, SERVER)
    assert judged(of, busy=0.05)["other programs"].state == "ok"
    found = judged(of, busy=0.06, busiest="cc1plus (pid 7)")["other programs"]
    assert found.state == "warn"
    assert found.seen == "use 6% of CPU capacity, mostly cc1plus (pid 7)"


@pytest.mark.parametrize(("resource", "word"), [("cpu", "cores"), ("memory", "memory")])
def test_programs_that_wait_for_resources_are_reported(
    tmp_path: Path, resource: str, word: str
) -> None:
    stalled = {f"proc/pressure/{resource}": NO_STALL.replace("avg10=0.00", "avg10=1.20")}
    found = judged(machine(tmp_path, SERVER | stalled))["contention"]
    assert found.state == "warn"
    assert f"for {word} 1.2% of the time" in found.seen
    (tmp_path / "proc/pressure" / resource).unlink()
    assert judged(machine(tmp_path, {}))["contention"].state == "unknown"


def test_time_stolen_during_the_observation_is_reported(tmp_path: Path) -> None:
    of = machine(tmp_path, SERVER | GUEST_TREE)

    def meanwhile(_seconds: float) -> tuple[float, str]:
        (tmp_path / "proc/stat").write_text("cpu  1060 0 1030 98090 0 0 0 11 0 0\n")
        return 0.0, "nobody named"

    seen = watch(of, meanwhile)
    (found,) = [one for one in all_checks.judge(seen) if one.name == "stolen time"]
    # Of 101 requested ticks, 11 were stolen, less one for the resolution of the counter.
    assert (found.state, found.seen) == (
        "warn",
        "the host withheld 10.0% of the requested CPU time in the last second, and 0.5% since boot",
    )


def test_time_stolen_since_boot_is_reported(tmp_path: Path) -> None:
    stolen = {"proc/stat": "cpu  1000 0 900 98000 0 0 0 100 0 0\n"}
    found = judged(machine(tmp_path, SERVER | stolen))["stolen time"]
    assert (found.state, found.seen) == (
        "warn",
        "the host withheld 0.0% of the requested CPU time in the last second, and 5.0% since boot",
    )


def test_batteries_of_peripherals_do_not_count(tmp_path: Path) -> None:
    mouse = {
        "sys/class/power_supply/hid/type": "Battery",
        "sys/class/power_supply/hid/scope": "Device",
        "sys/class/power_supply/hid/status": "Discharging",
    }
    assert judged(machine(tmp_path, SERVER | mouse))["power"].seen == "no battery"
    charging = {"sys/class/power_supply/BAT0/status": "Charging"}
    assert judged(machine(tmp_path / "b", LAPTOP | charging, cpus=8))["power"].seen == "on mains"


def test_without_any_information_only_checks_that_need_no_files_are_ok(tmp_path: Path) -> None:
    found = judged(machine(tmp_path, {}))
    unknown = [one for one in found.values() if one.state == "unknown"]
    assert all(one.fix is None and one.seen.startswith("unavailable") for one in unknown)
    assert [name for name, one in found.items() if one.state == "ok"] == [
        "other programs",
        "environment",
        "OpenMP wait policy",
    ]
    assert not [name for name, one in found.items() if one.state == "warn"]


def test_checks_of_a_backend_apply_only_to_its_devices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def card(seen: Seen) -> Check:
        return Check(name="card", state="warn", seen=seen.machine.device, why="It is there.")

    monkeypatch.setattr(all_checks, "OF_BACKEND", {**all_checks.OF_BACKEND, "cuda": (card,)})
    on_gpu = judged(machine(tmp_path, SERVER, backend="cuda"))
    assert on_gpu["card"].state == "warn"
    assert "threads" not in on_gpu
    assert "card" not in judged(machine(tmp_path, {}))


def test_this_machine_can_be_checked() -> None:
    settings = Parameters(device="here", backend="cpu", batch_sizes=[1], threads=1)
    found = {one.name: one for one in all_checks.look(settings)}
    assert len(found) == 17
    assert found["threads"].seen.startswith("1 on ")
    assert found["stolen time"].seen.endswith("since boot")


# GPUs -----------------------------------------------------------------------------------------


def of_gpu(backend: str, **known: Any) -> dict[str, all_checks.Check]:
    machine = Machine(
        device="gpu",
        setup=Setup(backend),
        threads=1,
        cpus=frozenset({0}),
        environ={},
        root=Path("/nothing/is/here"),
    )
    seen = Seen(machine, 0.0, "nobody", gpu=GpuEnvironment(**known))
    return {check.name: check for check in all_checks.judge(seen)}


def test_a_gpu_without_persistence_gets_the_command_that_enables_it() -> None:
    found = of_gpu("cuda", uuid="GPU-1", persistence=False, clock_mhz=139, max_clock_mhz=1911)
    assert found["persistence"].state == "warn"
    assert found["persistence"].fix == "To turn it on: sudo nvidia-smi -i GPU-1 -pm 1"
    assert found["GPU clocks"].state == "unknown"
    assert found["GPU clocks"].seen.startswith("139 MHz at rest, up to 1911 MHz")
    assert of_gpu("cuda", uuid="GPU-1", persistence=True)["persistence"].state == "ok"
    assert of_gpu("cuda", uuid="GPU-1")["persistence"].state == "unknown"
    assert "threads" not in found


@pytest.mark.parametrize(
    ("locked", "state", "fix"),
    [
        (True, "ok", None),
        (False, "warn", "To lock them: sudo jetson_clocks"),
        (None, "unknown", "To show them: sudo jetson_clocks --show"),
    ],
)
def test_a_board_with_unlocked_clocks_is_warned_about(
    locked: bool | None, state: str, fix: str | None
) -> None:
    found = of_gpu("jetson", clocks_locked=locked, power_mode="MAXN")
    assert (found["GPU clocks"].state, found["GPU clocks"].fix) == (state, fix)
    assert (found["power mode"].state, found["power mode"].seen) == ("ok", "MAXN")
    assert of_gpu("jetson", clocks_locked=locked)["power mode"].state == "unknown"


# Priority -----------------------------------------------------------------------------------------

STATUS, LIMITS = "proc/self/status", "proc/self/limits"


@pytest.mark.parametrize(
    ("rights", "limit", "state", "text"),
    [
        ("0000000000000000", "0", "warn", "normal"),
        ("0000000000000000", "39", "warn", "normal"),
        ("0000000000000000", "40", "ok", "raised while a network is timed"),
        ("0000000000000000", "unlimited", "ok", "raised while a network is timed"),
        ("000001ffffffffff", "0", "ok", "raised while a network is timed"),
        ("000001ffff7fffff", "0", "warn", "normal"),
    ],
)
def test_the_right_to_raise_the_priority_comes_from_capability_or_limit(
    tmp_path: Path, rights: str, limit: str, state: str, text: str
) -> None:
    tree = {
        **SERVER,
        STATUS: f"Name:\tpython\nCapEff:\t{rights}\n",
        LIMITS: f"Max nice priority         {limit}                   {limit}\n",
    }
    found = judged(machine(tmp_path, tree))["priority"]
    assert (found.state, found.seen) == (state, text)
    assert (found.fix is not None) == (state == "warn")


def test_hidden_rights_are_unknown(tmp_path: Path) -> None:
    tree = {name: text for name, text in SERVER.items() if name not in (STATUS, LIMITS)}
    found = judged(machine(tmp_path, tree))["priority"]
    assert found.state == "unknown"
    assert found.fix is None
