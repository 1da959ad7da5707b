"""What disturbs timings where the CPU is the device: its cores, and the threads on them."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from dnnbench.devices.host import physical_cores
from dnnbench.machines.checks.machine import Check, Machine, Seen
from dnnbench.records import paths

_NODES = "sys/devices/system/node"
_CGROUPS = Path("sys/fs/cgroup")


def threads(seen: Seen) -> Check:
    """Threads of a pass against the physical cores that it may use."""
    machine = seen.machine
    cores, used = _cores(machine), _threads(machine)
    siblings = len(machine.cpus) - cores
    text = f"{used} on {cores} cores"
    if siblings:
        text += f" ({len(machine.cpus)} processors: hyperthreads)"
    return Check(
        name="threads",
        state="warn" if used > cores else "ok",
        seen=text,
        why="Two threads of a pass on one core wait for each other.",
        mend=f"{paths.device_file(machine.device)}: threads: {cores}" if used > cores else None,
    )


def quota(seen: Seen) -> Check:
    """Cores' worth of time that a container or a service may use, against the threads."""
    machine = seen.machine
    used = _threads(machine)
    why = "Once it is used up, the kernel stops all threads until the next period."
    limits = list(_quotas(machine))
    if not limits and not (machine.root / _CGROUPS).is_dir():
        text = "not shown: no cgroups"
        return Check(name="quota", state="unknown", seen=text, why=why)
    if not limits:
        return Check(name="quota", state="ok", seen="none", why=why)
    least = min(limits)
    short = least < used
    fitting = max(1, int(least))
    return Check(
        name="quota",
        state="warn" if short else "ok",
        seen=f"{least:g} cores for {used} threads",
        why=why,
        mend=f"--cpus={used} for the container; or {paths.device_file(machine.device)}:"
        f" threads: {fitting}"
        if short
        else None,
    )


def nodes(seen: Seen) -> Check:
    """Memory nodes whose processors a pass may use."""
    machine = seen.machine
    found = [
        path.name.removeprefix("node")
        for path in machine.folders(f"{_NODES}/node[0-9]*")
        if machine.cpus & _list(machine.read(path / "cpulist") or "")
    ]
    why = "Memory of another node is slower, and which one a process gets is chance."
    if not found and not (machine.root / "sys/devices/system/cpu").is_dir():
        return Check(name="memory nodes", state="unknown", seen="not shown", why=why)
    several = len(found) > 1
    command = f"numactl --cpunodebind={found[0]} --membind={found[0]}" if several else ""
    return Check(
        name="memory nodes",
        state="warn" if several else "ok",
        seen=str(max(1, len(found))),
        why=why,
        mend=f"{command} snakemake --profile {machine.device}" if several else None,
    )


def wait_policy(seen: Seen) -> Check:
    """How OpenMP's threads wait: timing leaves that to the runtime, unless someone set it."""
    policy = seen.machine.environ.get("OMP_WAIT_POLICY")
    return Check(
        name="waiting threads",
        state="ok" if policy is None else "warn",
        seen="the runtime's own way" if policy is None else f"OMP_WAIT_POLICY={policy}",
        why="It changes times, unevenly: they would compare with no others.",
        mend=None if policy is None else "unset OMP_WAIT_POLICY",
    )


def _cores(machine: Machine) -> int:
    return physical_cores(machine.cpus, machine.root / "sys/devices/system/cpu")


def _threads(machine: Machine) -> int:
    return machine.threads or _cores(machine)


def _quotas(machine: Machine) -> Iterator[float]:
    """Limits on processor time of this process's group and of those above it, in cores."""
    for line in (machine.read("proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        bases = [_CGROUPS, _CGROUPS / "unified"]
        if controllers:
            bases = [_CGROUPS / controllers] if "cpu" in controllers.split(",") else []
        group = PurePosixPath(path)
        for base in bases:
            for part in (group, *group.parents):
                folder = base / str(part).lstrip("/")
                both = (machine.read(folder / "cpu.max") or "max").split()
                if controllers:
                    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
                    both = [machine.read(folder / name) or "-1" for name in names]
                if both[0] not in ("max", "-1"):
                    yield int(both[0]) / int(both[1])


def _list(text: str) -> frozenset[int]:
    """The kernel's ``0-3,8`` as numbers."""
    numbers: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers)


CHECKS = (threads, quota, nodes, wait_policy)
