"""Validation of accuracy records and predictions before they enter the tables.

A record has to match the predictions that are stored with it, and networks are compared over the
same images. Records that violate this, or cannot be read, are excluded with a reason.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dnnbench.config import variants
from dnnbench.core import text_file
from dnnbench.core.errors import UserError
from dnnbench.core.storage import check_place, parse_json
from dnnbench.records import paths
from dnnbench.records import top5 as files
from dnnbench.records.accuracy_records import AccuracyRecord
from dnnbench.records.base import REFERENCE
from dnnbench.records.set_aside_records import SetAside
from dnnbench.records.top5 import BEST, Answers
from dnnbench.tables.measured_times import check_time

_REMEDY = "Remove it to measure again."


@dataclass
class SoundAccuracy:
    """Records and predictions by model; an excluded record counts as not measured."""

    records: dict[str, AccuracyRecord] = field(default_factory=dict)
    answers: dict[str, Answers] = field(default_factory=dict)
    aside: list[SetAside] = field(default_factory=list)


def read(
    folder: Path,
    dataset: str,
    protocol: str,
    models: Iterable[str],
    variant: str = REFERENCE,
    reference: SoundAccuracy | None = None,
) -> SoundAccuracy:
    """Read the records and predictions of the models that have any in ``folder``.

    Those of a variant need the same images as ``reference``, the predictions in fp32-eager.
    """
    found = SoundAccuracy()

    def set_aside(model: str, path: Path, problem: object) -> None:
        one = SetAside.of(problem, path)
        found.aside.append(one)
        found.records[model] = AccuracyRecord(
            model=model,
            dataset=dataset,
            protocol=protocol,
            variant=variant,
            status="not_measured",
            message=f"excluded: {one}",
        )

    for model in models:
        path = paths.in_folder(folder, paths.ACCURACY, model=model)
        kept = paths.in_folder(folder, paths.ANSWERS, model=model)
        try:
            record = parse_json(text_file.read_bytes(path), str(path), AccuracyRecord, _REMEDY)
            place = {"model": model, "dataset": dataset, "protocol": protocol, "variant": variant}
            check_place(str(path), record, place, _REMEDY)
            if record.basis is not None:
                check_time(f"{path}: basis.started", record.basis.started, _REMEDY)
        except FileNotFoundError:
            continue
        except UserError as error:
            set_aside(model, path, error)
            continue
        try:
            if record.status == "ok":
                found.answers[model] = _answers(kept, record, path)
        except UserError as error:
            at = path if str(error).startswith(f"{path}: ") else kept
            set_aside(model, at, error)
        else:
            found.records[model] = record
    others = (
        _on_other_images(found.answers)
        if reference is None
        else _not_comparable(
            found.answers, reference.answers, variants.parse(variant).needs_pictures
        )
    )
    for model, reason in others.items():
        del found.answers[model]
        set_aside(model, paths.in_folder(folder, paths.ACCURACY, model=model), reason)
    return found


def _answers(kept: Path, record: AccuracyRecord, path: Path) -> Answers:
    """Return the predictions behind a record.

    Raises UserError if they do not match it.
    """
    answers = files.read(kept)
    if answers.basis != record.basis:
        raise UserError(
            f"{kept}: does not belong to {path.name}. Remove {path.name} to measure again."
        )
    count = len(answers.names)
    if not answers.done == count > 0:
        raise UserError(f"{kept}: predictions for {answers.done} of {count} images. {_REMEDY}")
    follows: dict[str, float] = {"n": count, "classes": len(np.unique(answers.labels))}
    for name, best in (("top1", 1), ("top5", BEST)):
        follows[name] = 100 * float(answers.hits(best).mean())
    for name, value in follows.items():
        found = getattr(record, name)
        if found is None or abs(found - value) > 1e-6:
            raise UserError(f"{path}: {name}: {found}: its predictions give {value:.6g}. {_REMEDY}")
    for name in ("top1", "top5"):
        low, high = getattr(record, f"{name}_low"), getattr(record, f"{name}_high")
        if low is None or high is None or not low - 1e-6 <= follows[name] <= high + 1e-6:
            raise UserError(
                f"{path}: {name}_low, {name}_high: {low}, {high}: do not contain"
                f" {follows[name]:.6g}. {_REMEDY}"
            )
    return answers


def _on_other_images(answers: dict[str, Answers]) -> dict[str, str]:
    """Return the models measured on other images than the majority, with a fix.

    In a tie, the images of the first model count as those of the majority.
    """
    seen = {model: hash((tuple(own.names), own.labels.tobytes())) for model, own in answers.items()}
    if not seen:
        return {}
    usual, count = Counter(seen.values()).most_common(1)[0]
    one = next(model for model, images in seen.items() if images == usual)
    others = f"{one} and {count - 1} more" if count > 1 else one
    return {
        model: f"measured on other images than {others}. {_REMEDY}"
        for model, images in seen.items()
        if images != usual
    }


def _not_comparable(
    answers: dict[str, Answers], reference: dict[str, Answers], quantized: bool
) -> dict[str, str]:
    """Return the models of a variant without the same images in fp32-eager, with a reason.

    A ``quantized`` variant may lack images, because some calibrate it.
    """
    found = {}
    for model, own in answers.items():
        other = reference.get(model)
        if other is None:
            found[model] = f"{REFERENCE} has no accuracy to compare with"
        elif not _includes(other, own, quantized):
            found[model] = f"measured on other images than {REFERENCE}. {_REMEDY}"
    return found


def _includes(reference: Answers, own: Answers, part: bool) -> bool:
    """Return whether predictions are for the same images, or with ``part`` for some of them."""
    if part and set(own.names) <= set(reference.names):
        reference = reference.only(own.names)
    return own.names == reference.names and np.array_equal(own.labels, reference.labels)
