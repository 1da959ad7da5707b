"""Forward passes over stored pictures: from uint8 pixels to the five best classes.

The next batch is read from the disk while the network works on one, so that it never waits for
the disk. Pixels are prepared in this thread, by torch with all its threads: a second thread that
did it would take a core from the network, and longer.
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
    """Five best classes and their probabilities of each batch of ``images``, in order.

    ``images``: [n, size, size, 3] RGB, such as a memory map. Raises ValueError for an output that
    is not finite or not n x 1000.
    """
    with torch.inference_mode():
        for pixels in batches(images, batch_size):
            logits = outputs.logits(model(prepare(pixels.to(torch_device), preparation)))
            if logits.shape != (len(pixels), CLASSES):
                raise ValueError(f"output has shape {list(logits.shape)}, not n x {CLASSES}")
            if not bool(torch.isfinite(logits).all()):
                raise ValueError("output is not finite")
            best, classes = logits.topk(BEST)
            scores = torch.exp(best - logits.logsumexp(dim=1, keepdim=True))
            yield classes.to(torch.int16).cpu().numpy(), scores.cpu().numpy()


def batches(images: Pixels, size: int) -> Iterator[torch.Tensor]:
    """``images`` in tensors of ``size``, each read while the one before it is in use."""
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(_read, images[:size])
        for start in range(size, len(images) + size, size):
            pixels, ahead = ahead.result(), reader.submit(_read, images[start : start + size])
            yield pixels


def _read(images: Pixels) -> torch.Tensor:
    return torch.from_numpy(np.array(images))


def prepare(pixels: torch.Tensor, preparation: Preparation) -> torch.Tensor:
    """The network's input: [n, 3, size, size] float32 from [n, size, size, 3] uint8 RGB.

    The arithmetic is torchvision's (divide by 255, subtract the mean, divide by std), so that the
    result equals that of its transforms bit by bit.
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
