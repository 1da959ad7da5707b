"""Accuracy of predictions from a few timed networks, for every device of a study.

In each of a hundred draws, ten random networks predict all others. The output compares dnnbench's
prediction with a linear fit on multiply-adds to the same ten networks, and states how often the 95%
prediction interval covered the measured latency. Reads results/study.csv and
results/complexity.csv, so run the study first.
"""

import random
import sys
from pathlib import Path
from statistics import median

import numpy as np

from dnnbench.core.storage import read_rows
from dnnbench.queries import prediction
from dnnbench.records import paths
from dnnbench.records.complexity_records import Complexity
from dnnbench.records.study_records import StudyRow

TIMED, DRAWS, SEED = 10, 100, 1


def main() -> None:
    """Print one line per device and batch size with enough networks."""
    study = Path(paths.STUDY)
    if not study.exists():
        sys.exit(f"{study}: no such file. Run the study first.")
    models = {row.model: row for row in read_rows(Path(paths.COMPLEXITY), Complexity)}
    rows = read_rows(study, StudyRow)
    print(f"{TIMED} networks timed, {DRAWS} draws; relative error of the others: median, 90th pct.")
    print(f"{'device':16}{'batch':>6}{'networks':>10}{'ours':>14}{'linear':>16}{'coverage':>16}")
    for device, size in dict.fromkeys((row.device, row.batch_size) for row in rows):
        times = prediction.timed(rows, models, device, size)
        if len(times) > TIMED:
            print(f"{device:16}{size:6}{len(times):10}", end="", flush=True)
            compare(models, times, device, size)


def compare(models: dict[str, Complexity], times: dict[str, float], device: str, size: int) -> None:
    """Print the errors of both predictions for the networks that were not drawn."""
    chance = random.Random(SEED)
    ours, line, held = [], [], []
    for _ in range(DRAWS):
        drawn = chance.sample(sorted(times), TIMED)
        known = [times[key] for key in drawn]
        model = prediction.fit([models[key] for key in drawn], known)
        slope, start = np.polyfit([models[key].macs for key in drawn], known, 1)
        for key in sorted(times.keys() - set(drawn)):
            found = model.predict(device, size, models[key])
            ours.append(abs(found.latency_ms / times[key] - 1))
            line.append(abs((start + slope * models[key].macs) / times[key] - 1))
            held.append(found.latency_ms_low <= times[key] <= found.latency_ms_high)
    print(
        f"{median(ours):7.1%}{np.quantile(ours, 0.9):7.1%}"
        f"{median(line):9.1%}{np.quantile(line, 0.9):7.1%}{sum(held) / len(held):16.1%}"
    )


if __name__ == "__main__":
    main()
