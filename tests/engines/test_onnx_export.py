"""Graphs in ONNX: one input, logits as the only output, and nothing of this machine."""

import numpy as np
import onnxruntime
import pytest
import torch

from dnnbench.engines import onnx_export

IMAGES = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Small(torch.nn.Module):
    """A convolution, the mean of each channel, and a function of it."""

    def __init__(self, last):
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 8, 3)
        self.last = last

    def forward(self, images):
        return self.last(self.convolution(images).abs().mean((2, 3)))


@pytest.mark.parametrize(
    ("last", "capture"),
    [
        (torch.nn.functional.gelu, "trace"),
        # No translation of the traced operator.
        (lambda x: torch.special.xlogy(x, x), "torch.export"),
        # A value that tracing would store in the graph as a constant.
        (lambda x: x * int(torch.tensor(3)), "torch.export"),
    ],
)
def test_a_network_is_traced_or_else_exported_by_torch_export(last, capture, tmp_path, capfd):
    model = Small(last).eval()
    with torch.inference_mode():
        built = onnx_export.build(model, torch.zeros(2, 3, 8, 8), tmp_path / "small-2")
        expected = model(IMAGES).numpy()
    assert built.settings == {"capture": capture}
    session = onnxruntime.InferenceSession(built.files[0], providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == ["images"]
    (logits,) = session.run(["logits"], {"images": IMAGES.numpy()})
    np.testing.assert_allclose(logits, expected, rtol=1e-5)
    assert b"/" + __file__.encode().split(b"/")[1] not in built.files[0].read_bytes()
    assert "graph" not in capfd.readouterr().out
