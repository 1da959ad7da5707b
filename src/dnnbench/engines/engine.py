"""A network made ready to run in the way that a variant names, whatever the engine.

What an engine builds first (kernels, a graph, a session) is its preparation. It is timed apart, and
is over before any pass is.
"""

import importlib
import importlib.metadata
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from dnnbench.config.variants import Variant
from dnnbench.devices.backends import Backend
from dnnbench.records.engine_records import Built

_EXPORT = ("onnx", "onnxscript", "torch.export")

# What a process imports before it forks, so that no child spends seconds on it.
_IMPORTS = {
    "compile": ("torch._dynamo", "torch._inductor.compile_fx"),
    "onnxruntime": (*_EXPORT, "onnxruntime"),
    "openvino": (*_EXPORT, "openvino"),
}
_TYPES = {"fp16": "float16", "bf16": "bfloat16"}
_OPENVINO_SETTINGS = (
    *("INFERENCE_NUM_THREADS", "INFERENCE_PRECISION_HINT", "NUM_STREAMS", "PERFORMANCE_HINT"),
    *("CPU_DENORMALS_OPTIMIZATION", "ENABLE_CPU_PINNING", "ENABLE_HYPER_THREADING"),
)


@dataclass(frozen=True)
class Prepared:
    """A network that is ready to run.

    ``bind`` takes images (N x 3 x H x W, fp32, on the device), prepares them once and returns the
    pass, which returns their logits. ``fixed_batch``: only as many images as it was prepared for.
    ``built`` is None where the engine builds nothing.
    """

    bind: Callable[[Any], Callable[[], Any]]
    fixed_batch: bool = False
    built: Built | None = None


def preload(variant: Variant) -> None:
    """Import what preparing takes. Starts no threads."""
    for name in _IMPORTS.get(variant.engine, ()):
        importlib.import_module(name)


def prepare(variant: Variant, model: Any, images: Any, on: Backend) -> Prepared:
    """Make ``model`` ready for batches such as ``images``, with torch's number of threads.

    To be called in inference mode, as what it returns: what is compiled outside of it is compiled
    again inside. The model is used up: its weights are cast, or are gone. Raises whatever the
    engine does.
    """
    engines: dict[str, Callable[..., Prepared]] = {
        "eager": _eager,
        "compile": _compile,
        "onnxruntime": _onnxruntime,
        "openvino": _openvino,
    }
    return engines[variant.engine](variant, model, images, on)


def cast(variant: Variant, images: Any) -> Any:
    """Images in the type and memory format that a variant's network takes."""
    return images.to(**_casting(variant))


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Whether a GPU may round operands of fp32 convolutions and products to TF32, in here."""
    import torch

    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32
    cudnn.allow_tf32 = matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = before


def _casting(variant: Variant) -> dict[str, Any]:
    """Arguments of ``to`` for weights and images; none where a variant leaves them as they are."""
    import torch

    arguments = {}
    if variant.precision in _TYPES and not variant.autocast:
        arguments["dtype"] = getattr(torch, _TYPES[variant.precision])
    if variant.channels_last:
        arguments["memory_format"] = torch.channels_last
    return arguments


def _in_precision(variant: Variant, run: Callable[[Any], Any], on: Backend) -> Callable[[Any], Any]:
    """``run`` in the precision that torch itself chooses or is allowed, where a variant says so."""
    import torch

    if variant.autocast:
        kind = torch.device(on.torch_device).type
        dtype = getattr(torch, _TYPES[variant.precision])

        def autocast(images: Any) -> Any:
            with torch.autocast(kind, dtype=dtype):
                return run(images)

        return autocast
    if variant.precision == "tf32":

        def rounded(images: Any) -> Any:
            with tf32(True):
                return run(images)

        return rounded
    return run


def _eager(variant: Variant, model: Any, images: Any, on: Backend) -> Prepared:
    return _in_torch(variant, model, model, on)


def _in_torch(variant: Variant, model: Any, run: Callable[[Any], Any], on: Backend) -> Prepared:
    """``run``, which calls ``model``, on weights and input that are cast as the variant says."""
    if casting := _casting(variant):
        model.to(**casting)
    in_precision = _in_precision(variant, run, on)

    def bind(images: Any) -> Callable[[], Any]:
        images = cast(variant, images)
        return lambda: in_precision(images)

    return Prepared(bind)


def _compile(variant: Variant, model: Any, images: Any, on: Backend) -> Prepared:
    """By torch.compile for this size of batch; it compiles in its first pass, or its first two."""
    import torch
    from torch._dynamo.utils import counters
    from torch._inductor import config

    # No processes beside this one: they would outlive it if it were killed.
    config.compile_threads = 1
    # A network that was compiled here before must not be taken for another size of this one.
    torch._dynamo.reset()
    counters.clear()
    ready = _in_torch(variant, model, torch.compile(model, dynamic=False), on)
    started = time.perf_counter()
    try:
        on.time(ready.bind(images), 2)
    except torch._dynamo.exc.BackendCompilerFailed as error:
        raise _cause(error) from error
    inductor = counters["inductor"]
    return replace(
        ready,
        fixed_batch=True,
        built=Built(
            ms=1000 * (time.perf_counter() - started),
            cached=not inductor["fxgraph_cache_miss"] and not inductor["fxgraph_cache_bypass"],
            settings={
                "version": torch.__version__,
                "graphs": counters["stats"]["unique_graphs"],
            },
        ),
    )


def _cause(error: BaseException) -> RuntimeError:
    """What went wrong in the compiler, without the layers around it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return RuntimeError(f"torch.compile: {error}")


