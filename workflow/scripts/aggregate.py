"""Join all records of a study into its tables and metrics.json."""

from pathlib import Path
from typing import Annotated

from typer import BadParameter, Option

from dnnbench.core.storage import read_rows, write_json, write_table
from dnnbench.networks import model_list, registry
from dnnbench.queries import prediction, selection
from dnnbench.records import paths
from dnnbench.records.comparison_records import AccuracyRow
from dnnbench.records.plan import Plan
from dnnbench.records.study_records import ModelRow, SelectionRow, StudyRow, VariantRow
from dnnbench.stages import options
from dnnbench.tables import accuracy_ranking, dvc_metrics, published, study, variant_ratios


def main(
    models: options.Models,
    device: options.Device,
    batch_sizes: options.BatchSizes,
    variants: Annotated[str, Option(help="Ways of running, comma-separated.")] = "fp32-eager",
    rounds: Annotated[int, Option(min=1, help="Rounds of timing.")] = 5,
    protocol: Annotated[str, Option(help="default or bianco2018.")] = "default",
    other: Annotated[
        list[str] | None,
        Option(help="A device of another machine: NAME:BATCH_SIZES:VARIANTS:ROUNDS:PROTOCOL."),
    ] = None,
    predicted: Annotated[
        list[str] | None, Option(help="One of MODELS that is not measured: its time is predicted.")
    ] = None,
    max_memory_gib: Annotated[str, Option(help="Memory budgets, GiB.")] = "0.7,1.0,1.4",
    min_fps: Annotated[str, Option(help="Speed budgets, frames a second.")] = "15,30,60",
    top: Annotated[int, Option(min=1, help="Networks under each pair of budgets.")] = 5,
    results: Annotated[Path, Option(help="Folder of records and of the tables.")] = paths.RESULTS,
    complexity: Annotated[Path, Option(help="What networks cost.")] = Path(paths.COMPLEXITY),
    accuracy: Annotated[
        Path | None, Option(help="What accuracy was measured.", show_default="none was")
    ] = None,
    tables: Annotated[
        Path, Option("--published", help="The 2018 study's tables.")
    ] = paths.PUBLISHED_TABLES,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Join the records of MODELS on each device, and the published ones, into tables."""
    limits = numbers(max_memory_gib), numbers(min_fps)
    known = registry.load_registry(registry_file)
    networks = model_list.resolve(models, known, source="MODELS")
    names = list(networks)
    own = Plan(device, variants.split(","), options.integers(batch_sizes), rounds, protocol)
    plans = [own, *map(plan, other or ())]
    measured = [study.read_measurements(results, one, names) for one in plans]
    rows, model_rows = study.aggregate(
        names,
        study.read_complexity(complexity, names),
        {name: accuracy_ranking.published_accuracy(one) for name, one in networks.items()},
        measured,
        published.read(tables),
        read_rows(accuracy, AccuracyRow) if accuracy else (),
        predicted or (),
    )
    forecast = prediction.rows(rows, {row.model: row for row in model_rows}, predicted or ())
    write_table(paths.under(results, paths.STUDY), StudyRow, [*rows, *forecast])
    write_table(paths.under(results, paths.MODELS), ModelRow, model_rows)
    write_table(
        paths.under(results, paths.VARIANTS), VariantRow, variant_ratios.compare(rows, measured)
    )
    chosen = selection.select(rows, *limits, top)
    write_table(paths.under(results, paths.SELECTION), SelectionRow, chosen)
    write_json(paths.under(results, paths.METRICS), dvc_metrics.metrics(rows, chosen))


def plan(text: str) -> Plan:
    """``xeon:1,8:fp32-eager:5:default`` as a plan. Raises BadParameter for anything else."""
    parts = text.split(":")
    if len(parts) != 5 or not parts[3].isdecimal():
        raise BadParameter(f"{text!r}: write NAME:BATCH_SIZES:VARIANTS:ROUNDS:PROTOCOL")
    device, batch_sizes, variants, rounds, protocol = parts
    sizes = options.integers(batch_sizes)
    return Plan(device, variants.split(","), sizes, int(rounds), protocol)


def numbers(text: str) -> list[float]:
    """``0.7,1`` as [0.7, 1.0]. Raises BadParameter for anything else, or not above 0."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not values or not all(0 < value < float("inf") for value in values):
        raise BadParameter(f"{text!r}: write numbers above 0, comma-separated: 0.7,1")
    return values


if __name__ == "__main__":
    options.run(main)
