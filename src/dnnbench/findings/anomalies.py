"""Anomalies in a study's tables: numbers that do not look like measurements.

A detector describes and quantifies one anomaly. It works on any tables of this kind, and is applied
to the printed tables and to the devices measured here.
"""

from collections.abc import Iterable, Mapping
from itertools import combinations, pairwise

from dnnbench.core.units import MIB_PER_GIB
from dnnbench.findings.claims_budgets import budget_cells
from dnnbench.findings.corrections import (
    Exchanges,
    MemoryStep,
    column,
    complete,
    corrected,
    exchanges,
    memory_step,
    reference_times,
)
from dnnbench.findings.place_tables import MissingError, Tables
from dnnbench.findings.relabeling import Relabeling, relabeled
from dnnbench.findings.replication import close_to_count
from dnnbench.findings.stated import listed
from dnnbench.findings.step import Step, step_at
from dnnbench.queries.bounds import MEMORY_REPEATS_MIB
from dnnbench.records import labels
from dnnbench.records.findings_records import Anomaly, Detection
from dnnbench.records.published_study import DEVICES, JETSON, TITAN, label

# Relative difference in operations and parameters below which two networks are near-identical.
TWINS = 0.005
# Relative difference in memory of near-identical networks above which it is reported.
UNLIKE = 0.25
# Relative increase in latency per image from batch size 1 to 2 above which it is reported.
SLOWER = 0.05


def report(
    printed: Tables,
    counts: Tables,
    devices: Iterable[Tables],
    found: Exchanges,
    jump: MemoryStep | None,
) -> list[Anomaly]:
    """Return every anomaly searched for, in the printed tables and on each device."""
    measured = list(devices)
    reference = reference_times(printed)
    simple = (
        ("identical-rows", "Networks with the same memory at every batch size", identical_rows),
        (
            "unlike-twins",
            "Networks of one family with the same operations and parameters but different memory",
            unlike_twins,
        ),
        ("falling-memory", "Memory that decreases with a larger batch", falling_memory),
        (
            "slower-in-pairs",
            "Networks with a higher latency per image at batch size 2 than at 1",
            slower_in_pairs,
        ),
    )
    return [
        Anomaly(
            key="exchanged-rows",
            title="Rows with exchanged labels",
            published=_exchanged(printed, counts, found),
            measured=[
                _exchanged(one, counts, exchanges(one, counts, reference)) for one in measured
            ],
        ),
        Anomaly(
            key="memory-step",
            title="A step in memory in alphabetical order",
            published=_stepped(printed, jump, None),
            measured=[_stepped(one, memory_step(one), jump) for one in measured],
        ),
        Anomaly(
            key="borrowed-memory",
            title="Budgets of one device compared with the memory of another",
            published=borrowed_memory(printed),
            measured=[],
        ),
        *(
            Anomaly(
                key=key,
                title=title,
                published=detect(printed),
                measured=[detect(one) for one in measured],
            )
            for key, title, detect in simple
        ),
    ]


# Exchanged rows ----------------------------------------------------------------------------------


def _exchanged(place: Tables, counts: Tables, found: Exchanges) -> Detection:
    columns = {
        "operations": found.operations,
        **{f"time on {label(device)}": exchange for device, exchange in found.times.items()},
        "memory": found.memory,
    }
    asked = {name: exchange for name, exchange in columns.items() if exchange}
    if not asked:
        return _unknown(place, "the operations of some networks are not counted here")
    numbers: dict[str, float] = {}
    for name, exchange in asked.items():
        numbers |= {
            f"{name}: left": exchange.left,
            f"{name}: next_left": exchange.next_left,
            f"{name}: p": exchange.p,
        }
    parts = [
        # The keys of findings.json keep their names.
        name.replace("time on", "latency on")
        + f": {_said(place, exchange, found.owners, first=exchange is found.operations)}"
        for name, exchange in asked.items()
    ]
    if found.owners:
        after = relabeled(place.gmacs(), found.owners)
        fits = _close(place.gmacs(), counts), _close(after, counts)
        lists = _changed_lists(place, corrected(place, found, None))
        numbers |= {
            "operations within error, as labelled": fits[0],
            "operations within error, after the exchange": fits[1],
            "lists_changed": lists,
        }
        parts += [
            "operations match the counted ones, within the error of reading the figure, for"
            f" {fits[0]} of {len(after)} networks as labeled, and for {fits[1]} with the exchange"
            " undone",
            f"undoing the exchange changes {_number_of_lists(lists)}",
        ]
    return Detection(
        place=place.place,
        text="\n".join(part[0].upper() + part[1:] for part in parts),
        numbers=numbers,
        found=any(exchange.found for exchange in asked.values()),
    )


