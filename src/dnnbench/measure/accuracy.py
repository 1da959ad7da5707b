"""Top-1 and top-5 accuracy on decoded images, with 95% confidence intervals.

The predictions for every image are stored (:mod:`dnnbench.records.top5`), and the record is
computed from them. Predictions are identified by a fingerprint, so that those from before a kill,
or with other settings, are found again and never measured twice.

The intervals are Wilson's. Their coverage stays close to 95% for few images and near 0 and 100%,
where the standard interval fails and the exact one is too wide, and they never exceed that range.
They cover only the random choice of these images from all possible images.
"""

import importlib.metadata
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnnbench.config import engine, variants
from dnnbench.config.variants import REFERENCE, Variant
from dnnbench.core import code_graph, isolation, progress, speed_variables, text_file
from dnnbench.core import output as streams
from dnnbench.core.checksums import IntegrityError
from dnnbench.core.errors import UserError
from dnnbench.core.storage import WriteError, check_place, parse_json, read_json
from dnnbench.devices import backends
from dnnbench.engines import preparation as engine_preparation
from dnnbench.images import calibration_split, synsets
from dnnbench.images.decoded_arrays import Decoded
from dnnbench.measure import fingerprint, retries
from dnnbench.networks.registry import CLASSES, Network, Preparation
from dnnbench.networks.weights import fetch
from dnnbench.records import top5 as files
from dnnbench.records.accuracy_records import AccuracyBasis, AccuracyRecord, ClassTop1
from dnnbench.records.top5 import BEST, Answers
from dnnbench.records.weights_records import WeightsRecord
from dnnbench.stats.proportions import wilson

# Pixels per batch: 32 images of 224 x 224. More need more memory without making a CPU faster.
_BATCH_PIXELS = 32 * 224 * 224
_SAVE_EVERY_S = 30.0  # A kill loses at most this, and the current batch.
_BATCH_S = 900.0  # Limit for a batch, and for preparing the network.
_PACKAGES = ("torch", "pillow", "numpy")


def measure(
    network: Network,
    weights_file: Path,
    decoded: Decoded,
    output: Path,
    *,
    dataset: str,
    protocol: str,
    device: str,
    setup: backends.Setup,
    threads: int,
    variant: str = REFERENCE,
) -> AccuracyRecord:
    """Measure a network's accuracy in a variant, and save predictions next to ``output``.

    The caller writes the returned record to ``output``. ``weights_file`` is the record of the
    weights. The network runs in a forked child. Missing weights, an unusable record of them,
    classes other than ImageNet's, and a network that raises, crashes or hangs are recorded as a
    status. Raises UserError if the weights do not match their record, or predictions cannot be
    saved.
    """
    shelf = Shelf(output)
    what: dict[str, Any] = {"model": network.key, "dataset": dataset, "protocol": protocol}
    what["variant"] = variant
    parsed = variants.parse(variant)
    try:
        remedy = "Remove it to fetch them again."
        content = text_file.read_bytes(weights_file)
        fetched = parse_json(content, str(weights_file), WeightsRecord, remedy)
        check_place(str(weights_file), fetched, {"model": network.key}, remedy)
    except UserError as error:
        return leave_out(output, str(error), **what)
    if fetched.status == "missed" or network.classes != CLASSES:
        message = (
            fetch.describe(fetched, weights_file).removeprefix(f"{network.key}: ")
            if fetched.status == "missed"
            else f"it has {network.classes} classes, but the images have ImageNet's {CLASSES}"
        )
        return leave_out(output, message, **what)
    pixels = None
    if parsed.needs_pictures:
        try:
            pixels = decoded.images[calibration_split.indices(decoded.hashes)]
        except UserError as error:
            return leave_out(output, str(error), **what)
        decoded = calibration_split.measured(decoded)
    basis = _basis(network, fetched, decoded, device, setup, threads, parsed)
    known = shelf.find(basis.fingerprint) or Answers.none_yet(basis, decoded.names, decoded.labels)
    # Descriptions of weights and images, which do not affect predictions, may have changed.
    described = {"weights": fetched, "skipped": basis.skipped}
    known = replace(known, basis=known.basis.model_copy(update=described))
    before = retries.reason(_former(output))
    if known.done < len(known.names):
        isolation.prepare()
        engine_preparation.preload(parsed)
        outcome = isolation.run(
            _answer,
            network,
            # Absolute, because the network's code may change the working directory.
            fetched.model_copy(update={"path": str(Path(fetched.path or "").absolute())}),
            decoded,
            known,
            setup,
            parsed,
            pixels,
            Shelf(output.absolute()),
            timeout_s=_BATCH_S + parsed.building_s,
            memory_mib=backends.backend(setup).allowance_mib(),
        )
        if outcome.value:
            raise UserError(outcome.value)
        if outcome.status != "ok":
            shelf.put_nothing()
            what |= {"status": outcome.status, "message": outcome.message}
            return AccuracyRecord(**what, failed_before=before)
        streams.check_read()
        known = shelf.kept(basis.fingerprint)
    shelf.put(known)
    return record(known, **what).model_copy(update={"failed_before": before})


