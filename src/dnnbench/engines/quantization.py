"""Static quantization of ONNX graphs to int8 with ONNX Runtime.

Weights are quantized per channel, activations per tensor, both to signed 8 bits, in the format QDQ;
these are the defaults of ONNX Runtime. The ranges of activations come from calibration
images, by one of two methods: all values (``minmax``), or all but the outermost 0.01%
(``percentile``). The method is the one whose logits on the calibration images differ less from
those of the fp32 graph, in the mean square. Weights have seven bits where sums would saturate.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import platform
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnnbench.config.engine import Graph, GraphFiles
from dnnbench.core import storage
from dnnbench.devices import host
from dnnbench.engines import onnx_export

_PERCENTILE = 99.99
# Suffix of the file of images next to a quantized graph.
PICTURES = ".npy"
_OPERATORS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_VNNI = {"avx_vnni", "avx512_vnni"}

_Batch = NDArray[np.float32]


def build(model: Any, images: Any, file: Path, pictures: Any) -> GraphFiles:
    """Export the network to ONNX for this batch size, and quantize it with ``pictures``.

    ``pictures`` [N, 3, H, W] are calibration images, prepared for the network. Raises ValueError
    if no operator of the network has an int8 kernel.
    """
    import onnx

    batches = batches_of(pictures.numpy(), len(images))
    with tempfile.TemporaryDirectory() as folder:
        exported = onnx_export.build(model, images, Path(folder, "fp32"))
        plain = exported.files[0]
        wanted = _logits(plain, batches)
        found = []
        for method in ("minmax", "percentile"):
            quantized = Path(folder, f"{method}.onnx")
            try:
                _quantize(plain, quantized, batches, method)
            except ValueError:
                # Values that differ only in their last digits, such as gates with random weights,
                # have no histogram.
                if method == "minmax":
                    raise
                continue
            error = float(np.mean((_logits(quantized, batches) - wanted) ** 2))
            found.append((error if math.isfinite(error) else math.inf, method, quantized))
        error, method, quantized = min(found)
        program = onnx.load(quantized)
    count, total = _quantized(program)
    if not count:
        raise ValueError("no operator of this network has an int8 kernel")
    square = float(np.mean(wanted**2))
    settings: dict[str, str | int | float] = {
        **exported.settings,
        "calibration": f"{method} {_PERCENTILE}" if method == "percentile" else method,
        "calibration_images": len(pictures),
        "calibration_error": error / square if square else 0.0,
        "weight_bits": weight_bits(),
        "quantized_operators": f"{count} of {total}",
    }
    files = onnx_export.write(program, file)
    return GraphFiles([*files, keep_pictures(batches, wanted, file)], settings)


def weight_bits() -> int:
    """Return how many bits weights may have on this machine's processor: 8 or 7.

    Without VNNI, x86 processors add two products of int8 numbers in 16 bits. With 8-bit weights
    these sums saturate, and results are wrong.
    """
    features = set((host.read(Path("/proc/cpuinfo")) or "").split())
    return 7 if platform.machine() == "x86_64" and not features & _VNNI else 8


def batches_of(pictures: _Batch, size: int) -> list[_Batch]:
    """Split images into batches of a size; the last is filled up with its first images."""
    count = -(-len(pictures) // size) * size
    filled = pictures[np.arange(count) % len(pictures)]
    return [filled[start : start + size] for start in range(0, count, size)]


def keep_pictures(batches: list[_Batch], logits: _Batch, file: Path) -> Path:
    """Write the batch with the largest of these ``logits`` next to a graph; return the file.

    A timed process compares int8 kernels on it: its values span the ranges of the layers.
    """
    largest = np.abs(logits).max(1).reshape(len(batches), -1).max(1)
    kept = file.with_name(f"{file.name}{PICTURES}")
    with io.BytesIO() as content:
        np.save(content, batches[int(largest.argmax())])
        storage.write_bytes(kept, content.getvalue())
    return kept


def has_pictures(graph: Path) -> bool:
    """Return whether a graph is quantized: then images are next to it."""
    return graph.with_suffix(PICTURES).exists()


def pictures(graph: Path) -> _Batch:
    """Return the batch that was written next to a quantized graph."""
    found: _Batch = np.load(graph.with_suffix(PICTURES))
    return found


def _session(graph: Path) -> tuple[Any, str]:
    """Return a session for a graph, and the name of its input."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    (name,) = (given.name for given in session.get_inputs())
    return session, name


def _logits(graph: Path, batches: list[_Batch]) -> _Batch:
    session, name = _session(graph)
    return np.concatenate([session.run(None, {name: batch})[0] for batch in batches])


def _quantize(plain: Path, quantized: Path, batches: list[_Batch], method: str) -> None:
    from onnxruntime import quantization

    _, name = _session(plain)

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        """Batches, a few at a time, because a method may keep all activations of a few."""

        def __init__(self) -> None:
            self.set_range(0, len(batches))

        def __len__(self) -> int:
            return len(batches)

        def set_range(self, start_index: int, end_index: int) -> None:
            self._left = iter(batches[start_index:end_index])

        def get_next(self) -> dict[str, _Batch] | None:
            batch = next(self._left, None)
            return None if batch is None else {name: batch}

    methods = {
        "minmax": quantization.CalibrationMethod.MinMax,
        "percentile": quantization.CalibrationMethod.Percentile,
    }
    logging.getLogger().setLevel(logging.ERROR)  # Advice about other tools.
    with contextlib.redirect_stdout(io.StringIO()):
        quantization.quantize_static(
            str(plain),
            str(quantized),
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            reduce_range=weight_bits() == 7,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=methods[method],
            extra_options={"CalibPercentile": _PERCENTILE, "CalibStridedMinMax": 1},
        )


def _quantized(program: Any) -> tuple[int, int]:
    """Return how many convolutions and matrix products read int8 inputs, and how many there are."""
    dequantized = {
        output
        for node in program.graph.node
        if node.op_type == "DequantizeLinear"
        for output in node.output
    }
    products = [node for node in program.graph.node if node.op_type in _OPERATORS]
    return sum(node.input[0] in dequantized for node in products), len(products)


GRAPH = Graph(
    name="onnx-int8",
    build=build,
    packages=(*onnx_export.GRAPH.packages, "onnxruntime"),
    preload=(*onnx_export.GRAPH.preload, "onnxruntime.quantization"),
    quantized_from=onnx_export.GRAPH,
)
