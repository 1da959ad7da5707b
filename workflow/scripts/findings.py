"""Put the 2018 study to the test: findings.json and replication.csv."""

from pathlib import Path
from typing import Annotated

from typer import Option

from dnnbench.core.storage import read_json, read_rows, write_json, write_table
from dnnbench.findings.examine import examine, same_hardware
from dnnbench.networks import registry
from dnnbench.records.environment_records import Environment
from dnnbench.records.findings_records import ReplicationRow
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.stages import options
from dnnbench.tables import published

RESULTS = Path("results")
TABLES = Path("published/bianco2018")


def main(
    environment: Annotated[
        list[Path], Option(help="A measured device's environment.json; repeatable.")
    ],
    study: Annotated[Path, Option(help="All cells.")] = RESULTS / "study.csv",
    models: Annotated[Path, Option(help="All networks.")] = RESULTS / "models.csv",
    tables: Annotated[Path, Option("--published", help="The 2018 study's tables.")] = TABLES,
    registry_file: options.Registry = options.REGISTRY,
    output_dir: Annotated[Path, Option(help="Where the two files go.")] = RESULTS,
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
    write_json(output_dir / "findings.json", found)
    write_table(output_dir / "replication.csv", ReplicationRow, replication)


if __name__ == "__main__":
    options.run(main)
