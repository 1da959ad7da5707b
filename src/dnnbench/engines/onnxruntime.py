"""Engine ``onnxruntime``: fp32 and int8 on a CPU, from the network's ONNX graph."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnnbench.config.engine import Engine
from dnnbench.engines import onnx_export, quantization
from dnnbench.engines.preparation import Prepared
from dnnbench.records.engine_records import Built

if TYPE_CHECKING:
    from dnnbench.config.variants import Variant
    from dnnbench.devices.backends import Driver


def prepare(variant: Variant, graph: Path, images: Any, on: Driver) -> Prepared:
    """Create an inference session with torch's number of threads, for one batch size."""
    import onnxruntime
    import torch

    started = time.perf_counter()
    threads = torch.get_num_threads()
    session = _session(graph, threads)
    building_ms = 1000 * (time.perf_counter() - started)
    (name,) = (given.name for given in session.get_inputs())

    def bind(images: Any) -> Callable[[], Any]:
        inputs = {name: images.numpy()}  # The tensor's own memory.
        return lambda: torch.from_numpy(session.run(None, inputs)[0])

    settings = {
        "version": onnxruntime.__version__,
        "provider": session.get_providers()[0],
        "intra_op_threads": threads,
        "inter_op_threads": 1,
        "optimization": session.get_session_options().graph_optimization_level.name,
        # Waiting threads spin for a while, regardless of OMP_WAIT_POLICY.
        "spinning": True,
        "denormals_as_zero": True,
    }

    def rounded() -> tuple[Any, Any]:
        """Run the graph operation by operation: convolutions get dequantized fp32 values."""
        pictures = quantization.pictures(graph)
        plain = _session(graph, threads, onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)
        logits = plain.run(None, {name: pictures})[0]
        return torch.from_numpy(pictures), torch.from_numpy(logits)

    return Prepared(
        bind,
        rounded=rounded if quantization.has_pictures(graph) else None,
        fixed_batch=True,
        built=Built(ms=building_ms, settings=settings),
    )


def _session(graph: Path, threads: int, optimization: Any = None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if optimization is not None:
        options.graph_optimization_level = optimization
    # The same setting as for torch on a CPU.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


ENGINE = Engine(
    name="onnxruntime",
    prepare=prepare,
    graphs={"fp32": onnx_export.GRAPH, "int8": quantization.GRAPH},
    packages=(*onnx_export.PACKAGES, "onnxruntime"),
    extra="onnxruntime",
    preload=("onnxruntime",),
    building_s=60.0,
    backends=("cpu",),
    precisions=("fp32", "int8"),
    autocast=False,
    channels_last=False,
)
