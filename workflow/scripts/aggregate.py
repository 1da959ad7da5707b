"""Stage that joins all records of a study into its tables and metrics.json."""

import typer

from dnnbench.core.storage import read_rows, write_json, write_table
from dnnbench.queries import predicted_rows, selection
from dnnbench.records import paths
from dnnbench.records.comparison_records import AccuracyRow, VariantAccuracyRow
from dnnbench.records.set_aside_records import SetAside
from dnnbench.records.study_records import ModelRow, SelectionRow, StudyRow, VariantRow
from dnnbench.stages import merged_devices, options
from dnnbench.tables import accuracy_ranking, dvc_metrics, published, study, variant_ratios


def main(
    models: options.Models = None,
    results: options.Results = paths.RESULTS,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Join the records of MODELS on each device and the published tables into the study's tables.

    Records that cannot be used are listed in set_aside.csv.
    """
    planned = options.study(settings, profile, config, registry_file, models)
    names, budgets = list(planned.networks), planned.settings.budgets
    plans = merged_devices.plans(planned, results)
    measured = [study.read_measurements(results, plan, names) for plan in plans]
    stated = {
        name: found
        for name, one in planned.networks.items()
        if (found := accuracy_ranking.stated_accuracy(one, planned.settings.accuracy.get(name)))
    }
    accuracy = paths.under(results, paths.ACCURACY_SUMMARY)
    of_variants = paths.under(results, paths.VARIANT_ACCURACY_TABLE)
    variant_rows = read_rows(of_variants, VariantAccuracyRow) if of_variants.exists() else []
    counted = study.read_complexity(paths.under(results, paths.COMPLEXITY), planned.networks)
    rows, model_rows = study.aggregate(
        names,
        counted.rows,
        {name: accuracy_ranking.published_accuracy(one) for name, one in planned.networks.items()},
        measured,
        published.read(paths.PUBLISHED_TABLES),
        read_rows(accuracy, AccuracyRow) if accuracy.exists() else (),
        planned.predicted,
        stated,
        variant_rows,
    )
    of_accuracy = paths.under(results, paths.ACCURACY_SET_ASIDE)
    said = read_rows(of_accuracy, SetAside) if of_accuracy.exists() else []
    of_devices = [one for measurements in measured for one in measurements.aside]
    study.check_measured(rows, model_rows, [*said, *of_devices])
    known = {row.model: row for row in model_rows}
    forecast = predicted_rows.rows(rows, known, planned.predicted, variant_rows)
    chosen = selection.select(rows, budgets.max_memory_gib, budgets.min_fps, budgets.top)
    ratios = variant_ratios.compare(rows, measured)
    write_table(paths.under(results, paths.STUDY), StudyRow, [*rows, *forecast])
    write_table(paths.under(results, paths.MODELS), ModelRow, model_rows)
    write_table(paths.under(results, paths.VARIANTS), VariantRow, ratios)
    write_table(paths.under(results, paths.SELECTION), SelectionRow, chosen)
    aside = [*counted.aside, *of_devices]
    write_table(paths.under(results, paths.SET_ASIDE), SetAside, [*said, *aside])
    for one in aside:
        typer.echo(f"excluded: {one}", err=True)
    write_json(paths.under(results, paths.METRICS), dvc_metrics.metrics(rows, chosen))


if __name__ == "__main__":
    options.run(main)
