"""Stage that draws the figures of a study and writes the page."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.core.storage import read_json, read_rows, read_table, write_text
from dnnbench.networks import model_list, registry
from dnnbench.records import paths
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.records.findings_records import Findings, ReplicationRow
from dnnbench.records.set_aside_records import SetAside
from dnnbench.records.study_records import ModelRow, SelectionRow, StudyRow, VariantRow
from dnnbench.report import page
from dnnbench.report.figures.catalog import build_figures
from dnnbench.report.figures.results import Results, devices_of
from dnnbench.report.figures.save import save_figures
from dnnbench.report.findings_section import arrange
from dnnbench.stages import machine_descriptions, options


def main(
    results: options.Results = paths.RESULTS,
    output_dir: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for the page and the figures.")
    ] = paths.REPORTS,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Draw the figures of a study to OUTPUT_DIR/figures, and write OUTPUT_DIR/index.html."""
    planned = options.study(settings, profile, config, registry_file)
    environments = machine_descriptions.environments(planned, results)
    study = read_table(paths.under(results, paths.STUDY), StudyRow)
    models = read_table(paths.under(results, paths.MODELS), ModelRow)
    networks = model_list.of_study(models["spec"], registry.load_registry(planned.registry))
    shown = Results(
        study=study,
        models=models,
        selection=read_table(paths.under(results, paths.SELECTION), SelectionRow),
        names={key: network.name for key, network in networks.items()},
        families={key: network.family for key, network in networks.items()},
        devices=devices_of(environments, study),
        variants=read_rows(paths.under(results, paths.VARIANTS), VariantRow),
        accuracy=read_rows(paths.under(results, paths.ACCURACY_SUMMARY), AccuracyRow),
        comparisons=read_rows(paths.under(results, paths.COMPARISONS), ComparisonRow),
        sources={key: network.weights for key, network in networks.items()},
    )
    figures = build_figures(shown)
    folder = paths.under(output_dir, paths.FIGURES)
    save_figures(figures, folder)
    section = arrange(
        read_json(paths.under(results, paths.FINDINGS), Findings),
        read_rows(paths.under(results, paths.REPLICATION), ReplicationRow),
    )
    file = paths.under(output_dir, paths.PAGE)
    aside = read_rows(paths.under(results, paths.SET_ASIDE), SetAside)
    write_text(file, page.render(shown, figures, environments, section, aside))
    typer.echo(f"{len(figures)} figures in {folder}")
    typer.echo(f"page: {file}")


if __name__ == "__main__":
    options.run(main)
