"""Stage: compare the measured networks pair by pair, and list what was measured and what not."""

from dnnbench.core.storage import write_table
from dnnbench.records import paths
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.stages import options
from dnnbench.tables import accuracy_comparisons


def main(
    models: options.Models = None,
    results: options.Results = paths.RESULTS,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Write comparisons.csv and accuracy/summary.csv of MODELS from their accuracy records."""
    study = options.study(settings, profile, config, registry_file, models)
    names, dataset = list(study.networks), study.settings.dataset
    records, rows = {}, []
    if dataset.name:
        folder = paths.under(results, paths.ACCURACY, dataset=dataset.name, model="").parent
        records = accuracy_comparisons.read_records(folder, dataset.name, dataset.protocol, names)
        answers = accuracy_comparisons.read_answers(folder, records)
        rows = accuracy_comparisons.compare(answers, dataset.name, dataset.protocol)
    write_table(paths.under(results, paths.COMPARISONS), ComparisonRow, rows)
    summary = accuracy_comparisons.summarise(names, records, rows)
    write_table(paths.under(results, paths.ACCURACY_SUMMARY), AccuracyRow, summary)


if __name__ == "__main__":
    options.run(main)
