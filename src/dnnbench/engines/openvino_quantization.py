"""Post-training quantization of networks to int8 for OpenVINO, with NNCF.

Weights are quantized per channel and symmetrically, activations per tensor; NNCF chooses the ranges
of activations from calibration images by its default algorithm, and corrects biases. Weights have
seven bits where sums would saturate.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from dnnbench.config.engine import Graph, GraphFiles
from dnnbench.engines import onnx_export, quantization

_OPERATORS = ("Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul")


def build(model: Any, images: Any, file: Path, pictures: Any) -> GraphFiles:
    """Export the network for this batch size, and quantize it with ``pictures``.

    ``pictures`` [N, 3, H, W] are calibration images, prepared for the network. Raises ValueError if
    no operator of the network is quantized.
    """
    import nncf
    import openvino

    batches = quantization.batches_of(pictures.numpy(), len(images))
    bits = quantization.weight_bits()
    fix = nncf.OverflowFix.ENABLE if bits == 7 else nncf.OverflowFix.FIRST_LAYER
    logging.getLogger("nncf").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        exported = onnx_export.build(model, images, Path(folder, "fp32"))
        plain = exported.files[0]
        network = openvino.Core().read_model(str(plain))
        wanted = _logits(network, batches)
        network = nncf.quantize(
            network,
            nncf.Dataset(batches),
            subset_size=len(batches),
            advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=fix),
        )
        error = float(np.mean((_logits(network, batches) - wanted) ** 2))
        count, total = _quantized(network)
        if not count:
            raise ValueError("no operator of this network has an int8 kernel")
        target = file.with_name(f"{file.name}.xml")
        openvino.save_model(network, str(target), compress_to_fp16=False)
    square = float(np.mean(wanted**2))
    settings: dict[str, str | int | float] = {
        **exported.settings,
        "calibration": "NNCF, default preset",
        "calibration_images": len(pictures),
        "calibration_error": error / square if square else 0.0,
        "weight_bits": bits,
        "quantized_operators": f"{count} of {total}",
    }
    pictures_file = quantization.keep_pictures(batches, wanted, file)
    return GraphFiles([target, target.with_suffix(".bin"), pictures_file], settings)


def _logits(network: Any, batches: list[Any]) -> Any:
    import openvino

    compiled = openvino.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.concatenate([compiled(batch)[0] for batch in batches])


def _quantized(network: Any) -> tuple[int, int]:
    """Return how many convolutions and matrix products are quantized, and how many there are."""
    products = [node for node in network.get_ops() if node.get_type_name() in _OPERATORS]
    inputs = [node.input_value(0).get_node().get_type_name() for node in products]
    return inputs.count("FakeQuantize"), len(products)


GRAPH = Graph(
    name="openvino-int8",
    build=build,
    packages=(*onnx_export.GRAPH.packages, "openvino", "nncf"),
    preload=(*onnx_export.GRAPH.preload, "openvino", "nncf"),
    suffix=".xml",
    quantized_from=onnx_export.GRAPH,
)
