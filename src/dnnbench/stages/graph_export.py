"""The graph of one network of a study, with the record next to it."""

from pathlib import Path

from dnnbench.config.engine import engines
from dnnbench.config.variants import Variant
from dnnbench.core import checksums, isolation
from dnnbench.core.errors import UserError
from dnnbench.core.storage import read_rows
from dnnbench.images import geometry, synsets
from dnnbench.measure import exported_graph, graphs
from dnnbench.networks import builders
from dnnbench.networks.registry import CLASSES, Network
from dnnbench.networks.weights import fetch, foreign
from dnnbench.records import paths
from dnnbench.records.export_records import Exported, Preprocessing
from dnnbench.records.study_records import StudyRow
from dnnbench.records.weights_records import WeightsRecord
from dnnbench.stages import calibration_pictures
from dnnbench.stages.study_settings import Study


def write(study: Study, variant: Variant, batch_size: int, file: Path, results: Path) -> Exported:
    """Write the graph of the study's only network to ``file``, and return its record.

    Raises UserError if the study has several networks, the variant reads no ONNX graph, there are
    no trained weights, or the graph cannot be built.
    """
    if len(study.networks) > 1:
        raise UserError(f"MODEL: names {len(study.networks)} networks. Name one.")
    (network,) = study.networks.values()
    graph = variant.graph
    if graph is None:
        others = [
            f"{precision}-{engine.name}"
            for engine in engines().values()
            for precision in engine.graphs
        ]
        raise UserError(
            f"{variant.name!r}: {variant.engine} reads no graph, so there is none to export."
            f" Choose {' or '.join(others)}."
        )
    if variant.needs_pictures and study.settings.dataset.name is None:
        raise UserError(
            f"{variant.name!r}: needs your images to calibrate int8. Set dataset in"
            f" {paths.PARAMETERS}, or choose an fp32 variant."
        )
    weights = _weights(study, network)
    calibrate = calibration_pictures.of(study) if variant.needs_pictures else None
    calibration = calibrate and calibrate(network)
    written = exported_graph.write(graph, network, weights, batch_size, calibration, file)
    return Exported(
        model=network.key,
        variant=variant.name,
        file=file.name,
        sha256=checksums.sha256(file),
        batch_size=batch_size,
        preprocessing=_preprocessing(study, network, weights),
        labels=list(synsets.names()) if network.classes == CLASSES else None,
        weights=weights,
        exporter=graphs.exporter(graph, network),
        protocol=study.settings.dataset.protocol,
        measured=_measured(study, network, variant, batch_size, results),
        **written,
    )


def _weights(study: Study, network: Network) -> WeightsRecord:
    """Return trained weights, fetched if necessary."""
    folder = Path(paths.WEIGHTS).parent
    isolation.prepare()  # Before anything starts threads, because building a graph forks.
    obtain = foreign.obtain if builders.is_foreign(network) else fetch.obtain
    weights = obtain(network, study.settings.weights, folder)
    if weights.status != "ok":
        file = paths.in_folder(folder, paths.WEIGHTS, model=network.key)
        raise UserError(fetch.describe(weights, file))
    return weights


def _preprocessing(study: Study, network: Network, weights: WeightsRecord) -> Preprocessing | None:
    cut = geometry.known(network, study.settings.dataset.protocol)
    if cut is None:
        return None
    preparation = fetch.preparation(network, weights)
    return Preprocessing(
        resize=cut.resize,
        interpolation=cut.interpolation,
        crop=cut.size,
        channel_order=preparation.channel_order,
        divide_by=255 if preparation.range[1] == 1 else 1,
        mean=preparation.mean,
        std=preparation.std,
    )


def _measured(
    study: Study, network: Network, variant: Variant, batch_size: int, results: Path
) -> list[StudyRow]:
    file = paths.under(results, paths.STUDY)
    place = (study.settings.device, network.key, variant.name, batch_size)
    rows = read_rows(file, StudyRow) if file.exists() else []
    return [row for row in rows if (row.device, row.model, row.variant, row.batch_size) == place]
