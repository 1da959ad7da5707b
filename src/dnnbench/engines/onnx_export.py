"""A network exported to ONNX, for engines that run such graphs."""

import importlib.metadata
import warnings
from typing import Any

PACKAGES = ("onnx", "onnxscript")
PRELOAD = (*PACKAGES, "torch.export")


def graph(model: Any, images: Any) -> bytes:
    """The network as ONNX, for this size of batch, with its weights; torch gives its own up."""
    import torch

    with warnings.catch_warnings(action="ignore"):
        program = torch.onnx.export(model, (images,), dynamo=True, verbose=False)
    assert program is not None
    graph: bytes = program.model_proto.SerializeToString()
    model.to("meta")
    return graph


def exporter() -> str:
    """What exports, with versions."""
    return " ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "onnx", "onnxscript")
    )
