"""A network exported to ONNX, for engines that run such graphs."""

import importlib.metadata
import warnings
from typing import Any

PACKAGES = ("onnx", "onnxscript")
PRELOAD = (*PACKAGES, "torch.export")


def graph(model: Any, images: Any) -> bytes:
    """The network as ONNX, for this size of batch, with its weights; torch gives its own up.

    Its only output is the logits, and it leaves its input as it is.
    """
    import torch

    from dnnbench.networks import outputs

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = model

        def forward(self, images: Any) -> Any:
            return outputs.logits(self.network(images.clone()))

    with warnings.catch_warnings(action="ignore"):
        program = torch.onnx.export(Logits().eval(), (images,), dynamo=True, verbose=False)
    assert program is not None
    graph: bytes = program.model_proto.SerializeToString()
    model.to("meta")
    return graph


def exporter() -> str:
    """What exports, with versions."""
    return " ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "onnx", "onnxscript")
    )
