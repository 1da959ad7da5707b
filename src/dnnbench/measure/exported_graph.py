"""The graph of a trained network in one file, for use without dnnbench."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnnbench.core import isolation, storage
from dnnbench.core.errors import UserError
from dnnbench.engines import quantization
from dnnbench.measure import graphs

if TYPE_CHECKING:
    from dnnbench.config.engine import Graph
    from dnnbench.measure.graphs import Calibration
    from dnnbench.networks.registry import Network
    from dnnbench.records.weights_records import WeightsRecord

_LIMIT_S = 1800.0
# The largest ONNX file: that of a protocol buffer.
_LARGEST = 2**31 - 1


def write(
    graph: Graph,
    network: Network,
    weights: WeightsRecord,
    batch_size: int,
    calibration: Calibration | None,
    file: Path,
) -> dict[str, Any]:
    """Write the graph of a network with trained weights to ``file``.

    Returns the names of its input and output, and the settings of quantization. Raises UserError
    with the reason if there are too few calibration images or the graph cannot be built.
    """
    if calibration and calibration.problem:
        raise UserError(calibration.problem)
    graphs.prepare(graph, [network])
    arguments = graph, network, weights, batch_size, calibration, file.absolute()
    outcome = isolation.run(_write, *arguments, timeout_s=_LIMIT_S)
    if outcome.value is None:
        raise UserError(
            f"{network.key}: graph: {outcome.message or outcome.status}."
            " Choose another network or variant."
        )
    found: dict[str, Any] = outcome.value
    return found


def _write(
    graph: Graph,
    network: Network,
    weights: WeightsRecord,
    batch_size: int,
    calibration: Calibration | None,
    file: Path,
) -> dict[str, Any]:
    import torch

    from dnnbench.measure import inference
    from dnnbench.networks.weights import fetch

    model, size = fetch.load(network, weights), network.input_size
    pictures = None
    if calibration and calibration.pixels is not None:
        pixels = torch.from_numpy(calibration.pixels)
        pictures = inference.prepare(pixels, fetch.preparation(network, weights))
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        images = torch.zeros(batch_size, 3, size, size)
        built = graph.build(model, images, Path(folder, file.stem), pictures)
        names = _onnx(built.files[0], file) if file.suffix == ".onnx" else _other(built.files, file)
    return {**names, "settings": dict(built.settings)}


def _onnx(graph: Path, file: Path) -> dict[str, str]:
    """Write a graph with its weights to one file; return the names of input and output."""
    import onnx

    program = onnx.load(graph)
    if program.ByteSize() > _LARGEST:
        raise ValueError(f"its {program.ByteSize()} bytes exceed the limit of an ONNX file, 2 GiB")
    storage.write_bytes(file, program.SerializeToString())
    (given,), (result,) = program.graph.input, program.graph.output
    return {"input": given.name, "output": result.name}


def _other(files: list[Path], file: Path) -> dict[str, str]:
    """Copy a graph of OpenVINO and its weights; return the names of input and output."""
    import openvino

    for each in files:
        if each.suffix == quantization.PICTURES:
            continue
        storage.write_bytes(file.with_suffix(each.suffix), each.read_bytes())
    network = openvino.Core().read_model(str(file))
    return {"input": network.input().any_name, "output": network.output().any_name}
