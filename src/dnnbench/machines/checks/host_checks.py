"""Checks of the host, for all devices: clocks, load, and memory.

Address-space randomization and transparent huge pages are not checked. Both vary between processes,
and the latency is a median over fresh processes, with an interval that covers this variation.
"""

import re

from dnnbench.core import speed_variables
from dnnbench.core.formatting import several
from dnnbench.machines.checks.machine import Check, Counters, Seen
from dnnbench.stats.disturbance import MAX_BUSY

_CPU = "sys/devices/system/cpu"
_CHARGED = ("Charging", "Full", "Not charging")
_NO_CPUFREQ = "the kernel has no cpufreq driver here"
_RESOLVE = (
    "To measure how small a latency difference you can still detect: dnnbench check --resolve"
)
_MUCH_WAITING = 0.01
_MUCH_STOLEN = 0.005
_STOP = "Let them finish or stop them. To list them: top"
_NICE = 16  # Position in /proc/self/stat, after the program's name (proc_pid_stat(5)).
_AT_ITS_LIMIT = 0.9  # Clock readings are coarse and slightly delayed.


def other_programs(seen: Seen) -> Check:
    """Check the load of other programs.

    It uses the threshold that rounds apply when they start.
    """
    why = "Other programs compete with the measurement for cores, caches and memory bandwidth."
    if seen.busy is None:
        text = "unavailable: no ticks in /proc/stat"
        return Check(name="other programs", state="unknown", seen=text, why=why)
    busy = seen.busy > MAX_BUSY
    on_cpu = seen.machine.setup.backend == "cpu"
    whole = "CPU" if on_cpu else "CPU or device"
    return Check(
        name="other programs",
        state="warn" if busy else "ok",
        seen=f"use {seen.busy:.0%} of {whole} capacity"
        + (f", mostly {seen.busiest}" if busy else ""),
        why=why,
        fix=_STOP if busy else None,
    )


def variables(seen: Seen) -> Check:
    """Check that no environment variables change speed.

    OMP_WAIT_POLICY has its own check.
    """
    found = speed_variables.found(seen.machine.environ)
    found.pop(speed_variables.WAIT_POLICY, None)
    text = ", ".join(f"{name}={value}" for name, value in found.items())
    return Check(
        name="environment",
        state="warn" if found else "ok",
        seen=text or "no variables that change speed",
        why="Measurements with and without these environment variables are not comparable.",
        fix=f"To remove them from this shell: unset {' '.join(found)}" if found else None,
    )


def pressure(seen: Seen) -> Check:
    """Check how long programs waited for cores or memory (the kernel's PSI, last 10 seconds)."""
    shares = {name: _stalled(seen, file) for name, file in (("cores", "cpu"), ("memory", "memory"))}
    known = {name: share for name, share in shares.items() if share is not None}
    high = [name for name, share in known.items() if share > _MUCH_WAITING]
    parts = " and ".join(f"for {name} {share:.1%} of the time" for name, share in known.items())
    text = f"in the last 10 s, programs waited {parts}" if known else ""
    return Check(
        name="contention",
        state="warn" if high else "ok" if len(known) == len(shares) else "unknown",
        seen=text or "unavailable: no /proc/pressure",
        why="Programs compete for cores or memory, which slows each forward pass.",
        fix=_STOP if high else None,
    )


def governor(seen: Seen) -> Check:
    """Check that clocks do not follow the load; locked clocks never do."""
    machine = seen.machine
    names = machine.each_cpu("cpufreq/scaling_governor")
    low = machine.each_cpu("cpufreq/scaling_min_freq")
    high = machine.each_cpu("cpufreq/scaling_max_freq")
    moving = [
        name
        for cpu, name in names.items()
        if name != "performance" and (cpu not in low or low[cpu] != high.get(cpu))
    ]
    why = "If the clock follows the load, a forward pass begins at a low clock."
    if not names:
        text = f"unavailable: {_NO_CPUFREQ}"
        return Check(name="governor", state="unknown", seen=text, why=why)
    every = len(names) == len(machine.cpus)
    listed = ", ".join(dict.fromkeys(moving or names.values()))
    locked = "" if moving or listed == "performance" else ", clocks locked"
    return Check(
        name="governor",
        state="warn" if moving else "ok" if every else "unknown",
        seen=f"{listed} on {len(moving or names)} of {len(machine.cpus)} processors{locked}",
        why=why,
        fix="To keep the clock at its maximum: sudo cpupower frequency-set -g performance"
        if moving
        else None,
    )


