"""Engine ``openvino``: OpenVINO on a CPU, fp32 from an ONNX graph, int8 from its own format."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnnbench.config.engine import Engine
from dnnbench.engines import onnx_export, openvino_quantization, quantization
from dnnbench.engines.preparation import Prepared
from dnnbench.records.engine_records import Built

if TYPE_CHECKING:
    from dnnbench.config.variants import Variant
    from dnnbench.devices.backends import Driver


_SETTINGS = (
    *("INFERENCE_NUM_THREADS", "INFERENCE_PRECISION_HINT", "NUM_STREAMS", "PERFORMANCE_HINT"),
    *("CPU_DENORMALS_OPTIMIZATION", "ENABLE_CPU_PINNING", "ENABLE_HYPER_THREADING"),
)


def prepare(variant: Variant, graph: Path, images: Any, on: Driver) -> Prepared:
    """Compile the model with torch's number of threads, for one batch size."""
    import openvino
    import torch

    started = time.perf_counter()
    core = openvino.Core()
    wanted = {
        # The default is bf16 if the processor supports it.
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "CPU_DENORMALS_OPTIMIZATION": True,  # The same setting as for torch on a CPU.
    }
    model = core.read_model(str(graph))
    compiled = core.compile_model(model, "CPU", wanted)
    building_ms = 1000 * (time.perf_counter() - started)

    def bind(images: Any) -> Callable[[], Any]:
        request = compiled.create_infer_request()
        request.set_input_tensor(openvino.Tensor(images.numpy(), shared_memory=True))

        def forward(_kept: Any = images) -> Any:  # The request does not keep its input alive.
            request.infer()
            # A copy: the next pass overwrites these logits.
            return torch.tensor(request.get_output_tensor().data)

        return forward

    def rounded() -> tuple[Any, Any]:
        """Run the quantized network in fp32: without int8 kernels, it only rounds values."""
        pictures = quantization.pictures(graph)
        plain = core.compile_model(model, "CPU", {**wanted, "LP_TRANSFORMS_MODE": "NO"})
        return torch.from_numpy(pictures), torch.tensor(plain(pictures)[0])

    used = {name: str(compiled.get_property(name)) for name in _SETTINGS}
    settings = {"version": openvino.__version__, **used}
    return Prepared(
        bind,
        rounded=rounded if quantization.has_pictures(graph) else None,
        fixed_batch=True,
        built=Built(ms=building_ms, settings=settings),
    )


ENGINE = Engine(
    name="openvino",
    prepare=prepare,
    graphs={"fp32": onnx_export.GRAPH, "int8": openvino_quantization.GRAPH},
    packages=(*onnx_export.PACKAGES, "openvino"),
    extra="openvino",
    preload=("openvino",),
    building_s=60.0,
    backends=("cpu",),
    precisions=("fp32", "int8"),
    autocast=False,
    channels_last=False,
)
