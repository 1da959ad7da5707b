"""Stage that tests the claims of the 2018 study: findings.json and replication.csv."""

from dnnbench.core.storage import read_rows, write_json, write_table
from dnnbench.findings.examine import examine, same_hardware
from dnnbench.networks import registry
from dnnbench.records import paths
from dnnbench.records.findings_records import ReplicationRow
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.stages import machine_descriptions, options
from dnnbench.tables import published


def main(
    results: options.Results = paths.RESULTS,
    settings: options.Settings = None,
    profile: options.Profile = None,
    config: options.Config = None,
    registry_file: options.Registry = options.REGISTRY,
) -> None:
    """Test the claims of the 2018 study on its own tables and on your measurements."""
    study = options.study(settings, profile, config, registry_file)
    networks = registry.load_registry(study.registry)
    found, replication = examine(
        published.read(paths.PUBLISHED_TABLES),
        published.read_best(paths.PUBLISHED_TABLES),
        published.read_claims(paths.PUBLISHED_TABLES),
        {key: network.family for key, network in networks.items()},
        read_rows(paths.under(results, paths.MODELS), ModelRow),
        read_rows(paths.under(results, paths.STUDY), StudyRow),
        same_hardware(machine_descriptions.environments(study, results)),
    )
    write_json(paths.under(results, paths.FINDINGS), found)
    write_table(paths.under(results, paths.REPLICATION), ReplicationRow, replication)


if __name__ == "__main__":
    options.run(main)
