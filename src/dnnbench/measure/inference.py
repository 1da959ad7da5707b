"""Forward passes over stored images: from uint8 pixels to the five best classes.

While the network processes a batch, the next one is read, so that the network never waits for the
disk. Pixels are preprocessed in the main thread, by torch with all of its threads: a second thread
would be slower, and take a core from the network.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from dnnbench.networks import outputs
from dnnbench.networks.registry import CLASSES, Preparation
from dnnbench.records.top5 import BEST, Classes, Scores

Pixels = npt.NDArray[np.uint8]


def answer(
    model: nn.Module,
    preparation: Preparation,
    images: Pixels,
    batch_size: int,
    torch_device: str = "cpu",
) -> Iterator[tuple[Classes, Scores]]:
    """Yield each batch's five best classes and their probabilities, in order.

    ``images`` has shape [N, size, size, 3] (RGB) and may be a memory map. Raises ValueError if an
    output has a shape other than [N, 1000], or contains NaN or infinity.
    """
    with torch.inference_mode():
        for pixels in batches(images, batch_size):
            logits = outputs.logits(model(prepare(pixels.to(torch_device), preparation)))
            if logits.shape != (len(pixels), CLASSES):
                raise ValueError(
                    f"output has shape {list(logits.shape)}, not [{len(pixels)}, {CLASSES}]"
                )
            if not bool(torch.isfinite(logits).all()):
                raise ValueError("output contains NaN or infinity")
            best, classes = logits.topk(BEST)
            scores = torch.exp(best - logits.logsumexp(dim=1, keepdim=True))
            yield classes.to(torch.int16).cpu().numpy(), scores.cpu().numpy()


def batches(images: Pixels, size: int) -> Iterator[torch.Tensor]:
    """Yield tensors of ``size`` images, each read while the previous is in use."""
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(_read, images[:size])
        for start in range(size, len(images) + size, size):
            pixels, ahead = ahead.result(), reader.submit(_read, images[start : start + size])
            yield pixels


def _read(images: Pixels) -> torch.Tensor:
    return torch.from_numpy(np.array(images))


def prepare(pixels: torch.Tensor, preparation: Preparation) -> torch.Tensor:
    """Convert pixels to the network's input, float32 of shape [N, 3, size, size].

    ``pixels`` has shape [N, size, size, 3] (uint8 RGB). The arithmetic is torchvision's (divide by
    255, subtract the mean, divide by the standard deviation), so that the result equals that of its
    transforms bit by bit.
    """
    if preparation.channel_order == "BGR":
        pixels = pixels.flip(3)
    inputs = pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
    if preparation.range[1] == 1:
        inputs.div_(255)
    mean, std = (
        torch.tensor(values, device=pixels.device)[:, None, None]
        for values in (preparation.mean, preparation.std)
    )
    return inputs.sub_(mean).div_(std)
