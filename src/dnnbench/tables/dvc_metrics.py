"""Metrics for comparing versions of a study: a few numbers per device.

`dvc metrics diff` and `dvc exp show` list them. Published devices are omitted because they never
change.
"""

from collections.abc import Iterable
from statistics import median

from dnnbench.records.study_records import DeviceMetrics, Metrics, SelectionRow, StudyRow


def metrics(rows: Iterable[StudyRow], chosen: Iterable[SelectionRow]) -> Metrics:
    """Return the metrics, given the rows of study.csv and of selection.csv."""
    devices: dict[str, list[StudyRow]] = {}
    for row in rows:
        if row.source == "measured":
            devices.setdefault(row.device, []).append(row)
    first = [row for row in chosen if row.rank == 1 and row.fits == "yes"]
    return Metrics(
        devices={
            device: _device(cells, [row for row in first if row.device == device])
            for device, cells in devices.items()
        }
    )


def _device(cells: list[StudyRow], first: list[SelectionRow]) -> DeviceMetrics:
    timed = [cell for cell in cells if cell.status == "ok"]
    half_widths = [100 * cell.half_width for cell in timed if cell.half_width is not None]
    best = [row.top1 for row in first]
    return DeviceMetrics(
        cells=len(cells),
        cells_ok=sum(cell.memory_status == "ok" for cell in timed),
        cells_stable=sum(cell.stability == "stable" for cell in timed),
        cells_noisy=sum(cell.stability == "noisy" for cell in timed),
        cells_disturbed=sum(cell.stability == "disturbed" for cell in timed),
        median_half_width_pct=median(half_widths) if half_widths else None,
        budgets_met=len(best),
        best_top1_low=min(best, default=None),
        best_top1_high=max(best, default=None),
    )
