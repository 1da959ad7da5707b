"""Machine, date and commit of a device's numbers, in a few words."""

from dataclasses import dataclass

from dnnbench.core.formatting import several
from dnnbench.records import published_study
from dnnbench.records.environment_records import Environment


@dataclass(frozen=True)
class Provenance:
    """A device's ``machine`` and the origin of its ``numbers``, as text; empty if unknown."""

    machine: str
    numbers: str


def provenance(device: str, environment: Environment | None) -> Provenance:
    """Return the provenance of a device's numbers, given the record of its machine."""
    if environment is None:
        published = device in published_study.DEVICES
        return Provenance("", "published in the 2018 study" if published else "")
    where = environment.gpu or environment.cpu
    commit = f"commit {environment.commit[:12]}" if environment.commit else "an unknown commit"
    changes = ", with uncommitted changes" if environment.modified else ""
    return Provenance(
        f"{where}, {several(environment.threads, 'thread')}",
        f"measured on {environment.recorded:%Y-%m-%d} at {commit}{changes}",
    )
