"""What disturbs timings on any device: the clocks, the load and the memory of its host.

Not among them are address-space randomisation and transparent huge pages: both differ between
processes, and a time is a median over fresh processes whose interval comes from that spread.
"""

import re

from dnnbench.core import speed_variables
from dnnbench.machines.checks.machine import Check, Counters, Seen
from dnnbench.stats.disturbance import MAX_BUSY, MAX_RUN_DELAY, MAX_STEAL

_CPU = "sys/devices/system/cpu"
_CHARGED = ("Charging", "Full", "Not charging")
_AT_ITS_LIMIT = 0.9  # Clocks are read in steps, and a little late.


def other_programs(seen: Seen) -> Check:
    """What the rounds themselves look at before they start, with their threshold."""
    why = "They take cores, caches and memory bandwidth from the network."
    if seen.busy is None:
        text = "not shown: no ticks in /proc/stat"
        return Check(name="other programs", state="unknown", seen=text, why=why)
    busy = seen.busy > MAX_BUSY
    return Check(
        name="other programs",
        state="warn" if busy else "ok",
        seen=f"use {seen.busy:.0%} of {seen.machine.device}"
        + (f", most of it {seen.busiest}" if busy else ""),
        why=why,
        mend="wait for them or stop them; to see them: top" if busy else None,
    )


def variables(seen: Seen) -> Check:
    """Variables of the environment that change speed; how threads wait is a check of the CPU's."""
    found = speed_variables.found(seen.machine.environ)
    found.pop(speed_variables.WAIT_POLICY, None)
    text = ", ".join(f"{name}={value}" for name, value in found.items())
    return Check(
        name="variables",
        state="warn" if found else "ok",
        seen=text or "none that changes speed",
        why="What is measured with them set compares with nothing that was measured without.",
        mend=f"unset {' '.join(found)}" if found else None,
    )


def pressure(seen: Seen) -> Check:
    """How long programs waited for a core or for memory (the kernel's PSI, last ten seconds)."""
    shares = {name: _stalled(seen, name) for name in ("cpu", "memory")}
    known = {name: share for name, share in shares.items() if share is not None}
    high = [name for name, share in known.items() if share > MAX_RUN_DELAY]
    text = ", ".join(f"for {name} {share:.1%} of 10 s" for name, share in known.items())
    return Check(
        name="waiting",
        state="warn" if high else "ok" if len(known) == len(shares) else "unknown",
        seen=text or "not shown: no /proc/pressure",
        why="Where programs queue for cores or memory, a pass does too.",
        mend="wait for them or stop them; to see them: top" if high else None,
    )


def governor(seen: Seen) -> Check:
    """Whether the clocks follow the load; locked ones do not, whatever the governor."""
    machine = seen.machine
    names = machine.each_cpu("cpufreq/scaling_governor")
    low = machine.each_cpu("cpufreq/scaling_min_freq")
    high = machine.each_cpu("cpufreq/scaling_max_freq")
    moving = [
        name
        for cpu, name in names.items()
        if name != "performance" and (cpu not in low or low[cpu] != high.get(cpu))
    ]
    why = "A clock that follows the load is slow when a pass begins."
    if not names:
        text = "not shown: no cpufreq"
        return Check(name="governor", state="unknown", seen=text, why=why)
    every = len(names) == len(machine.cpus)
    listed = ", ".join(dict.fromkeys(moving or names.values()))
    locked = "" if moving or listed == "performance" else ", clocks locked"
    return Check(
        name="governor",
        state="warn" if moving else "ok" if every else "unknown",
        seen=f"{listed} on {len(moving or names)} of {len(machine.cpus)} processors{locked}",
        why=why,
        mend="sudo cpupower frequency-set -g performance" if moving else None,
    )


def turbo(seen: Seen) -> Check:
    """Clocks above the nominal one, by Intel's switch or that of the other drivers."""
    no_turbo = seen.machine.read(f"{_CPU}/intel_pstate/no_turbo")
    boost = seen.machine.read(f"{_CPU}/cpufreq/boost")
    why = "How far it goes hangs on temperature and on how many cores work."
    intel = no_turbo in ("0", "1")
    if not intel and boost not in ("0", "1"):
        text = "not shown: no switch"
        return Check(name="turbo", state="unknown", seen=text, why=why)
    on = no_turbo == "0" if intel else boost == "1"
    switch = "1", "intel_pstate/no_turbo"
    if not intel:
        switch = "0", "cpufreq/boost"
    return Check(
        name="turbo",
        state="warn" if on else "ok",
        seen="on" if on else "off",
        why=why,
        mend=f"echo {switch[0]} | sudo tee /{_CPU}/{switch[1]}" if on else None,
    )