def _former(output: Path) -> AccuracyRecord | None:
    """Return the existing record, if it is readable."""
    try:
        return read_json(output, AccuracyRecord)
    except (UserError, FileNotFoundError):
        return None


def _answer(
    network: Network,
    fetched: WeightsRecord,
    decoded: Decoded,
    known: Answers,
    setup: backends.Setup,
    variant: Variant,
    pixels: NDArray[np.uint8] | None,
    shelf: "Shelf",
) -> str | None:
    """Save predictions for all images; return a problem other than the network's."""
    try:
        for answers in _answering(network, fetched, decoded, known, setup, variant, pixels):
            shelf.keep(answers)
    except (IntegrityError, fetch.WeightsError, WriteError) as error:
        return str(error)
    return None


def leave_out(
    output: Path,
    reason: str,
    *,
    model: str,
    dataset: str,
    protocol: str,
    variant: str = REFERENCE,
) -> AccuracyRecord:
    """Return the record of an unmeasured network, with empty predictions."""
    Shelf(output).put_nothing()
    return AccuracyRecord(
        model=model,
        dataset=dataset,
        protocol=protocol,
        variant=variant,
        status="not_measured",
        message=reason,
    )


def record(
    answers: Answers, model: str, dataset: str, protocol: str, variant: str = REFERENCE
) -> AccuracyRecord:
    """Compute the accuracy record from complete predictions."""
    right = answers.hits(1)
    labels = np.unique(answers.labels)
    top1, top1_low, top1_high = wilson(int(right.sum()), len(right))
    top5, top5_low, top5_high = wilson(int(answers.hits(BEST).sum()), len(right))
    return AccuracyRecord(
        model=model,
        dataset=dataset,
        protocol=protocol,
        variant=variant,
        status="ok",
        n=len(right),
        classes=len(labels),
        top1=top1,
        top1_low=top1_low,
        top1_high=top1_high,
        top5=top5,
        top5_low=top5_low,
        top5_high=top5_high,
        basis=answers.basis,
        per_class=[
            ClassTop1(
                synset=synsets.names()[label],
                n=int((answers.labels == label).sum()),
                top1=100 * float(right[answers.labels == label].mean()),
            )
            for label in labels
        ],
    )


class Shelf:
    """The files of a network's predictions, next to the record ``output``.

    Complete predictions are in <model>.npz; unfinished ones, and those for other settings, in
    <model>.<fingerprint>.npz.
    """

    def __init__(self, output: Path) -> None:
        self._path = output.with_name(f"{output.stem}.npz")

    def find(self, fingerprint: str) -> Answers | None:
        """Return predictions with this fingerprint, complete or not, if there are any."""
        self._set_aside(except_for=fingerprint)
        for path in (self._path, self._aside(fingerprint)):
            if path.exists() and path.stat().st_size:
                return files.read(path)
        return None

    def kept(self, fingerprint: str) -> Answers:
        """Return the predictions that :meth:`keep` saved."""
        return files.read(self._aside(fingerprint))

    def keep(self, answers: Answers) -> None:
        """Save predictions that may be unfinished."""
        files.write(self._aside(answers.basis.fingerprint), answers)

    def put(self, answers: Answers) -> None:
        """Save complete predictions."""
        files.write(self._path, answers)
        self._aside(answers.basis.fingerprint).unlink(missing_ok=True)

    def put_nothing(self) -> None:
        """Create an empty file of predictions, which the workflow expects."""
        self._set_aside()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch()

    def _aside(self, fingerprint: str) -> Path:
        return self._path.with_name(f"{self._path.stem}.{fingerprint}.npz")

    def _set_aside(self, except_for: str | None = None) -> None:
        if self._path.exists() and self._path.stat().st_size:
            found = files.read(self._path).basis.fingerprint
            if found != except_for:
                self._path.rename(self._aside(found))