def _said(place: Tables, exchange: Relabeling, owners: Mapping[str, str], *, first: bool) -> str:
    """Describe the best exchange in a column.

    ``owners``: the exchange found in operations, if any; only the ``first`` column lists its rows.
    """
    evidence = (
        f"{exchange.tried} exchanges tried; undoing the best one leaves {100 * exchange.left:.3g}%"
        f" of the squared residuals, undoing the second best {100 * exchange.next_left:.3g}%;"
        f" p = {exchange.p:.2g}"
    )
    same = bool(owners) and exchange.owners == owners
    if not exchange.found:
        verdict = (
            "the same exchange fits best, but that may be chance" if same else "no exchange found"
        )
        return f"{verdict} ({evidence})"
    if same and not first:
        return f"the same exchange ({evidence})"
    moves = [
        f"the row of {place.names[shown]} has the value of {place.names[owner]}"
        for shown, owner in sorted(exchange.owners.items())
    ]
    return f"{listed(moves)} ({evidence})"


def _close(gmacs: Mapping[str, float], counts: Tables) -> int:
    """Return how many values agree with the counted ones."""
    counted = counts.gmacs()
    return sum(close_to_count(value, counted[key]) for key, value in gmacs.items())


# The step ----------------------------------------------------------------------------------------


def _stepped(place: Tables, jump: MemoryStep | None, published: MemoryStep | None) -> Detection:
    """Describe the best step, and for a device also that at the published position."""
    if jump is None:
        return _unknown(place, "the memory of some networks is unknown here")
    step, luck = jump.step, jump.chance
    numbers = {
        "step_mib": step.size,
        "step_low": step.low,
        "step_high": step.high,
        "explained": step.explained,
        "place": float(step.place),
        "p_order": luck.p_order,
        "p_family": luck.p_family,
    }
    text = (
        f"In alphabetical order, the best-fitting step is between {place.names[jump.before]} and"
        f" {place.names[jump.behind]}: {_mib(step)}\nIt explains {100 * step.explained:.0f}% of"
        " the variance that model size leaves unexplained\nProbability of a step that explains at"
        f" least as much by chance: p = {luck.p_order:.1g} with networks in random order,"
        f" p = {luck.p_family:.1g} with whole families in random order"
    )
    if published is not None:
        keys = place.networks
        machine = place.machine(TITAN)
        here = step_at(
            column(place.size_mib(), keys),
            column(machine.memory_at(keys), keys),
            published.step.place,
        )
        if here:
            numbers |= {"there_mib": here.size, "there_low": here.low, "there_high": here.high}
            text += (
                "\nAt the position of the step in the printed tables, after"
                f" {place.names[published.before]}, the step here is {_mib(here)}"
                f" (memory basis: {labels.memory_basis(machine.basis or 'mixed')})"
            )
    elif luck.found:
        lists = _changed_lists(place, corrected(place, Exchanges(None, {}, None), jump))
        numbers["lists_changed"] = lists
        text += f"\nRemoving the step changes {_number_of_lists(lists)}"
    return Detection(place=place.place, text=text, numbers=numbers, found=luck.found)


def _number_of_lists(count: int) -> str:
    return f"{count or 'no'} {'list' if count == 1 else 'lists'} of Table 3"


def _mib(step: Step) -> str:
    return f"{step.size:z.0f} MiB ({step.low:z.0f} to {step.high:z.0f})"


def _changed_lists(before: Tables, after: Tables) -> int:
    """Return how many lists of Table 3 are reproduced before but not after."""
    return sum(
        was and not budget_cells(after, device)[limits]
        for device in DEVICES
        for limits, was in budget_cells(before, device).items()
    )


# Other anomalies ----------------------------------------------------------------------------------


def borrowed_memory(place: Tables) -> Detection:
    """Test whether the Titan's memory, or none, reproduces the Jetson's lists."""
    cells = budget_cells(place, JETSON)
    free = budget_cells(place, JETSON, without_memory=True)
    evident = [limits for limits in cells if cells[limits] and not free[limits]]
    same = sum(cells.values())
    limits = listed([f"{gib:g}" for gib in sorted({gib for gib, _ in evident})])
    text = (
        f"The memory of a Titan Xp reproduces {same} of the {len(cells)} lists for a Jetson TX1."
        f" {sum(free.values())} of them do not depend on the memory limit"
    )
    if evident:
        text += f", so only the {len(evident)} with a limit of {limits} GiB are evidence"
    return Detection(
        place=place.place,
        text=text,
        numbers={"cells": len(cells), "cells_same": same, "cells_with_evidence": len(evident)},
        found=same == len(cells) and bool(evident),
    )


