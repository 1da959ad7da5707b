"""Stage: compare the measured networks pair by pair, and list what was measured and what not."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench import comparisons, options, registry, specs
from dnnbench.records import AccuracyRow, ComparisonRow, write_table


def main(
    models: options.Models,
    dataset: Annotated[
        str | None, typer.Option(help="Pictures that were measured on.", show_default="none were")
    ] = None,
    protocol: Annotated[str, typer.Option(help="bianco2018 or native.")] = "bianco2018",
    results: Annotated[Path, typer.Option(help="Folder of records and of the tables.")] = Path(
        "results"
    ),
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Write comparisons.csv and accuracy/summary.csv of MODELS from their accuracy records."""
    known = registry.load_registry(registry_file)
    names = list(specs.resolve(models, known, source="MODELS"))
    records, rows = {}, []
    if dataset:
        folder = results / "accuracy" / dataset
        records = comparisons.read_records(folder, dataset, protocol, names)
        answers = comparisons.read_answers(folder, records)
        rows = comparisons.compare(answers, dataset, protocol)
    write_table(results / "comparisons.csv", ComparisonRow, rows)
    summary = comparisons.summarise(names, records, rows)
    write_table(results / "accuracy" / "summary.csv", AccuracyRow, summary)


if __name__ == "__main__":
    options.run(main)