def _answering(
    network: Network,
    fetched: WeightsRecord,
    decoded: Decoded,
    known: Answers,
    setup: backends.Setup,
    variant: Variant,
    pixels: NDArray[np.uint8] | None,
) -> Iterator[Answers]:
    """Yield the growing predictions, periodically and when complete."""
    # Imported late: torch takes seconds to import, and the environment must be set before.
    import torch

    from dnnbench.measure import inference, variant_inference

    basis = known.basis
    on = backends.backend(setup)
    on.start(basis.threads)
    model: Any = fetch.load(network, fetched).to(on.torch_device)
    if not variant.is_reference:
        size = basis.geometry.size
        pictures = None
        if pixels is not None:
            pixels_here = torch.from_numpy(pixels)
            pictures = inference.prepare(pixels_here, fetch.preparation(network, fetched))
        model = variant_inference.forward(variant, model, basis.batch_size, size, on, pictures)
    batches = inference.answer(
        model,
        fetch.preparation(network, fetched),
        decoded.images[known.done :],
        basis.batch_size,
        on.torch_device,
    )
    count = -(-(len(known.names) - known.done) // basis.batch_size)
    saved = time.monotonic()
    with progress.steps(f"accuracy of {network.key}", count) as step:
        new = []
        for batch in batches:
            isolation.alive()
            step(f"batch size {basis.batch_size}")
            new.append(batch)
            if time.monotonic() - saved > _SAVE_EVERY_S:
                yield known.plus(new)
                saved = time.monotonic()
    yield known.plus(new)


def _basis(
    network: Network,
    fetched: WeightsRecord,
    decoded: Decoded,
    device: str,
    setup: backends.Setup,
    threads: int,
    variant: Variant,
) -> AccuracyBasis:
    preparation = fetch.preparation(network, fetched)
    pictures = decoded.record
    variables = speed_variables.found()
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    versions |= _engine_versions(variant)
    inference = code_graph.module_file("dnnbench.measure.inference")
    assert inference
    definition, code = fingerprint.identity("inference", [inference], network)
    depends_on = [
        definition,
        preparation.model_dump_json(include=set(Preparation.model_fields)),
        fetched.sha256,
        # Only if there are several sets: networks with one set keep their earlier fingerprint.
        *([fetched.key] if fetched.other_keys else []),
        pictures.key,
        setup.backend,
        versions["torch"],
        code,
        *speed_variables.compared(variables),
        # Nothing for fp32-eager, which keeps its earlier fingerprint.
        *_of_variant(variant),
    ]
    return AccuracyBasis(
        fingerprint=code_graph.short_hash(json.dumps(depends_on)),
        images_key=pictures.key,
        decoder=pictures.decoder,
        skipped=pictures.skipped,
        geometry=pictures.geometry,
        channel_order=preparation.channel_order,
        range=preparation.range,
        mean=preparation.mean,
        std=preparation.std,
        weights=fetched,
        device=device,
        backend=setup.backend,
        threads=threads,
        variables=variables,
        batch_size=max(1, _BATCH_PIXELS // pictures.geometry.size**2),
        versions=versions,
        started=datetime.now(UTC),
    )


def _of_variant(variant: Variant) -> list[str]:
    """Return what else the predictions of a variant other than fp32-eager depend on."""
    if variant.is_reference:
        return []
    modules = ["dnnbench.measure.variant_inference", engine.module_of(variant.engine)]
    if variant.needs_pictures:
        modules.append(calibration_split.__name__)
    code = {
        file.resolve()
        for module in modules
        for file in code_graph.module_sources(module, fingerprint.NOT_MEASURING)
    }
    versions = json.dumps(_engine_versions(variant), sort_keys=True)
    return [variant.name, code_graph.digest(code), versions]


def _engine_versions(variant: Variant) -> dict[str, str]:
    """Return the versions of the packages of a variant's engine, by distribution."""
    graph = variant.graph
    packages = {*engine.engines()[variant.engine].packages, *(graph.packages if graph else ())}
    distributions = importlib.metadata.packages_distributions() if packages else {}
    return {
        name: importlib.metadata.version(name)
        for package in sorted(packages)
        for name in distributions.get(package, ())
    }
