"""Stage that compares the accuracy of networks and of their variants, and summarizes it."""

import typer

from dnnbench.core.storage import write_table
from dnnbench.records import paths
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow, VariantAccuracyRow
from dnnbench.records.set_aside_records import SetAside
from dnnbench.stages import options
from dnnbench.tables import accuracy_comparisons, accuracy_variants, sound_accuracy


def main(
    models: options.Models = None,
    results: options.Results = paths.RESULTS,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Write comparisons.csv, accuracy/summary.csv and accuracy/variants.csv for MODELS.

    Records that cannot be used are listed in accuracy/set_aside.csv.
    """
    study = options.study(settings, profile, config, registry_file, models)
    names, dataset = list(study.networks), study.settings.dataset
    found, rows = sound_accuracy.SoundAccuracy(), []
    of_variants = accuracy_variants.VariantAccuracy()
    if dataset.name:
        folder = paths.under(results, paths.ACCURACY, dataset=dataset.name, model="").parent
        found = sound_accuracy.read(folder, dataset.name, dataset.protocol, names)
        rows = accuracy_comparisons.compare(found.answers, dataset.name, dataset.protocol)
        of_variants = accuracy_variants.read(folder, study.settings, study.timed, found)
    tests = [*rows, *of_variants.tests]
    write_table(paths.under(results, paths.COMPARISONS), ComparisonRow, tests)
    table = paths.under(results, paths.VARIANT_ACCURACY_TABLE)
    write_table(table, VariantAccuracyRow, of_variants.rows)
    summary = accuracy_comparisons.summarize(names, found.records, rows)
    write_table(paths.under(results, paths.ACCURACY_SUMMARY), AccuracyRow, summary)
    aside = [*found.aside, *of_variants.aside]
    write_table(paths.under(results, paths.ACCURACY_SET_ASIDE), SetAside, aside)
    for one in aside:
        typer.echo(f"excluded: {one}", err=True)


if __name__ == "__main__":
    options.run(main)
