"""Accuracy of variants, compared with that of fp32-eager on the same images.

A network classifies mostly the same images correctly in all of its variants, so that the paired
difference is known far more precisely than either accuracy. Holm's correction covers the variants
of all networks and devices, apart from the comparisons between networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dnnbench.config import variants
from dnnbench.config.parameters import Parameters
from dnnbench.config.variants import REFERENCE
from dnnbench.records import paths
from dnnbench.records.accuracy_records import AccuracyRecord
from dnnbench.records.comparison_records import ComparisonRow, VariantAccuracyRow
from dnnbench.records.set_aside_records import SetAside
from dnnbench.records.top5 import BEST, Answers
from dnnbench.stats.proportions import holm, mcnemar, paired_difference
from dnnbench.tables import sound_accuracy
from dnnbench.tables.sound_accuracy import SoundAccuracy


@dataclass
class VariantAccuracy:
    """A row per variant and network, the tests against fp32-eager, and excluded records."""

    rows: list[VariantAccuracyRow] = field(default_factory=list)
    tests: list[ComparisonRow] = field(default_factory=list)
    aside: list[SetAside] = field(default_factory=list)


def read(
    folder: Path, settings: Parameters, models: Sequence[str], reference: SoundAccuracy
) -> VariantAccuracy:
    """Read the accuracy of the study's variants below ``folder``, that of the data set.

    ``reference`` has the records and predictions in fp32-eager.
    """
    dataset, device = settings.dataset, settings.device
    assert dataset.name
    found = VariantAccuracy()
    tested: list[tuple[VariantAccuracyRow, float]] = []
    for variant in variants.computed(settings.variants):
        if variant == REFERENCE:
            continue
        place = {"dataset": dataset.name, "device": device, "variant": variant, "model": ""}
        below = Path(paths.VARIANT_ACCURACY.format(**place)).parent
        below = folder / below.relative_to(Path(paths.ACCURACY.format(**place)).parent)
        own = sound_accuracy.read(below, dataset.name, dataset.protocol, models, variant, reference)
        found.aside += own.aside
        for model in models:
            row = _row(device, variant, model, own, reference)
            found.rows.append(row)
            if model in own.answers:
                same = reference.answers[model].only(own.answers[model].names)
                counts = _disagreements(own.answers[model], same, 1)
                tested.append((row, mcnemar(*counts)))
    corrected = holm([p for _, p in tested])
    found.tests = [_test(*one, holm_p) for one, holm_p in zip(tested, corrected, strict=True)]
    return found


def _row(
    device: str, variant: str, model: str, found: SoundAccuracy, reference: SoundAccuracy
) -> VariantAccuracyRow:
    record = found.records.get(model)
    fields: dict[str, Any] = {"model": model, "variant": variant, "status": "not_measured"}
    if record:
        shared = VariantAccuracyRow.model_fields.keys() & AccuracyRecord.model_fields.keys()
        fields |= {name: getattr(record, name) for name in shared}
    if model in found.answers:
        own = found.answers[model]
        fields |= _changes(own, reference.answers[model].only(own.names))
    return VariantAccuracyRow(device=device, **fields)


def _changes(own: Answers, reference: Answers) -> dict[str, float]:
    """Return the share of equal answers, and the changes of accuracy with their intervals."""
    found = {"top1_same": 100 * float((own.classes[:, 0] == reference.classes[:, 0]).mean())}
    for name, best in (("top1", 1), ("top5", BEST)):
        gained, lost = _disagreements(own, reference, best)
        values = paired_difference(gained, lost, own.done)
        for end, value in zip(("", "_low", "_high"), values, strict=True):
            found[f"{name}_change{end}"] = 100 * value
    return found


def _disagreements(own: Answers, reference: Answers, best: int) -> tuple[int, int]:
    """Return how many images only the variant, and only fp32-eager, classifies correctly."""
    mine, theirs = own.hits(best), reference.hits(best)
    return int((mine & ~theirs).sum()), int((theirs & ~mine).sum())


def _test(row: VariantAccuracyRow, p: float, corrected: float) -> ComparisonRow:
    assert row.dataset and row.protocol
    assert row.top1_change is not None
    assert row.top1_change_low is not None and row.top1_change_high is not None
    return ComparisonRow(
        dataset=row.dataset,
        protocol=row.protocol,
        model_a=row.model,
        model_b=row.model,
        device=row.device,
        variant_b=row.variant,
        n=row.n,
        top1_diff=0.0 - row.top1_change,
        low=-row.top1_change_high,
        high=-row.top1_change_low,
        mcnemar_p=p,
        holm_p=corrected,
    )
