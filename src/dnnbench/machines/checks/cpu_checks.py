"""What disturbs timings where the CPU is the device: its cores, and the threads on them."""

from dnnbench.core import processors
from dnnbench.devices import control_groups
from dnnbench.devices.host import physical_cores
from dnnbench.machines.checks.machine import Check, Machine, Seen, State
from dnnbench.records import paths

_NODES = "sys/devices/system/node"


def threads(seen: Seen) -> Check:
    """Threads of a pass against the physical cores that it may use."""
    machine = seen.machine
    cores, used = _cores(machine), _threads(machine)
    siblings = len(machine.cpus) - cores
    text = f"{used} on {cores} cores"
    if siblings:
        text += f" ({len(machine.cpus)} processors: hyperthreads)"
    known = len(machine.each_cpu("topology/thread_siblings_list")) == len(machine.cpus)
    if not known and used <= cores:
        text = f"not shown: which of {len(machine.cpus)} processors share a core"
    return Check(
        name="threads",
        state="warn" if used > cores else "ok" if known else "unknown",
        seen=text,
        why="Two threads of a pass on one core wait for each other.",
        mend=f"{paths.device_file(machine.device)}: threads: {cores}" if used > cores else None,
    )


def quota(seen: Seen) -> Check:
    """Cores' worth of time that a container or a service may use, against the threads."""
    machine = seen.machine
    used = _threads(machine)
    why = "Once it is used up, the kernel stops all threads until the next period."
    limit = control_groups.quota(machine.root)
    if limit.cores is None:
        text = f"not shown: {limit.unseen}" if limit.unseen else "none"
        state: State = "unknown" if limit.unseen else "ok"
        return Check(name="quota", state=state, seen=text, why=why)
    short = limit.cores < used
    fitting = max(1, int(limit.cores))
    return Check(
        name="quota",
        state="warn" if short else "unknown" if limit.unseen else "ok",
        seen=f"{limit.cores:g} cores for {used} threads"
        + (f"; {limit.unseen}" if limit.unseen and not short else ""),
        why=why,
        mend=f"--cpus={used} for the container; or {paths.device_file(machine.device)}:"
        f" threads: {fitting}"
        if short
        else None,
    )


def nodes(seen: Seen) -> Check:
    """Memory nodes whose processors a pass may use."""
    machine = seen.machine
    lists = {
        path.name.removeprefix("node"): processors.numbers(machine.read(path / "cpulist") or "")
        for path in machine.folders(f"{_NODES}/node[0-9]*")
    }
    found = [node for node, cpus in lists.items() if machine.cpus & cpus]
    several = len(found) > 1
    seen_all = machine.cpus <= frozenset().union(*lists.values())
    command = f"numactl --cpunodebind={found[0]} --membind={found[0]}" if several else ""
    return Check(
        name="memory nodes",
        state="warn" if several else "ok" if seen_all else "unknown",
        seen=str(len(found)) if several or seen_all else "not shown: the node of each processor",
        why="Memory of another node is slower, and which one a process gets is chance.",
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


CHECKS = (threads, quota, nodes, wait_policy)
