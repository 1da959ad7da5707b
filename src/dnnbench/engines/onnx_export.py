"""Export of networks to ONNX, for engines that run ONNX graphs."""

import importlib.metadata
import warnings
from typing import Any

PACKAGES = ("onnx", "onnxscript")
PRELOAD = (*PACKAGES, "torch.export")


def graph(model: Any, images: Any) -> bytes:
    """Export the network and its weights to ONNX for this batch size.

    The graph's only output is the logits, and it does not modify its input. Torch's copy of the
    weights is released.
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
    """Return the packages that export, with versions."""
    return " ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "onnx", "onnxscript")
    )
