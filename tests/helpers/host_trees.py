"""Made-up hosts: trees of /proc and /sys, and the machine that checks find in them."""

from collections.abc import Mapping
from pathlib import Path

from dnnbench.devices.backends import Setup
from dnnbench.machines.checks.all_checks import Machine

CPU = "sys/devices/system/cpu"
X86 = "processor : 0\nmodel name : A processor\nflags : fpu sse avx\n"
GUEST = X86.replace("avx", "avx hypervisor")
IDLE = "cpu  1000 0 1000 98000 0 0 0 0 0 0\n"
NO_STALL = "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"
NO_SWAP = "MemTotal: 8000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"


def cores(count: int, threads_each: int = 1, **files: str) -> dict[str, str]:
    """Return the tree of a processor's cores; ``files`` are put into their cpufreq folders."""
    tree = {}
    for cpu in range(count * threads_each):
        same = [str(other) for other in range(count * threads_each) if other % count == cpu % count]
        tree[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = ",".join(same)
        for name, text in files.items():
            tree[f"{CPU}/cpu{cpu}/cpufreq/{name}"] = text
    return tree


COMMON = {
    "proc/cpuinfo": X86,
    "proc/stat": IDLE,
    "proc/pressure/cpu": NO_STALL,
    "proc/pressure/memory": NO_STALL,
    "proc/meminfo": NO_SWAP,
    "proc/self/cgroup": "0::/user.slice/session.scope\n",
    "proc/self/status": "Name:\tpython\nCapEff:\t0000000000000000\n",
    "proc/self/stat": "7 (a (b) c) R 1 7 7 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 99 0 0\n",
    "proc/self/limits": "Max nice priority         40                   40\n",
    "sys/fs/cgroup/cgroup.controllers": "cpu memory",
    "sys/fs/cgroup/user.slice/cpu.max": "max 100000",
    "sys/fs/cgroup/user.slice/session.scope/cpu.max": "max 100000",
    "sys/class/power_supply/.keep": "",
    "sys/devices/system/node/node0/cpulist": "0-255",
}
# Without control groups.
BARE = {name: text for name, text in COMMON.items() if "cgroup" not in name}
LOCKED = {
    "scaling_governor": "performance",
    "scaling_min_freq": "3000000",
    "scaling_max_freq": "3000000",
    "scaling_cur_freq": "3000000",
    "cpuinfo_max_freq": "3000000",
}
SERVER = {
    **COMMON,
    **cores(4, **LOCKED),
    f"{CPU}/cpufreq/boost": "0",
    f"{CPU}/cpu0/thermal_throttle/core_throttle_count": "0",
    f"{CPU}/cpu0/thermal_throttle/package_throttle_count": "0",
}
LAPTOP = {
    **COMMON,
    **cores(
        4,
        2,
        scaling_governor="powersave",
        scaling_min_freq="400000",
        scaling_max_freq="4600000",
        scaling_cur_freq="1200000",
        cpuinfo_max_freq="4600000",
    ),
    f"{CPU}/intel_pstate/no_turbo": "0",
    f"{CPU}/cpu0/thermal_throttle/core_throttle_count": "3",
    f"{CPU}/cpu0/thermal_throttle/package_throttle_count": "17",
    "proc/meminfo": "SwapTotal: 2097152 kB\nSwapFree: 1048576 kB\n",
    "sys/class/power_supply/AC/type": "Mains",
    "sys/class/power_supply/BAT0/type": "Battery",
    "sys/class/power_supply/BAT0/status": "Discharging",
}
GUEST_TREE = {**COMMON, **cores(2), "proc/cpuinfo": GUEST}
JETSON = {
    **COMMON,
    **cores(
        6,
        scaling_governor="schedutil",
        scaling_min_freq="729600",
        scaling_max_freq="1510400",
        scaling_cur_freq="1510400",
        cpuinfo_max_freq="2201600",
    ),
    "proc/cpuinfo": "processor : 0\nFeatures : fp asimd\n",
    "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
    "sys/class/thermal/thermal_zone0/temp": "52000",
    "sys/class/thermal/thermal_zone0/trip_point_0_type": "critical",
    "sys/class/thermal/thermal_zone0/trip_point_0_temp": "104500",
    "sys/class/thermal/thermal_zone0/trip_point_1_type": "passive",
    "sys/class/thermal/thermal_zone0/trip_point_1_temp": "99000",
    "sys/class/thermal/thermal_zone1/type": "cv0-thermal",
    "sys/class/thermal/thermal_zone1/temp": "-256000",
    "sys/class/thermal/thermal_zone1/trip_point_0_type": "passive",
    "sys/class/thermal/thermal_zone1/trip_point_0_temp": "99000",
}


def plant(root: Path, tree: Mapping[str, str]) -> Path:
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def machine(
    root: Path,
    tree: Mapping[str, str],
    cpus: int = 4,
    threads: int | None = None,
    environ: Mapping[str, str] | None = None,
    backend: str = "cpu",
) -> Machine:
    return Machine(
        device="here",
        setup=Setup(backend),
        threads=threads,
        cpus=frozenset(range(cpus)),
        environ=environ or {},
        root=plant(root, tree),
    )
