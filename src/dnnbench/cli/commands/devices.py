"""``dnnbench devices``: list the devices of a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dnnbench.cli import completion, messages, printing
from dnnbench.core.formatting import STABILITIES, several
from dnnbench.records import labels

if TYPE_CHECKING:
    from dnnbench.api.study_tables import Tables
    from dnnbench.records.study_records import StudyRow


def devices(results: completion.Results = completion.RESULTS) -> None:
    """List the devices of the study, with the number of measured networks and cells.

    Example:

      dnnbench devices
    """
    from dnnbench.api.study_tables import Tables

    tables = Tables(results)
    numbers = ("networks", "cells", *STABILITIES)
    columns = ("device", *numbers, "batch sizes", "machine")
    table = printing.table(*columns, right=numbers, whole=("device", *numbers))
    for device in tables.devices:
        rows = tables.rows(device)
        timed = [row for row in rows if row.status == "ok" and row.source != "predicted"]
        sizes = sorted({row.batch_size for row in rows})
        table.add_row(
            device,
            f"{len({row.model for row in timed})}/{len({row.model for row in rows})}",
            f"{len(timed)}/{len(rows)}",
            *(
                str(sum(row.stability == word for row in timed))
                if rows[0].source == "measured"
                else ""
                for word in STABILITIES
            ),
            ", ".join(map(str, sizes)),
            _machine(tables, device, rows),
        )
    console = printing.console()
    printing.print_table(console, table)
    console.print(f"\n{messages.DEVICE_COUNTS}", style="dim")
    printing.print_set_aside(console, tables.set_aside)


def _machine(tables: Tables, device: str, rows: Sequence[StudyRow]) -> str:
    from dnnbench.tables.sound_records import SoundRecords

    if rows[0].source != "measured":
        return labels.device(device)
    parts = []
    if machine := SoundRecords(tables.results, device).environment():
        threads = several(machine.threads, "thread")
        parts.append(f"{machine.gpu or machine.cpu}, {threads}")
    sessions = dict.fromkeys(session for row in rows for session in (row.session or "").split("+"))
    parts += [f"session {session}" for session in sessions if session]
    return "; ".join(parts) or "measured"