def clock(seen: Seen) -> Check:
    """The fastest processor's clock now, that it may have, and that it could have."""
    machine = seen.machine

    def fastest(name: str) -> float | None:
        """GHz, from kHz."""
        texts = machine.each_cpu(f"cpufreq/{name}").values()
        values = [int(text) for text in texts if text.isdigit()]  # Or <unknown>.
        return max(values, default=0) / 1e6 or None

    now, limit = fastest("scaling_cur_freq"), fastest("scaling_max_freq")
    could = fastest("cpuinfo_max_freq")
    why = "A clock below its maximum is not that of other days or machines."
    # Without turbo, the maximum of Intel's driver is still the one with it.
    if machine.read(f"{_CPU}/intel_pstate/no_turbo") == "1":
        could = limit = fastest("base_frequency")
    if now is None or limit is None or could is None:
        text = "not shown: no cpufreq" if now is None else f"not shown: what {now:.2f} GHz are of"
        return Check(name="clock", state="unknown", seen=text, why=why)
    limited = limit < _AT_ITS_LIMIT * could
    governors = set(machine.each_cpu("cpufreq/scaling_governor").values())
    low = now < _AT_ITS_LIMIT * limit
    mend = None
    if limited:
        mend = f"sudo cpupower frequency-set -u {could:.2f}GHz"
    elif low and governors == {"performance"}:
        mend = "look for heat and for limits of power: sudo turbostat"
    return Check(
        name="clock",
        state="warn" if mend else "unknown" if low and not governors else "ok",
        seen=f"{now:.2f} GHz at work; may go to {limit:.2f} of {could:.2f} GHz",
        why=why,
        mend=mend,
    )


def throttling(seen: Seen) -> Check:
    """Whether heat lowered the clocks since boot; else whether a thermal zone is where it would."""
    counters = seen.machine.folders(f"{_CPU}/cpu[0-9]*/thermal_throttle/*_throttle_count")
    counts = [count for path in counters if (count := seen.machine.number(path)) is not None]
    why = "A processor that is too hot lowers its clock."
    if counts:
        worst = max(counts)
        every = len(counts) == len(counters)
        return Check(
            name="throttling",
            state="warn" if worst else "ok" if every else "unknown",
            seen=f"{worst} times since boot" if worst else "never since boot",
            why=why,
            mend=f"give it air; see whether it goes on: cat /{counters[counts.index(worst)]}"
            if worst
            else None,
        )
    return _zones(seen, why)


def _zones(seen: Seen, why: str) -> Check:
    """Thermal zones whose passive trip point, where the kernel lowers clocks, is known."""
    machine = seen.machine
    nearest: tuple[float, str] | None = None
    for zone in machine.folders("sys/class/thermal/thermal_zone*"):
        temperature = machine.number(zone / "temp")
        for kind in machine.folders(f"{zone}/trip_point_*_type"):
            trip = machine.number(kind.with_name(kind.name.replace("_type", "_temp")))
            if machine.read(kind) == "passive" and temperature and trip and trip > 0:
                text = f"{machine.read(zone / 'type')}: {temperature / 1000:.0f} of"
                text += f" {trip / 1000:.0f} °C"
                nearest = max(nearest or (0.0, ""), (temperature / trip, text))
    if nearest is None:
        text = "not shown: no counters, no thermal zones"
        return Check(name="throttling", state="unknown", seen=text, why=why)
    hot = nearest[0] >= 1
    return Check(
        name="throttling",
        state="warn" if hot else "ok",
        seen=nearest[1],
        why=why,
        mend="let it cool down, and give it air" if hot else None,
    )


