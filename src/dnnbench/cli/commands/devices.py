"""``dnnbench devices``: list the devices of a study."""

from dnnbench.cli import completion, messages, output_forms, printing
from dnnbench.core.formatting import STABILITIES
from dnnbench.records import paths


def devices(
    results: completion.Results = completion.RESULTS,
    as_json: output_forms.Json = False,
    as_csv: output_forms.Csv = False,
) -> None:
    """List the devices of the study, with the number of measured networks and cells.

    Example:

      dnnbench devices
    """
    from dnnbench.api.study_tables import Tables
    from dnnbench.cli import listings

    form = output_forms.chosen(json=as_json, csv=as_csv)
    tables = Tables(results)
    rows = listings.devices(tables)
    if form:
        output_forms.print_answer(form, {"devices": rows}, listings.ListedDevice, rows)
        return
    console = printing.console()
    if not rows:
        console.print(messages.NO_DEVICES.format(file=paths.under(results, paths.STUDY)))
        return
    numbers = ("networks", "cells", *STABILITIES)
    columns = ("device", *numbers, "batch sizes", "machine")
    table = printing.table(*columns, right=numbers, whole=("device", *numbers))
    for row in rows:
        stability = [getattr(row, word) for word in STABILITIES]
        table.add_row(
            row.device,
            f"{row.networks_timed}/{row.networks}",
            f"{row.cells_timed}/{row.cells}",
            *("" if count is None else str(count) for count in stability),
            row.batch_sizes.replace("+", ", "),
            row.machine,
        )
    printing.print_table(console, table)
    console.print(f"\n{messages.DEVICE_COUNTS}", style="dim")
    printing.print_set_aside(console, tables.set_aside)
