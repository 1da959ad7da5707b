"""Questions to a finished study, with networks and devices given by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from dnnbench.api.study_tables import Tables
from dnnbench.core.errors import UserError
from dnnbench.queries import best_fit, compare_networks
from dnnbench.queries.best_fit import Pick
from dnnbench.queries.compare_networks import Comparison
from dnnbench.queries.limits import Limits, given
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.stats import equivalence
from dnnbench.tables import cell_lines


@dataclass(frozen=True)
class NetworkChoice:
    """The best configurations within limits, and the cells and networks (by key) to choose from."""

    answer: Pick
    rows: Sequence[StudyRow]
    models: Mapping[str, ModelRow]


@dataclass(frozen=True)
class NetworkComparison:
    """Differences between the networks ``a`` and ``b``, given by key, on a device."""

    device: str
    a: str
    b: str
    margin: float
    comparisons: list[Comparison]


def pick(
    tables: Tables,
    limits: Limits,
    device: str | None = None,
    batch_size: int = 1,
    variant: str | None = None,
    top: int = 5,
    predicted: bool = False,
    threads: int | None = None,
) -> NetworkChoice:
    """Return the ``top`` configurations within ``limits``, as ``dnnbench pick`` lists them.

    ``variant`` is the only one to consider, and ``threads`` the only number of threads; None: all
    of the device. ``device`` may be missing if one device was measured. Raises UserError for an
    impossible limit, and for a device, batch size, variant or number of threads that the study does
    not have.
    """
    for limit, value in given(limits):
        if problem := limit.problem(value):
            raise UserError(f"{limit.name}: {problem}")
    if top < 1:
        raise UserError(f"{tables.parameter('top')}: {top}: expected at least 1. Correct it.")
    key = tables.device(device)
    own = tables.rows(key)
    tables.check(key, "variant", variant, dict.fromkeys(row.variant for row in own))
    tables.check(key, "threads", threads, sorted({row.threads for row in own if row.threads}))
    tables.check(key, "batch_size", batch_size, sorted({row.batch_size for row in own}))
    rows, models = tables.known, tables.models
    if predicted:
        from dnnbench.api.study_predictions import predict_untimed  # Imports torch.

        added = predict_untimed(tables, key, batch_size, variant)
        rows, models = [*rows, *added.rows()], dict(added.models)
    answer = best_fit.pick(
        rows, models, key, limits, batch_size, top, tables.comparisons, variant, threads
    )
    return NetworkChoice(answer, rows, models)


def compare(
    tables: Tables,
    a: str,
    b: str,
    device: str | None = None,
    margin: float = equivalence.MARGIN,
    names: tuple[str, str] = ("A", "B"),
    variant: str | None = None,
) -> NetworkComparison:
    """Compare two networks on a device, as ``dnnbench compare A B`` does.

    Differences in latency up to ``margin``, a share, do not matter. ``variant`` is that of both
    networks; None: for each, the fastest that gives the answers of fp32-eager. ``names`` are those
    of ``a`` and ``b`` in errors. Raises UserError if a network is unknown or has no row for the
    device, and for a variant that the device does not have.
    """
    pair = tables.network(a, names[0]), tables.network(b, names[1])
    if pair[0] == pair[1]:
        raise UserError(
            f"{names[1]}: {b!r}: the same network as {names[0]} ({pair[0]}). Name another network."
        )
    where = tables.device(device)
    rows = tables.rows(where)
    for key in pair:
        if not any(row.model == key for row in rows):
            raise UserError(
                f"{tables.results / 'study.csv'}: {key}: no row for {where}."
                " Name another network, or add it to the study (params.yaml: models)."
            )
    tables.check(where, "variant", variant, dict.fromkeys(row.variant for row in rows))

    @cache
    def timings(name: str) -> cell_lines.Timings:
        return cell_lines.Timings(cell_lines.read(tables.results, where, name))

    found = compare_networks.compare(
        rows, tables.models, timings, pair, tables.comparisons, margin, variant
    )
    return NetworkComparison(where, *pair, margin, found)
