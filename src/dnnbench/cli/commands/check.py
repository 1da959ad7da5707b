"""``dnnbench check``: what would disturb timings on this machine, and what differences it tells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dnnbench.cli import completion, printing
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import significant
from dnnbench.records import paths

if TYPE_CHECKING:
    from rich.console import Console

    from dnnbench.machines.checks.all_checks import Check
    from dnnbench.machines.resolution import Resolution

DISTURBED = 4

_STATES = {"ok": "green", "warn": "red", "unknown": "yellow"}


def check(
    device: Annotated[
        str | None,
        typer.Option(
            help="Device file, by its name in config/devices.",
            show_default="the profile of params.yaml",
            autocompletion=completion.complete_device_file,
        ),
    ] = None,
    resolve: Annotated[
        bool,
        typer.Option("--resolve", help="Time a few networks again and again, for a minute or two."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The whole answer as JSON.")] = False,
) -> None:
    """Check this machine for anything that would disturb timings, and suggest fixes.

    "unknown" is what the machine does not show, as virtual machines often do
    not: it is no "ok". Where something would disturb, the exit code is 4.
    Nothing is changed, and nothing is written to results/.

    With --resolve the same networks are timed in four sessions that take turns.
    How much these differ is what this machine cannot tell from nothing.

    Examples:

      dnnbench check
      dnnbench check --device cpu --resolve
    """
    from dnnbench.config import loading
    from dnnbench.machines import other_devices, resolution
    from dnnbench.machines.checks import all_checks
    from dnnbench.networks import registry

    if not paths.PARAMETERS.exists():
        raise UserError(f"{paths.PARAMETERS}: no such file; run this in the folder of the study")
    source = "--device" if device else f"{paths.PARAMETERS}: profile"
    name = device or loading.default_profile(loading.read(paths.PARAMETERS).content)
    settings = other_devices.settings(name, source=source)
    found = all_checks.look(settings)
    console = printing.console()
    if not as_json:
        _print_checks(console, name, found)
    resolved = None
    if resolve:
        known = registry.load_registry(paths.REGISTRY)
        resolved = resolution.run(settings, {key: known[key] for key in resolution.NETWORKS})
        if not as_json:
            _print_resolution(console, resolved)
    if as_json:
        whole = {
            "device": name,
            "checks": [one.model_dump() for one in found],
            "resolution": resolved and resolved.model_dump(),
        }
        print(json.dumps(whole, indent=1))
    if any(one.state == "warn" for one in found):
        raise typer.Exit(DISTURBED)


def _print_checks(console: Console, device: str, found: Sequence[Check]) -> None:
    """A line a check, and then what to do about those that are not ok."""
    warned, unknown = (sum(one.state == state for one in found) for state in ("warn", "unknown"))
    what = f"{device}: {warned} of {len(found)} checks found what would disturb timings"
    console.print(f"{what}; {unknown} cannot tell.", style="bold")
    table = printing.table("state", "check", "seen", whole=("state", "check"))
    for one in found:
        table.add_row(printing.styled(one.state, _STATES[one.state]), one.name, one.seen)
    console.print()
    console.print(table)
    for one in found:
        if one.mend:
            console.print(f"\n{one.name}: {one.why}")
            # A command is one line to copy, however narrow the terminal.
            console.print(f"    {one.mend}", soft_wrap=True)


def _print_resolution(console: Console, found: Resolution) -> None:
    from dnnbench.cli.study_tables import network_names

    names = network_names()
    listed = ", ".join(names.get(key, key) for key in found.networks)
    console.print()
    for key, message in found.failed.items():
        console.print(f"{names.get(key, key)} could not be timed: {message}.")
    if found.resolution is None:
        console.print(f"{found.device}: what differences this machine resolves cannot be told.")
        return
    what = f"differences of {significant(100 * (found.resolution - 1), 2)} %"
    if found.resolution >= 2:
        what = f"only differences by a factor of {significant(found.resolution, 2)}"
    console.print(f"This machine resolves {what}.", style="bold")
    console.print(
        f"{listed} at batch size 1, in {found.sessions} sessions of {found.rounds} rounds that"
        f" took turns: half of {found.comparisons} comparisons of a network with itself could tell"
        " a change as large as that."
    )
    console.print(
        f"Called different by mistake: {found.different} of {found.comparisons}; 95 % intervals"
        f" without 1: {found.outside}, where one in twenty is expected."
    )
    if found.disturbed:
        console.print(
            f"{found.disturbed} of {found.processes} processes were disturbed: on a quiet machine"
            " it would be less."
        )
    console.print("Other days may differ by more: see docs/method.md.", style="dim")
