"""``dnnbench check``: find disturbances, and measure which changes are resolved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dnnbench.cli import completion, messages, output_forms, printing
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import several, significant
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
            metavar="DEVICE",
            help="Name of a device file in config/devices; by default, that of the profile in"
            " params.yaml.",
            autocompletion=completion.complete_device_file,
        ),
    ] = None,
    resolve: Annotated[
        bool,
        typer.Option(
            "--resolve",
            help="Also measure the smallest change in latency that this machine can detect"
            " (1 to 2 minutes).",
        ),
    ] = False,
    as_json: output_forms.Json = False,
    as_csv: output_forms.Csv = False,
) -> None:
    """Check this machine for anything that would disturb timings, and suggest fixes.

    A check is "unknown" if the machine does not provide the information, which
    is common in virtual machines. If a check finds a disturbance, the exit code
    is 4. The command changes nothing and writes nothing to results/.

    With --resolve, the same networks are measured in four alternating sessions.
    Their differences show how large a change must be to be detectable.

    Examples:

      dnnbench check
      dnnbench check --device cpu --resolve
    """
    from dnnbench.config import loading
    from dnnbench.machines import other_devices, resolution
    from dnnbench.machines.checks import all_checks
    from dnnbench.machines.checks.machine import Check
    from dnnbench.networks import registry

    form = output_forms.chosen(json=as_json, csv=as_csv)
    if resolve and form == "csv":
        raise typer.BadParameter("--resolve: its result is not part of the CSV. Use --json")
    if not paths.PARAMETERS.exists():
        raise UserError(f"{paths.PARAMETERS}: no such file. Run this in the folder of the study.")
    source = "--device" if device else f"{paths.PARAMETERS}: profile"
    name = device or loading.default_profile(loading.read(paths.PARAMETERS).content)
    settings = other_devices.settings(name, source=source)
    found = all_checks.look(settings)
    console = printing.console()
    if not form:
        _print_checks(console, name, found)
    resolved = None
    if resolve:
        known = registry.load_registry(paths.REGISTRY)
        resolved = resolution.run(settings, {key: known[key] for key in resolution.NETWORKS})
        if not form:
            _print_resolution(console, resolved)
    if form:
        whole = {"device": name, "checks": found, "resolution": resolved}
        output_forms.print_answer(form, whole, Check, found)
    if any(one.state == "warn" for one in found):
        raise typer.Exit(DISTURBED)


def _print_checks(console: Console, device: str, found: Sequence[Check]) -> None:
    """Print one line per check, followed by fixes."""
    warned, unknown = (sum(one.state == state for one in found) for state in ("warn", "unknown"))
    counts = {"device": device, "checks": several(len(found), "check")}
    title = messages.CHECKS.format(**counts, warned=warned, unknown=unknown)
    console.print(title, style="bold")
    table = printing.table("state", "check", "found", whole=("state", "check"), titles=2)
    for one in found:
        table.add_row(printing.styled(one.state, _STATES[one.state]), one.name, one.seen)
    console.print()
    printing.print_table(console, table)
    if unknown:
        console.print(f"\n{messages.UNKNOWN_STATE}", style="dim")
    for one in found:
        if one.fix:
            console.print(f"\n{one.name}: {one.why}")
            # Do not wrap commands, so that they can be copied.
            console.print(f"    {one.fix}", soft_wrap=True)


def _print_resolution(console: Console, found: Resolution) -> None:
    from dnnbench.api.study_tables import network_names

    names = network_names()
    listed = ", ".join(names.get(key, key) for key in found.networks)
    console.print()
    for key, message in found.failed.items():
        console.print(messages.NOT_MEASURED.format(network=names.get(key, key), message=message))
    if found.resolution is None:
        console.print(messages.NO_RESOLUTION.format(device=found.device))
        return
    percent = significant(100 * (found.resolution - 1), 2)
    resolved = messages.RESOLVES.format(percent=percent)
    if found.resolution >= 2:
        resolved = messages.RESOLVES_FACTOR.format(factor=significant(found.resolution, 2))
    console.print(resolved, style="bold")
    fields = found.model_dump()
    console.print(messages.RESOLUTION_STUDY.format(**fields | {"networks": listed}))
    console.print(messages.FALSE_POSITIVES.format_map(fields))
    if found.disturbed:
        console.print(messages.DISTURBED_PROCESSES.format_map(fields))
    console.print(messages.OTHER_DAYS, style="dim")
