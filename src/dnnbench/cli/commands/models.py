"""``dnnbench models``: list the networks of a study and of the registry."""

from dnnbench.cli import completion, messages, output_forms, printing
from dnnbench.core.formatting import significant
from dnnbench.records import labels


def models(
    results: completion.Results = completion.RESULTS,
    as_json: output_forms.Json = False,
    as_csv: output_forms.Csv = False,
) -> None:
    """List the networks with their accuracy, parameters, and multiply-adds.

    The networks of the study come first, followed by the rest of the registry.

    Example:

      dnnbench models
    """
    from dnnbench.api.study_tables import Tables
    from dnnbench.cli import listings

    form = output_forms.chosen(json=as_json, csv=as_csv)
    rows = listings.networks(Tables(results))
    if form:
        output_forms.print_answer(form, {"networks": rows}, listings.ListedNetwork, rows)
        return
    numbers = (messages.TOP1, messages.PARAMETERS, messages.OPERATIONS)
    columns = ("key", "network", messages.TOP1, "source of top-1", *numbers[1:])
    table = printing.table(*columns, right=numbers, whole=numbers, hanging=True)
    for row in rows:
        source = labels.brief_accuracy_source(row.top1_source)
        table.add_row(
            row.model,
            row.name,
            "" if row.top1 is None else f"{row.top1:.2f}",
            source if row.in_study else messages.NOT_LISTED,
            "" if row.params_executed is None else f"{row.params_executed / 1e6:.1f}",
            "" if row.macs is None else significant(row.macs / 1e9),
        )
    console = printing.console()
    printing.print_table(console, table)
    console.print(f"\n{messages.SOURCE_2018}\n{messages.COSTS}", style="dim")
