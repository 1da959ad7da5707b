"""Put the 2018 study to the test: findings.json and replication.csv."""

from pathlib import Path
from typing import Annotated

from typer import Option

from dnnbench.core.storage import read_json, read_rows, write_json, write_table
from dnnbench.findings.examine import examine, same_hardware
from dnnbench.networks import registry
from dnnbench.records import paths
from dnnbench.records.environment_records import Environment
from dnnbench.records.findings_records import ReplicationRow
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.stages import options
from dnnbench.tables import published


def main(
    environment: Annotated[
        list[Path], Option(help="A measured device's environment.json; repeatable.")
    ],
    study: Annotated[Path, Option(help="All cells.")] = Path(paths.STUDY),
    models: Annotated[Path, Option(help="All networks.")] = Path(paths.MODELS),
    tables: Annotated[
        Path, Option("--published", help="The 2018 study's tables.")
    ] = paths.PUBLISHED_TABLES,
    registry_file: options.Registry = options.REGISTRY,
    output_dir: Annotated[Path, Option(help="Where the two files go.")] = paths.RESULTS,
) -> None:
    """Hold the claims of the 2018 study against its own tables and against what was measured."""
    networks = registry.load_registry(registry_file)
    found, replication = examine(
        published.read(tables),
        published.read_best(tables),
        published.read_claims(tables),
        {key: network.family for key, network in networks.items()},
        read_rows(models, ModelRow),
        read_rows(study, StudyRow),
        same_hardware(read_json(path, Environment) for path in environment),
    )
    write_json(paths.under(output_dir, paths.FINDINGS), found)
    write_table(paths.under(output_dir, paths.REPLICATION), ReplicationRow, replication)


if __name__ == "__main__":
    options.run(main)
