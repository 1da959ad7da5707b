"""Accuracy of predictions from a few timed networks, for every device and variant of a study.

In each of a hundred draws, ten random networks predict all others. The output compares dnnbench's
prediction with costs alone and with a linear fit on multiply-adds, both for the same ten networks,
and states how often the 95% prediction interval covered the measured latency. In a variant, all
networks count as timed in fp32-eager. Reads results/study.csv and results/complexity.csv, so run
the study first.
"""

import random
import sys
from pathlib import Path
from statistics import median

import numpy as np

from dnnbench.config.variants import REFERENCE
from dnnbench.core.storage import read_rows
from dnnbench.queries import prediction
from dnnbench.queries.prediction import Conditions
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
    head = ("networks", "ours", "costs", "linear", "coverage")
    print(f"{'device':16}{'batch':>6} {'variant':18}" + "".join(f"{name:>15}" for name in head))
    for where in dict.fromkeys(Conditions(r.device, r.batch_size, r.variant) for r in rows):
        times = prediction.timed(rows, models, where)
        if len(times) > TIMED:
            begun = f"{where.device:16}{where.batch_size:6} {where.variant:18}{len(times):15}"
            print(begun, end="", flush=True)
            reference = where._replace(variant=REFERENCE)
            known = {} if where == reference else prediction.timed(rows, models, reference)
            compare(models, times, where, known)


def compare(
    models: dict[str, Complexity],
    times: dict[str, float],
    where: Conditions,
    reference: dict[str, float],
) -> None:
    """Print the errors of the predictions for the networks that were not drawn."""
    chance = random.Random(SEED)
    ours, alone, line, held = [], [], [], []
    for _ in range(DRAWS):
        drawn = chance.sample(sorted(times), TIMED)
        known = [times[key] for key in drawn]
        networks = [models[key] for key in drawn]
        model = prediction.fit(networks, known, where.variant, reference)
        by_costs = prediction.fit(networks, known)
        slope, start = np.polyfit([models[key].macs for key in drawn], known, 1)
        for key in sorted(times.keys() - set(drawn)):
            found = model.predict(where, models[key])
            ours.append(abs(found.latency_ms / times[key] - 1))
            alone.append(abs(by_costs.predict(where, models[key]).latency_ms / times[key] - 1))
            line.append(abs((start + slope * models[key].macs) / times[key] - 1))
            held.append(found.latency_ms_low <= times[key] <= found.latency_ms_high)
    for errors in (ours, alone, line):
        print(f"{median(errors):8.1%}{np.quantile(errors, 0.9):7.1%}", end="")
    print(f"{sum(held) / len(held):15.1%}")


if __name__ == "__main__":
    main()
