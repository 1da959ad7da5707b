"""Stage that compares the accuracy of networks pair by pair, and summarizes all networks."""

import typer

from dnnbench.core.storage import write_table
from dnnbench.records import paths
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.records.set_aside_records import SetAside
from dnnbench.stages import options
from dnnbench.tables import accuracy_comparisons, sound_accuracy


def main(
    models: options.Models = None,
    results: options.Results = paths.RESULTS,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Write comparisons.csv and accuracy/summary.csv from the accuracy records of MODELS.

    Records that cannot be used are listed in accuracy/set_aside.csv.
    """
    study = options.study(settings, profile, config, registry_file, models)
    names, dataset = list(study.networks), study.settings.dataset
    found, rows = sound_accuracy.SoundAccuracy(), []
    if dataset.name:
        folder = paths.under(results, paths.ACCURACY, dataset=dataset.name, model="").parent
        found = sound_accuracy.read(folder, dataset.name, dataset.protocol, names)
        rows = accuracy_comparisons.compare(found.answers, dataset.name, dataset.protocol)
    write_table(paths.under(results, paths.COMPARISONS), ComparisonRow, rows)
    summary = accuracy_comparisons.summarize(names, found.records, rows)
    write_table(paths.under(results, paths.ACCURACY_SUMMARY), AccuracyRow, summary)
    write_table(paths.under(results, paths.ACCURACY_SET_ASIDE), SetAside, found.aside)
    for one in found.aside:
        typer.echo(f"excluded: {one}", err=True)


if __name__ == "__main__":
    options.run(main)
