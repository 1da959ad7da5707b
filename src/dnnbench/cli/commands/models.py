"""``dnnbench models``: list the networks of a study and of the registry."""

from dnnbench.cli import completion, messages, printing
from dnnbench.core.formatting import significant
from dnnbench.records import labels


def models(results: completion.Results = completion.RESULTS) -> None:
    """List the networks with their accuracy, parameters, and multiply-adds.

    The networks of the study come first, followed by the rest of the registry.

    Example:

      dnnbench models
    """
    from dnnbench.api.study_tables import Tables

    tables = Tables(results)
    numbers = (messages.TOP1, messages.PARAMETERS, messages.OPERATIONS)
    columns = ("key", "network", messages.TOP1, "source of top-1", *numbers[1:])
    table = printing.table(*columns, right=numbers, whole=numbers, hanging=True)
    # The names begin with the registry's networks, of which the study may lack some.
    for key in sorted(tables.names, key=lambda key: key not in tables.models):
        row = tables.models.get(key)
        table.add_row(
            key,
            tables.names[key],
            f"{row.top1:.2f}" if row and row.top1 is not None else "",
            labels.brief_accuracy_source(row.top1_source) if row else messages.NOT_LISTED,
            f"{row.params_executed / 1e6:.1f}" if row and row.params_executed is not None else "",
            significant(row.macs / 1e9) if row and row.macs is not None else "",
        )
    console = printing.console()
    printing.print_table(console, table)
    console.print(f"\n{messages.SOURCE_2018}\n{messages.COSTS}", style="dim")
