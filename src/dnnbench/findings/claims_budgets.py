"""Claims about the best network at batch size 1 within memory and speed limits.

Like the study, this module treats printed numbers as exact. :mod:`dnnbench.queries.selection` takes
rounding and intervals into account, and lists the same networks.
"""

from itertools import product

from dnnbench.core.units import MIB_PER_GIB
from dnnbench.findings.place_tables import Machine, Tables
from dnnbench.findings.stated import TOP1_ROUNDING, Kind, Outcome, Stated, descending, listed


def fitting(
    tables: Tables, machine: Machine, min_fps: float, max_memory_gib: float, count: int
) -> list[str]:
    """Return the ``count`` most accurate networks within both limits; ties by key."""
    fps, top1 = machine.fps(tables.networks), tables.top1()
    inside = {key: top1[key] for key in tables.networks if fps[key] >= min_fps}
    if max_memory_gib < float("inf"):
        memory = machine.memory_at(tables.networks)
        limit = max_memory_gib * MIB_PER_GIB
        inside = {key: value for key, value in inside.items() if memory[key] <= limit}
    return descending(inside)[:count]


def best_within(claim: Stated, tables: Tables) -> Outcome:
    """Test which network is the most accurate under each pair of limits."""
    machine, top1 = tables.machine(claim.tested_on), tables.top1()
    limits = claim.numbers("max_memory") or [float("inf")]
    best = [
        next(iter(fitting(tables, machine, fps, gib, 1)), None)
        for gib, fps in product(limits, claim.numbers("min_fps"))
    ]
    named = claim.word("network")
    found = sorted({key for key in best if key}, key=lambda key: -top1[key])
    return Outcome(
        "most accurate within the limits: "
        + (listed([f"{tables.names[key]} ({top1[key]:.2f}%)" for key in found]) or "none fits"),
        {"cells": len(best), "cells_of_named": sum(key == named for key in best)},
        set(best) == {named} and abs(top1[named] - claim.number("top1")) <= TOP1_ROUNDING,
    )


def jetson_like_titan(claim: Stated, tables: Tables) -> Outcome:
    """Test the best network under a memory limit without published memory."""
    machine = tables.machine(claim.tested_on)
    gib, fps = claim.number("min_memory"), claim.number("min_fps")
    best = next(iter(fitting(tables, machine, fps, gib, 1)), None)
    text = "most accurate within the limits: "
    text += f"{tables.names[best]} ({tables.top1()[best]:.2f}%)" if best else "none fits"
    if machine.basis and ":" in machine.basis:
        text += ", with the memory of the Titan Xp, because none was published for this device"
        return Outcome(text, {}, None, "memory measured on a Jetson TX1")
    return Outcome(text, {}, best == claim.word("network"))


def best_under_budgets(claim: Stated, tables: Tables) -> Outcome:
    """Test whether the lists of Table 3 are reproduced entry by entry."""
    cells = budget_cells(tables, claim.tested_on)
    same = sum(cells.values())
    return Outcome(
        f"{same} of {len(cells)} lists are reproduced entry by entry",
        {"cells": len(cells), "cells_same": same},
        same == len(cells) == claim.number("cells"),
    )


def budget_cells(
    tables: Tables, device: str, *, without_memory: bool = False
) -> dict[tuple[float, float], bool]:
    """Return whether each list of Table 3 is reproduced, by (GiB, images per second)."""
    lists: dict[tuple[float, float], list[str]] = {}
    for entry in sorted(tables.table_3, key=lambda entry: entry.rank):
        if entry.device == device:
            lists.setdefault((entry.max_memory_gb, entry.min_fps), []).append(entry.model)
    machine = tables.machine(device)
    return {
        (gib, fps): fitting(tables, machine, fps, float("inf") if without_memory else gib, 5)
        == names
        for (gib, fps), names in lists.items()
    }


CLAIMS = {
    **dict.fromkeys(
        ("best-in-low-memory", "best-super-real-time"),
        Kind(
            "Within {max_memory} GiB and at {min_fps} images/s on {machine}, {network} is the most"
            " accurate network, with {top1}%",
            best_within,
        ),
    ),
    "best-super-real-time-any-memory": Kind(
        "At {min_fps} images/s on {machine}, with any amount of memory, {network} is the most"
        " accurate network, with {top1}%",
        best_within,
    ),
    "jetson-like-titan": Kind(
        "With {min_memory} GiB or more, {network} ({top1}%) is the most accurate network that"
        " reaches {min_fps} images/s on {machine}",
        jetson_like_titan,
    ),
    **dict.fromkeys(
        ("best-under-budgets-titan", "best-under-budgets-jetson"),
        Kind(
            "Table 3 lists the most accurate networks on {machine} for {cells} pairs of limits",
            best_under_budgets,
        ),
    ),
}
