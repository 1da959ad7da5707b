"""Export of networks to ONNX, for engines that run ONNX graphs."""

import contextlib
import hashlib
import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dnnbench.config.engine import Graph, GraphFiles
from dnnbench.core import storage

PACKAGES = ("onnx", "onnxscript")

# Tensors of at least this size are stored outside the graph, in bytes.
_LARGE = 1024
# Alignment of tensors in the file of weights, in bytes: engines map it into memory.
_PAGE = 4096
_NAMES: dict[str, Any] = {"input_names": ["images"], "output_names": ["logits"]}


def build(model: Any, images: Any, file: Path, pictures: Any = None) -> GraphFiles:
    """Export the network and its weights to ONNX for this batch size.

    The graph's only output is the logits, and it does not modify its input.
    """
    program, capture = _exported(model, images)
    return GraphFiles(write(program, file), {"capture": capture})


def write(program: Any, file: Path) -> list[Path]:
    """Write a graph, and its weights to a second file.

    That is named for its content, so that the graphs of all batch sizes share it.
    """
    weights = _separate(program)
    files = [file.with_name(f"{file.name}.onnx")]
    if weights:
        name = f"{hashlib.sha256(weights).hexdigest()[:16]}.weights"
        for tensor in program.graph.initializer:
            for entry in tensor.external_data:
                if entry.key == "location":
                    entry.value = name
        files.append(file.with_name(name))
        storage.write_bytes(files[1], bytes(weights))
    storage.write_bytes(files[0], program.SerializeToString())
    return files


def _exported(model: Any, images: Any) -> tuple[Any, str]:
    """Return the network as an ONNX program, and how its operations were captured."""
    import torch

    from dnnbench.networks import outputs

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = model

        def forward(self, images: Any) -> Any:
            return outputs.logits(self.network(images.clone()))

    logits = Logits().eval()
    with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"), _no_output():
        return _traced(logits, images), "trace"
    with warnings.catch_warnings(action="ignore"):
        return _from_torch_export(logits, images), "torch.export"


@contextlib.contextmanager
def _no_output() -> Iterator[None]:
    """Discard output: if an operator has no translation, torch prints the whole network."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _traced(logits: Any, images: Any) -> Any:
    """Record the operations of one pass, which is several times faster than torch.export.

    Raises an exception if the graph may be wrong, or if an operator cannot be translated.
    """
    import onnx
    import torch

    # torch warns, for example, if a value of this input decides what runs next.
    warnings.simplefilter("error", torch.jit.TracerWarning)  # type: ignore[attr-defined]
    with io.BytesIO() as content:
        file: Any = content  # This exporter accepts an open file, but its annotation does not.
        torch.onnx.export(logits, (images,), file, dynamo=False, verbose=False, **_NAMES)
        return onnx.load_from_string(content.getvalue())


def _from_torch_export(logits: Any, images: Any) -> Any:
    import torch

    program = torch.onnx.export(logits, (images,), dynamo=True, verbose=False, **_NAMES)
    assert program is not None
    proto = program.model_proto
    # Stack traces, with the paths of this machine.
    for part in (proto, proto.graph, *proto.graph.node, *proto.graph.value_info):
        part.ClearField("metadata_props")
    return proto


def _separate(program: Any) -> bytearray:
    """Remove large tensors from a graph and return their bytes."""
    from onnx import external_data_helper

    weights = bytearray()
    for tensor in program.graph.initializer:
        content = tensor.raw_data
        if len(content) >= _LARGE:
            weights += bytes(-len(weights) % _PAGE)
            external_data_helper.set_external_data(
                tensor, "weights", offset=len(weights), length=len(content)
            )
            tensor.ClearField("raw_data")
            weights += content
    return weights


GRAPH = Graph(
    name="onnx",
    build=build,
    packages=("torch", *PACKAGES),
    preload=("onnx", "torch.onnx"),
)
