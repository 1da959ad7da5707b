"""Checks of a CPU device: its cores, and the threads on them."""

import re

from dnnbench.core import processors
from dnnbench.core.formatting import several
from dnnbench.devices import control_groups
from dnnbench.devices.host import physical_cores
from dnnbench.machines.checks.machine import Check, Machine, Seen, State
from dnnbench.records import paths

_NODES = "sys/devices/system/node"
_CAP_SYS_NICE = 1 << 23  # From linux/capability.h.
_HIGHEST_NICE = -20
_HIGHEST_LIMIT = 20 - _HIGHEST_NICE  # RLIMIT_NICE counts in the other direction.


def threads(seen: Seen) -> Check:
    """Check that a forward pass has no more threads than physical cores."""
    machine = seen.machine
    cores, used = _cores(machine), _threads(machine)
    siblings = len(machine.cpus) - cores
    text = f"{used} on {several(cores, 'core')}"
    if siblings:
        text += f" ({len(machine.cpus)} processors with hyperthreading)"
    known = len(machine.each_cpu("topology/thread_siblings_list")) == len(machine.cpus)
    if not known and used <= cores:
        text = f"unavailable: which of {len(machine.cpus)} processors share a core"
    return Check(
        name="threads",
        state="warn" if used > cores else "ok" if known else "unknown",
        seen=text,
        why="Threads that share a core slow each other down.",
        fix=f"Set in {paths.device_file(machine.device)}: threads: {cores}"
        if used > cores
        else None,
    )


def quota(seen: Seen) -> Check:
    """Check the CPU quota of a container or service against the number of threads."""
    machine = seen.machine
    used = _threads(machine)
    why = "When the quota is used up, the kernel stops all threads until the next period."
    limit = control_groups.quota(machine.root)
    if limit.cores is None:
        text = f"unavailable: {limit.unseen}" if limit.unseen else "none"
        state: State = "unknown" if limit.unseen else "ok"
        return Check(name="CPU quota", state=state, seen=text, why=why)
    short = limit.cores < used
    fitting = max(1, int(limit.cores))
    return Check(
        name="CPU quota",
        state="warn" if short else "unknown" if limit.unseen else "ok",
        seen=f"{limit.cores:g} {'core' if limit.cores == 1 else 'cores'} for"
        f" {several(used, 'thread')}" + (f"; {limit.unseen}" if limit.unseen and not short else ""),
        why=why,
        fix=f"Start the container with --cpus={used}, or set in"
        f" {paths.device_file(machine.device)}: threads: {fitting}"
        if short
        else None,
    )


def nodes(seen: Seen) -> Check:
    """Check that all processors of a forward pass are on one NUMA node."""
    machine = seen.machine
    lists = {
        path.name.removeprefix("node"): processors.numbers(machine.read(path / "cpulist") or "")
        for path in machine.folders(f"{_NODES}/node[0-9]*")
    }
    found = [node for node, cpus in lists.items() if machine.cpus & cpus]
    spread = len(found) > 1
    seen_all = machine.cpus <= frozenset().union(*lists.values())
    command = f"numactl --cpunodebind={found[0]} --membind={found[0]}" if spread else ""
    return Check(
        name="NUMA nodes",
        state="warn" if spread else "ok" if seen_all else "unknown",
        seen=f"{len(found)} used"
        if spread or seen_all
        else "unavailable: the node of each processor",
        why="Memory of another node is slower, and chance decides which memory a process gets.",
        fix=f"To run on one node: {command} snakemake --profile {machine.device}"
        if spread
        else None,
    )


def wait_policy(seen: Seen) -> Check:
    """Check that OMP_WAIT_POLICY is unset, so the runtime decides how to wait."""
    policy = seen.machine.environ.get("OMP_WAIT_POLICY")
    return Check(
        name="OpenMP wait policy",
        state="ok" if policy is None else "warn",
        seen="runtime default" if policy is None else f"OMP_WAIT_POLICY={policy}",
        why="The policy changes some latencies more than others, so latencies with and without it"
        " are not comparable.",
        fix=None if policy is None else "To use the default: unset OMP_WAIT_POLICY",
    )


def priority(seen: Seen) -> Check:
    """Check that measuring processes may raise their priority: CAP_SYS_NICE or RLIMIT_NICE."""
    status = seen.machine.read("proc/self/status") or ""
    limits = seen.machine.read("proc/self/limits") or ""
    rights = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    limit = re.search(r"^Max nice priority\s+(\w+)", limits, re.MULTILINE)
    may = bool(rights and int(rights[1], 16) & _CAP_SYS_NICE)
    may |= bool(limit and (limit[1] == "unlimited" or int(limit[1]) >= _HIGHEST_LIMIT))
    known = bool(rights and limit)
    text = "raised while a network is timed" if may else "normal"
    return Check(
        name="priority",
        state="ok" if may else "warn" if known else "unknown",
        seen=text if may or known else "unavailable: the rights of this process",
        why="At normal priority, one busy program can slow a forward pass many times over.",
        fix="To permit it, add to /etc/security/limits.conf and log in again:"
        f" {seen.machine.environ.get('USER', '*')} - nice {_HIGHEST_NICE}"
        if known and not may
        else None,
    )


def _cores(machine: Machine) -> int:
    return physical_cores(machine.cpus, machine.root / "sys/devices/system/cpu")


def _threads(machine: Machine) -> int:
    return machine.threads or _cores(machine)


CHECKS = (threads, quota, nodes, wait_policy, priority)