def turbo(seen: Seen) -> Check:
    """Check that turbo clocks are off, by Intel's or another driver's switch."""
    no_turbo = seen.machine.read(f"{_CPU}/intel_pstate/no_turbo")
    boost = seen.machine.read(f"{_CPU}/cpufreq/boost")
    why = "Turbo clocks depend on temperature and on the number of busy cores."
    intel = no_turbo in ("0", "1")
    if not intel and boost not in ("0", "1"):
        text = "unavailable: the kernel shows no turbo setting"
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
        fix=f"To turn it off: echo {switch[0]} | sudo tee /{_CPU}/{switch[1]}" if on else None,
    )


def clock(seen: Seen) -> Check:
    """Check that the fastest processor runs at its maximum clock, without a limit."""
    machine = seen.machine

    def fastest(name: str) -> float | None:
        """Return the highest value of a file of all processors, in GHz."""
        texts = machine.each_cpu(f"cpufreq/{name}").values()
        values = [int(text) for text in texts if text.isdigit()]  # May be <unknown>.
        return max(values, default=0) / 1e6 or None

    now, limit = fastest("scaling_cur_freq"), fastest("scaling_max_freq")
    could = fastest("cpuinfo_max_freq")
    why = "A clock below its maximum may differ on other days or machines."
    # Intel's driver reports the turbo maximum even if turbo is off.
    if machine.read(f"{_CPU}/intel_pstate/no_turbo") == "1":
        could = limit = fastest("base_frequency")
    if now is None or limit is None or could is None:
        text = _NO_CPUFREQ if now is None else f"its maximum ({now:.2f} GHz under load)"
        text = f"unavailable: {text}"
        return Check(name="clock", state="unknown", seen=text, why=why)
    limited = limit < _AT_ITS_LIMIT * could
    governors = set(machine.each_cpu("cpufreq/scaling_governor").values())
    low = now < _AT_ITS_LIMIT * limit
    fix = None
    if limited:
        fix = f"To raise its limit to its maximum: sudo cpupower frequency-set -u {could:.2f}GHz"
    elif low and governors == {"performance"}:
        fix = "To see whether temperature or power limits it: sudo turbostat"
    return Check(
        name="clock",
        state="warn" if fix else "unknown" if low and not governors else "ok",
        seen=f"{now:.2f} GHz under load (limit {limit:.2f}, hardware maximum {could:.2f})",
        why=why,
        fix=fix,
    )


def throttling(seen: Seen) -> Check:
    """Check for thermal throttling since boot, or for thermal zones at their limit."""
    counters = seen.machine.folders(f"{_CPU}/cpu[0-9]*/thermal_throttle/*_throttle_count")
    counts = [count for path in counters if (count := seen.machine.number(path)) is not None]
    why = "An overheated processor lowers its clock."
    if counts:
        worst = max(counts)
        every = len(counts) == len(counters)
        return Check(
            name="throttling",
            state="warn" if worst else "ok" if every else "unknown",
            seen=f"{several(worst, 'time')} since boot" if worst else "never since boot",
            why=why,
            fix="Improve cooling. To see whether the count still rises:"
            f" cat /{counters[counts.index(worst)]}"
            if worst
            else None,
        )
    return _zones(seen, why)


def _zones(seen: Seen, why: str) -> Check:
    """Check thermal zones against passive trip points, where the kernel throttles."""
    machine = seen.machine
    nearest: tuple[float, str] | None = None
    for zone in machine.folders("sys/class/thermal/thermal_zone*"):
        temperature = machine.number(zone / "temp")
        for kind in machine.folders(f"{zone}/trip_point_*_type"):
            trip = machine.number(kind.with_name(kind.name.replace("_type", "_temp")))
            if machine.read(kind) == "passive" and temperature and trip and trip > 0:
                text = f"{machine.read(zone / 'type')} at {temperature / 1000:.0f} °C,"
                text += f" throttles at {trip / 1000:.0f} °C"
                nearest = max(nearest or (0.0, ""), (temperature / trip, text))
    if nearest is None:
        text = "unavailable: no throttle counters or thermal zones"
        return Check(name="throttling", state="unknown", seen=text, why=why)
    hot = nearest[0] >= 1
    return Check(
        name="throttling",
        state="warn" if hot else "ok",
        seen=nearest[1],
        why=why,
        fix="Let the processor cool down, and improve cooling." if hot else None,
    )


