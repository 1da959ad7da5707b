"""``dnnbench models``: the networks of a study and of the registry."""

from dnnbench.cli import completion, printing
from dnnbench.core.formatting import significant


def models(results: completion.Results = completion.RESULTS) -> None:
    """List the networks, their accuracy and what they cost; the study's first.

    Example:

      dnnbench models
    """
    from dnnbench.cli.study_tables import Tables

    tables = Tables(results)
    columns = ("key", "network", "top-1, %", "from", "M par.", "GMAC")
    table = printing.table(
        *columns, right=("top-1, %", "M par.", "GMAC"), whole=("key", *columns[2:])
    )
    # The names begin with the registry's networks, and the study may lack some of them.
    for key in sorted(tables.names, key=lambda key: key not in tables.models):
        row = tables.models.get(key)
        table.add_row(
            key,
            tables.names[key],
            f"{row.top1:.2f}" if row and row.top1 is not None else "",
            (row.top1_source or "not known") if row else "not in this study",
            f"{row.params_executed / 1e6:.1f}" if row and row.params_executed is not None else "",
            significant(row.macs / 1e9) if row and row.macs is not None else "",
        )
    console = printing.console()
    console.print(table)
    console.print(
        "\nParameters: those that run. GMAC: 10^9 multiply-adds of one image.", style="dim"
    )
