"""``dnnbench devices``: the devices of a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dnnbench.cli import completion, printing

if TYPE_CHECKING:
    from dnnbench.cli.study_tables import Tables
    from dnnbench.records.study_records import StudyRow


def devices(results: completion.Results = completion.RESULTS) -> None:
    """List the devices of the study, and what was measured on them.

    Example:

      dnnbench devices
    """
    from dnnbench.cli.study_tables import Tables

    tables = Tables(results)
    columns = ("device", "networks", "cells", "not stable", "batch sizes", "where from")
    table = printing.table(*columns, right=columns[1:4], whole=columns[:4])
    for device in tables.devices:
        rows = tables.rows(device)
        timed = [row for row in rows if row.status == "ok" and row.source != "predicted"]
        sizes = sorted({row.batch_size for row in rows})
        table.add_row(
            device,
            f"{len({row.model for row in timed})}/{len({row.model for row in rows})}",
            f"{len(timed)}/{len(rows)}",
            str(sum(row.stable is False for row in timed)) if rows[0].source == "measured" else "",
            ", ".join(map(str, sizes)),
            _where_from(tables, device, rows),
        )
    console = printing.console()
    console.print(table)
    console.print("\nNetworks and cells with a time, of those in the study.", style="dim")
    printing.print_set_aside(console, tables.set_aside)


def _where_from(tables: Tables, device: str, rows: Sequence[StudyRow]) -> str:
    from dnnbench.report.figures.figure_names import device_label
    from dnnbench.tables.sound_records import SoundRecords

    if rows[0].source != "measured":
        return device_label(device)
    parts = []
    if machine := SoundRecords(tables.results, device).environment():
        parts.append(f"{machine.gpu or machine.cpu}, {machine.threads} threads")
    sessions = dict.fromkeys(session for row in rows for session in (row.session or "").split("+"))
    parts += [f"session {session}" for session in sessions if session]
    return "; ".join(parts) or "measured"