def identical_rows(place: Tables) -> Detection:
    """Find pairs of networks with the same memory at three or more batch sizes."""
    try:
        machine = place.machine(TITAN)
        sizes = complete(machine.memory, place.networks)
    except MissingError:
        sizes = []
    if len(sizes) < 3:
        return _unknown(
            place, "the memory of all networks is known for fewer than three batch sizes here"
        )
    pairs = [
        (a, b)
        for a, b in combinations(place.networks, 2)
        if all(machine.memory[a, size] == machine.memory[b, size] for size in sizes)
    ]
    shown = "; ".join(f"{place.names[a]} and {place.names[b]}" for a, b in pairs) or "no pair"
    return Detection(
        place=place.place,
        text=f"{shown} (at {len(sizes)} batch sizes)",
        numbers={"pairs": len(pairs), "batch_sizes": len(sizes)},
        found=bool(pairs),
    )


def unlike_twins(place: Tables) -> Detection:
    """Find near-identical networks of one family whose memory differs.

    Memory is compared at the largest batch size.
    """
    try:
        machine = place.machine(TITAN)
        size = max(complete(machine.memory, place.networks), default=None)
        gmacs, params = place.gmacs(), place.params_m()
    except MissingError:
        size = None
    if size is None:
        return _unknown(place, "the memory or the operations of some networks are unknown here")
    twins = [
        (a, b)
        for a, b in combinations(place.networks, 2)
        if place.families[a] == place.families[b]
        and _near(gmacs[a], gmacs[b])
        and _near(params[a], params[b])
    ]
    memory = machine.memory_at(place.networks, size)
    unlike = [
        sorted(pair, key=lambda key: memory[key])
        for pair in twins
        if max(memory[key] for key in pair) > (1 + UNLIKE) * min(memory[key] for key in pair)
    ]
    shown = "; ".join(
        f"{place.names[high]} uses {memory[high] / MIB_PER_GIB:.2f} GiB and {place.names[low]}"
        f" {memory[low] / MIB_PER_GIB:.2f} GiB"
        for low, high in unlike
    )
    return Detection(
        place=place.place,
        text=f"{shown or 'no such pair'} ({len(twins)} pairs compared, at batch size {size})",
        numbers={"pairs": len(unlike), "twins": len(twins), "batch_size": size},
        found=bool(unlike),
    )


def falling_memory(place: Tables) -> Detection:
    """Find adjacent batch sizes where the larger one uses less memory.

    Differences within the repeatability of a reading do not count.

    All printed numbers are rounded alike, so rounding cannot make memory decrease.
    """
    try:
        memory = place.machine(TITAN).memory
    except MissingError:
        memory = {}
    if not memory:
        return _unknown(place, "no memory is known here")
    falls = [
        f"{place.names[key]} from {memory[key, small] / MIB_PER_GIB:.2f} to"
        f" {memory[key, large] / MIB_PER_GIB:.2f} GiB (batch size {small} to {large})"
        for key in place.networks
        for small, large in pairwise(sorted(size for name, size in memory if name == key))
        if memory[key, large] < memory[key, small] - MEMORY_REPEATS_MIB
    ]
    return Detection(
        place=place.place,
        text="; ".join(falls) or "no decrease",
        numbers={"times": len(falls)},
        found=bool(falls),
    )


def slower_in_pairs(place: Tables) -> Detection:
    """Find networks with a higher latency per image at batch size 2 than at 1."""
    parts: list[str] = []
    numbers: dict[str, float] = {}
    for device, machine in place.machines.items():
        time = machine.latency
        known = [key for key in place.networks if (key, 1) in time and (key, 2) in time]
        if known:
            slow = [key for key in known if time[key, 2] > (1 + SLOWER) * time[key, 1]]
            numbers[device] = len(slow)
            shown = listed([place.names[key] for key in slow]) or "none"
            parts.append(f"{len(slow)} of {len(known)} networks on {label(device)} ({shown})")
    if not parts:
        return _unknown(place, "no latencies at batch size 2 are known here")
    return Detection(
        place=place.place,
        text=f"more than {100 * SLOWER:.0f}% higher: " + "; ".join(parts),
        numbers=numbers,
        found=any(numbers.values()),
    )


def _unknown(place: Tables, text: str) -> Detection:
    return Detection(place=place.place, text=text, numbers={}, found=None)


def _near(a: float, b: float) -> bool:
    return abs(a - b) <= TWINS * max(a, b)