def virtual_machine(seen: Seen) -> Check:
    """Whether there is a hypervisor; what its other guests do cannot be seen from inside."""
    machine = seen.machine
    flags = next(
        (
            line.partition(":")[2].split()
            for line in (machine.read("proc/cpuinfo") or "").splitlines()
            if line.startswith("flags")
        ),
        [],
    )
    board = machine.read("proc/device-tree/model")
    kind = machine.read("sys/hypervisor/type")
    why = "Other guests on the same cores and memory cannot be seen from here."
    if kind or "hypervisor" in flags or board == "linux,dummy-virt":
        return Check(
            name="virtual machine",
            state="unknown",
            seen=f"yes ({kind})" if kind else "yes",
            why=why,
            mend="dnnbench check --resolve",
        )
    if not flags and not board:
        return Check(name="virtual machine", state="unknown", seen="not shown", why=why)
    return Check(name="virtual machine", state="ok", seen="no", why=why)


def steal(seen: Seen) -> Check:
    """Time that a hypervisor gave to other guests although programs here wanted it."""
    why = "The hypervisor runs other guests while a pass waits."
    if not seen.before or not seen.after:
        text = "not shown: no /proc/stat"
        return Check(name="stolen time", state="unknown", seen=text, why=why)
    change = {name: seen.after[name] - ticks for name, ticks in seen.before.items()}
    # One tick is the counter's resolution: it may have been all but full before.
    change["steal"] = max(0, change["steal"] - 1)
    now, ever = _stolen(change), _stolen(seen.after)
    stolen = max(now, ever) > MAX_STEAL
    return Check(
        name="stolen time",
        state="warn" if stolen else "ok",
        seen=f"{now:.1%} of a second's work, {ever:.1%} since boot",
        why=why,
        mend="dnnbench check --resolve; or a machine, or cores, for you alone" if stolen else None,
    )


def _stolen(ticks: Counters) -> float:
    """Share of the time that was wanted: an idle machine has nothing to be stolen from it."""
    wanted = sum(ticks.values()) - ticks["idle"] - ticks["iowait"]
    return ticks["steal"] / max(1, wanted)


def swap(seen: Seen) -> Check:
    """Swap in use."""
    text = seen.machine.read("proc/meminfo") or ""
    found = re.findall(r"^(SwapTotal|SwapFree): *(\d+) kB$", text, re.MULTILINE)
    sizes = {name: int(kib) / 1024 for name, kib in found}
    why = "Pages that come back in a pass are timed; swapped ones are not in memory read."
    if len(sizes) < 2:
        text = "not shown: no /proc/meminfo"
        return Check(name="swap", state="unknown", seen=text, why=why)
    used = sizes["SwapTotal"] - sizes["SwapFree"]
    return Check(
        name="swap",
        state="warn" if used else "ok",
        seen=f"{used:,.0f} of {sizes['SwapTotal']:,.0f} MiB in use",
        why=why,
        mend="sudo swapoff -a && sudo swapon -a" if used else None,
    )


def power(seen: Seen) -> Check:
    """Whether a battery feeds the machine; those of mice and the like do not count."""
    machine = seen.machine
    why = "On battery, firmware and kernel save power."
    if not (machine.root / "sys/class/power_supply").is_dir():
        text = "not shown: no power_supply"
        return Check(name="power", state="unknown", seen=text, why=why)
    supplies = machine.folders("sys/class/power_supply/*/")
    kinds = {supply: machine.read(supply / "type") for supply in supplies}
    statuses = [
        machine.read(supply / "status") if kind else None
        for supply, kind in kinds.items()
        if kind in ("Battery", None) and machine.read(supply / "scope") != "Device"
    ]
    draining = "Discharging" in statuses
    known = all(status in _CHARGED for status in statuses)
    text = "mains" if statuses else "no battery"
    return Check(
        name="power",
        state="warn" if draining else "ok" if known else "unknown",
        seen="battery" if draining else text if known else "not shown: the battery's status",
        why=why,
        mend="plug it in" if draining else None,
    )


def _stalled(seen: Seen, resource: str) -> float | None:
    """Share of the last ten seconds in which something waited for it; ``None``: not told."""
    text = seen.machine.read(f"proc/pressure/{resource}") or ""
    found = re.search(r"^some avg10=(\d+\.\d+) ", text, re.MULTILINE)
    return float(found[1]) / 100 if found else None


CHECKS = (
    other_programs,
    pressure,
    governor,
    turbo,
    clock,
    throttling,
    virtual_machine,
    steal,
    swap,
    power,
    variables,
)
