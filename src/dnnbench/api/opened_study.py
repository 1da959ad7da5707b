"""A finished study for Python and notebooks: its answers and tables as data frames."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from dnnbench.api import study_displays, study_questions
from dnnbench.api.study_frames import StudyFrame, frame
from dnnbench.api.study_tables import Tables
from dnnbench.core.errors import UserError
from dnnbench.queries import best_fit
from dnnbench.queries.compare_networks import Comparison
from dnnbench.records import paths
from dnnbench.records.study_records import ModelRow, StudyRow
from dnnbench.stats import equivalence

_REMEDY = "Run `make study` to write one, or open docs/example of the repository."


class Study:
    """Results of a finished study.

    Every data frame has the columns of a file that dnnbench writes, and units in their names:
    ``latency_ms``, ``memory_mib`` (2^20 bytes), ``top1`` (percent), ``fps`` (images per second).
    docs/reference/results.md describes each column. A notebook shows the frames, and the study
    itself, as a table with a chart; ``frame.chart`` is the chart alone.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def pick(
        self,
        *,
        device: str | None = None,
        batch_size: int = 1,
        variant: str | None = None,
        threads: int | None = None,
        top: int = 5,
        predicted: bool = False,
        **limits: float | None,
    ) -> StudyFrame:
        """Return the ``top`` most accurate configurations within limits, as ``dnnbench pick`` does.

        A configuration is a network in a variant at ``batch_size``. ``variant`` is the only one to
        consider, and ``threads`` the only number of threads; None means all. Of one network, only
        the configurations are listed that no other one beats in both accuracy and latency. Those
        that fit for certain come first. Inconclusive ones follow that might be better than the
        first (``fits`` is ``cannot_tell``), with what would settle the verdict.

        The limits are ``max_memory_gib``, ``min_fps`` (images per second), ``deadline_ms`` (for a
        whole batch), ``max_params_m`` (millions) and ``min_top1`` (percent). The columns are those
        of ``dnnbench pick --csv``. If nothing fits or might fit, the frame is empty.

        ``device`` may be a part of a name, and is required if several devices were measured.
        ``predicted`` includes networks whose latency is predicted rather than measured. Raises
        UserError for an unknown limit, device, batch size or variant.
        """
        chosen = study_questions.pick(
            self.tables, limits, device, batch_size, variant, top, predicted, threads
        )
        shown = study_displays.of_choice(self.tables, chosen)
        listed = [*chosen.answer.entries, *chosen.answer.inconclusive]
        return frame(best_fit.entry_type(), listed, shown)

    def compare(
        self,
        a: str,
        b: str,
        *,
        device: str | None = None,
        variant: str | None = None,
        margin: float = equivalence.MARGIN,
    ) -> StudyFrame:
        """Return the differences between two networks, as ``dnnbench compare A B`` does.

        ``a`` and ``b`` are names or keys. Each row is one quantity, at one batch size for latency
        (ms per image) and memory (MiB). ``difference`` is a / b for latency and a - b otherwise,
        with its interval ``low`` to ``high``. Latencies that differ by no more than ``margin``, a
        share, are equivalent. ``variant`` is that of both networks; None: for each, the fastest one
        that gives the answers of fp32-eager. Raises UserError for an unknown network, device or
        variant.
        """
        found = study_questions.compare(self.tables, a, b, device, margin, ("a", "b"), variant)
        shown = study_displays.of_comparison(self.tables, found)
        return frame(Comparison, found.comparisons, shown)

    @cached_property
    def latency(self) -> StudyFrame:
        """Latency, throughput and memory of every cell: the rows of results/study.csv."""
        return frame(StudyRow, self.tables.study, study_displays.of_latency(self.tables))

    @cached_property
    def models(self) -> StudyFrame:
        """Cost and accuracy of every network: the rows of results/models.csv."""
        rows = self.tables.models.values()
        return frame(ModelRow, rows, study_displays.of_models(self.tables))

    def __repr__(self) -> str:
        return f"<Study {str(self.tables.results)!r}: {', '.join(self.tables.devices)}>"

    def _repr_html_(self) -> str:
        from dnnbench.api import notebook_html

        return notebook_html.display(study_displays.of_study(self.tables))


def open_study(results: str | Path) -> Study:
    """Return the study in a results folder.

    Raises UserError if the folder does not hold the tables of a finished study.
    """
    folder = Path(results).expanduser()
    _check_folder(folder)
    tables = Tables(folder, parameter=str)
    for rows, file in ((tables.study, paths.STUDY), (tables.models, paths.MODELS)):
        if not rows:
            raise UserError(f"{paths.under(folder, file)}: no rows. Finish the study: make study")
    return Study(tables)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        kind = "not a folder" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {kind}. {_REMEDY}")
    needed = [paths.under(folder, file) for file in (paths.STUDY, paths.MODELS)]
    missing = [file.name for file in needed if not file.is_file()]
    if missing:
        inner = paths.under(folder / paths.RESULTS, paths.STUDY)
        remedy = f"Did you mean {inner.parent}?" if inner.is_file() else _REMEDY
        raise UserError(
            f"{folder}: not the results of a finished study: {' and '.join(missing)} missing."
            f" {remedy}"
        )
