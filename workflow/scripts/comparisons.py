"""Stage: compare the measured networks pair by pair, and list what was measured and what not."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.core.storage import write_table
from dnnbench.networks import model_list, registry
from dnnbench.records import paths
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.stages import options
from dnnbench.tables import accuracy_comparisons


def main(
    models: options.Models,
    dataset: Annotated[
        str | None, typer.Option(help="Pictures that were measured on.", show_default="none were")
    ] = None,
    protocol: Annotated[str, typer.Option(help="bianco2018 or native.")] = "bianco2018",
    results: Annotated[
        Path, typer.Option(help="Folder of records and of the tables.")
    ] = paths.RESULTS,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Write comparisons.csv and accuracy/summary.csv of MODELS from their accuracy records."""
    known = registry.load_registry(registry_file)
    names = list(model_list.resolve(models, known, source="MODELS"))
    records, rows = {}, []
    if dataset:
        folder = paths.under(results, paths.ACCURACY, dataset=dataset, model="").parent
        records = accuracy_comparisons.read_records(folder, dataset, protocol, names)
        answers = accuracy_comparisons.read_answers(folder, records)
        rows = accuracy_comparisons.compare(answers, dataset, protocol)
    write_table(paths.under(results, paths.COMPARISONS), ComparisonRow, rows)
    summary = accuracy_comparisons.summarise(names, records, rows)
    write_table(paths.under(results, paths.ACCURACY_SUMMARY), AccuracyRow, summary)


if __name__ == "__main__":
    options.run(main)
