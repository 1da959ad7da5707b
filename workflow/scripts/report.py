"""Draw all figures of a study and write the page that shows them: reports/index.html."""

from pathlib import Path
from typing import Annotated

import typer

from dnnbench.core.storage import read_json, read_rows, read_table, write_text
from dnnbench.networks import model_list, registry
from dnnbench.records import paths
from dnnbench.records.comparison_records import AccuracyRow, ComparisonRow
from dnnbench.records.environment_records import Environment
from dnnbench.records.findings_records import Findings, ReplicationRow
from dnnbench.records.study_records import ModelRow, SelectionRow, StudyRow, VariantRow
from dnnbench.report import page
from dnnbench.report.figures.catalog import build_figures
from dnnbench.report.figures.results import Results, devices_of
from dnnbench.report.figures.save import save_figures
from dnnbench.report.findings_section import arrange
from dnnbench.stages import options


def main(
    environment: Annotated[
        list[Path], typer.Option(help="A measured device's environment.json; repeatable.")
    ],
    study: Annotated[Path, typer.Option(help="All cells.")] = Path(paths.STUDY),
    models: Annotated[Path, typer.Option(help="All networks.")] = Path(paths.MODELS),
    selection: Annotated[Path, typer.Option(help="Chosen ones.")] = Path(paths.SELECTION),
    variants: Annotated[Path, typer.Option(help="Other ways of running.")] = (Path(paths.VARIANTS)),
    accuracy: Annotated[Path, typer.Option(help="Measured accuracy.")] = (
        Path(paths.ACCURACY_SUMMARY)
    ),
    comparisons: Annotated[Path, typer.Option(help="Networks on the same pictures.")] = (
        Path(paths.COMPARISONS)
    ),
    findings: Annotated[Path, typer.Option(help="Claims.")] = Path(paths.FINDINGS),
    replication: Annotated[Path, typer.Option(help="Published against measured.")] = Path(
        paths.REPLICATION
    ),
    registry_file: options.Registry = options.REGISTRY,
    output_dir: Annotated[Path, typer.Option(help="Where page and figures go.")] = paths.REPORTS,
) -> None:
    """Draw the figures of a study into OUTPUT_DIR/figures, and write OUTPUT_DIR/index.html."""
    environments = [read_json(path, Environment) for path in environment]
    cells, rows = read_table(study, StudyRow), read_table(models, ModelRow)
    networks = model_list.of_study(rows["spec"], registry.load_registry(registry_file))
    results = Results(
        study=cells,
        models=rows,
        selection=read_table(selection, SelectionRow),
        names={key: network.name for key, network in networks.items()},
        families={key: network.family for key, network in networks.items()},
        devices=devices_of(environments, cells),
        variants=read_rows(variants, VariantRow),
        accuracy=read_rows(accuracy, AccuracyRow),
        comparisons=read_rows(comparisons, ComparisonRow),
        sources={key: network.weights for key, network in networks.items()},
    )
    figures = build_figures(results)
    save_figures(figures, paths.under(output_dir, paths.FIGURES))
    section = arrange(read_json(findings, Findings), read_rows(replication, ReplicationRow))
    write_text(
        paths.under(output_dir, paths.PAGE), page.render(results, figures, environments, section)
    )
    typer.echo(f"{len(figures)} figures in {paths.under(output_dir, paths.FIGURES)}")
    typer.echo(f"page: {paths.under(output_dir, paths.PAGE)}")


if __name__ == "__main__":
    options.run(main)