def _onnxruntime(variant: Variant, model: Any, images: Any, on: Backend) -> Prepared:
    import onnxruntime
    import torch

    started = time.perf_counter()
    graph = _graph(model, images)
    threads = torch.get_num_threads()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # As torch is told to on a CPU.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    building_ms = 1000 * (time.perf_counter() - started)
    (name,) = (given.name for given in session.get_inputs())

    def bind(images: Any) -> Callable[[], Any]:
        inputs = {name: images.numpy()}  # The tensor's own memory.
        return lambda: torch.from_numpy(session.run(None, inputs)[0])

    settings = {
        "version": onnxruntime.__version__,
        "exporter": _exporter(),
        "provider": session.get_providers()[0],
        "intra_op_threads": threads,
        "inter_op_threads": 1,
        "optimization": options.graph_optimization_level.name,
        # Threads that wait spin for a while, whatever OMP_WAIT_POLICY says.
        "spinning": True,
        "denormals_as_zero": True,
    }
    return Prepared(bind, fixed_batch=True, built=Built(ms=building_ms, settings=settings))


def _openvino(variant: Variant, model: Any, images: Any, on: Backend) -> Prepared:
    import openvino
    import torch

    started = time.perf_counter()
    graph = _graph(model, images)
    core = openvino.Core()
    wanted = {
        # What it chooses by itself is bf16, where the processor has it.
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "CPU_DENORMALS_OPTIMIZATION": True,  # As torch is told to on a CPU.
    }
    compiled = core.compile_model(core.read_model(graph), "CPU", wanted)
    building_ms = 1000 * (time.perf_counter() - started)

    def bind(images: Any) -> Callable[[], Any]:
        request = compiled.create_infer_request()
        request.set_input_tensor(openvino.Tensor(images.numpy(), shared_memory=True))

        def forward() -> Any:
            request.infer()
            # A copy: the next pass writes its logits over these.
            return torch.tensor(request.get_output_tensor().data)

        return forward

    used = {name: str(compiled.get_property(name)) for name in _OPENVINO_SETTINGS}
    settings = {"version": openvino.__version__, "exporter": _exporter(), **used}
    return Prepared(bind, fixed_batch=True, built=Built(ms=building_ms, settings=settings))


def _graph(model: Any, images: Any) -> bytes:
    """The network as ONNX, for this size of batch, with its weights; torch gives its own up."""
    import torch

    with warnings.catch_warnings(action="ignore"):
        program = torch.onnx.export(model, (images,), dynamo=True, verbose=False)
    assert program is not None
    graph: bytes = program.model_proto.SerializeToString()
    model.to("meta")
    return graph


def _exporter() -> str:
    return " ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "onnx", "onnxscript")
    )