def virtual_machine(seen: Seen) -> Check:
    """Check for a hypervisor, whose other guests are not visible."""
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
    why = "Other virtual machines on the same host may use its cores and memory."
    if kind or "hypervisor" in flags or board == "linux,dummy-virt":
        return Check(
            name="other guests",
            state="unknown",
            seen="not visible from inside a virtual machine" + (f" ({kind})" if kind else ""),
            why=why,
            fix=_RESOLVE,
        )
    if not flags and not board:
        text = "unavailable: no processor flags in /proc/cpuinfo"
        return Check(name="other guests", state="unknown", seen=text, why=why)
    return Check(name="other guests", state="ok", seen="none: not a virtual machine", why=why)


def steal(seen: Seen) -> Check:
    """Check the time that a hypervisor gave to other guests while programs here were waiting."""
    why = "The hypervisor runs other guests while a forward pass waits."
    if not seen.before or not seen.after:
        text = "unavailable: no /proc/stat"
        return Check(name="stolen time", state="unknown", seen=text, why=why)
    change = {name: seen.after[name] - ticks for name, ticks in seen.before.items()}
    # One tick is the resolution of the counter, so a difference of one may be rounding.
    change["steal"] = max(0, change["steal"] - 1)
    now, ever = _stolen(change), _stolen(seen.after)
    stolen = max(now, ever) > _MUCH_STOLEN
    return Check(
        name="stolen time",
        state="warn" if stolen else "ok",
        seen=f"the host withheld {now:.1%} of the requested CPU time in the last second, and"
        f" {ever:.1%} since boot",
        why=why,
        fix=f"Use dedicated cores or a dedicated machine. {_RESOLVE}" if stolen else None,
    )


def _stolen(ticks: Counters) -> float:
    """Return the stolen share of the requested time; idle time does not count."""
    wanted = sum(ticks.values()) - ticks["idle"] - ticks["iowait"]
    return ticks["steal"] / max(1, wanted)


def swap(seen: Seen) -> Check:
    """Check that no swap is in use."""
    text = seen.machine.read("proc/meminfo") or ""
    found = re.findall(r"^(SwapTotal|SwapFree): *(\d+) kB$", text, re.MULTILINE)
    sizes = {name: int(kib) / 1024 for name, kib in found}
    why = "Reading swapped pages slows a forward pass, and swapped memory is not measured."
    if len(sizes) < 2:
        text = "unavailable: no /proc/meminfo"
        return Check(name="swap", state="unknown", seen=text, why=why)
    total = sizes["SwapTotal"]
    used = total - sizes["SwapFree"]
    return Check(
        name="swap",
        state="warn" if used else "ok",
        seen=f"{used:,.0f} of {total:,.0f} MiB in use" if total else "none configured",
        why=why,
        fix="To move swapped memory back into RAM: sudo swapoff -a && sudo swapon -a"
        if used
        else None,
    )


def power(seen: Seen) -> Check:
    """Check that the machine is not on battery.

    Batteries of peripherals do not count.
    """
    machine = seen.machine
    why = "On battery, the firmware and the kernel save power."
    if not (machine.root / "sys/class/power_supply").is_dir():
        text = "unavailable: no /sys/class/power_supply"
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
    text = "on mains" if statuses else "no battery"
    return Check(
        name="power",
        state="warn" if draining else "ok" if known else "unknown",
        seen="on battery" if draining else text if known else "unavailable: status of the battery",
        why=why,
        fix="Plug in the power supply." if draining else None,
    )


def _stalled(seen: Seen, resource: str) -> float | None:
    """Return the share of the last 10 s in which programs waited; None if unknown."""
    text = seen.machine.read(f"proc/pressure/{resource}") or ""
    found = re.search(r"^some avg10=(\d+\.\d+) ", text, re.MULTILINE)
    return float(found[1]) / 100 if found else None


def nice_level(seen: Seen) -> Check:
    """Check that this process has the nice level 0, which its children inherit."""
    stat = (seen.machine.read("proc/self/stat") or "").rpartition(")")[2].split()
    why = "A nice level changes the share of a core that a pass gets next to other programs."
    if len(stat) <= _NICE:
        text = "unavailable: the state of this process"
        return Check(name="nice level", state="unknown", seen=text, why=why)
    level = int(stat[_NICE])
    return Check(
        name="nice level",
        state="warn" if level else "ok",
        seen=str(level),
        why=why,
        fix="Run it without nice, in a new shell, or reset this shell: sudo renice -n 0 -p $$"
        if level
        else None,
    )


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
    nice_level,
)
