"""Small networks, well-behaved and not, as registry entries for tests."""

import dataclasses
import os
import signal
import sys
import time
from typing import NamedTuple

import torch
from torch import nn

from dnnbench.networks.registry import Network


def entry(builder: str, **fields) -> Network:
    """Return a registry entry for a network of this module, named like its builder."""
    return Network(
        key=builder,
        name=builder,
        family="Toy",
        year=2026,
        venue="tests",
        builder=f"{__name__}:{builder}",
        input_size=32,
        channel_order="RGB",
        range=(0, 1),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        **fields,
    )


def small() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1000)
    )


def normed() -> nn.Module:
    """Return a small network with batch normalization, whose logits depend on the images."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 1000),
    )


class Windowed(nn.Module):
    """A network that reorders pixels by a buffer that weights files lack, like Swin."""

    def __init__(self):
        super().__init__()
        self.body = small()
        self.register_buffer("order", torch.arange(31, -1, -1), persistent=False)
        self.register_buffer("window", torch.hann_window(32), persistent=False)

    def forward(self, images):
        return self.body(images[..., self.order] * self.window)


def windowed() -> nn.Module:
    return Windowed()


class Then(nn.Module):
    """A small network with a function applied to its output."""

    def __init__(self, function):
        super().__init__()
        self.body = small()
        self.function = function

    def forward(self, images):
        return self.function(self.body(images))


def raising() -> nn.Module:
    def refuse(_):
        raise RuntimeError("layer 3 has gone fishing")

    return Then(refuse)


def infinite() -> nn.Module:
    return Then(lambda out: out / 0)


def headless() -> nn.Module:
    return Then(lambda out: out[:, :10])


def fickle() -> nn.Module:
    return Then(lambda out: out + torch.randn_like(out))


def hanging() -> nn.Module:
    return Then(lambda out: time.sleep(600))


def single() -> nn.Module:
    """Return a network that reduces torch to one thread."""

    def limit(out):
        torch.set_num_threads(1)
        return out

    return Then(limit)


def slow() -> nn.Module:
    """Return a network that takes 0.2 s per pass on any machine."""

    def wait(out):
        time.sleep(0.2)
        return out

    return Then(wait)


def crashing() -> nn.Module:
    return Then(lambda out: os.kill(os.getpid(), signal.SIGSEGV))


def leaving() -> nn.Module:
    return Then(lambda out: sys.exit(0))


def aborting() -> nn.Module:
    return Then(lambda out: os.abort())


def illegal() -> nn.Module:
    """Return a network that fails like a kernel with an illegal memory access."""

    def fault(_):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    return Then(fault)


def losing() -> nn.Module:
    """Return a network that removes the card from the bus and fails like torch."""

    def fall(_):
        from helpers import gpu

        gpu.change(lost=1)
        raise RuntimeError("CUDA error: unknown error")

    return Then(fall)


def greedy() -> nn.Module:
    """Return a network that fits in memory only at batch size 1."""
    return Then(lambda out: out if len(out) == 1 else torch.empty(len(out) * 2**43))


class Asleep(nn.Module):
    """A network whose branch scale and head weights are initialized to zero."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.branch = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.gamma = nn.Parameter(torch.full((8, 1, 1), 1e-6))
        self.head = nn.Linear(8, 1000)
        nn.init.zeros_(self.norm.weight)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, images):
        x = self.stem(images)
        x = x + self.norm(self.branch(x)) + self.gamma * x
        return self.head(x.mean((2, 3)))


def asleep() -> nn.Module:
    return Asleep()


def alone() -> nn.Module:
    """Return a network that accepts one image in fp32, and any number in other precisions."""

    def refuse(out):
        if out.dtype == torch.float32 and len(out) > 1:
            raise RuntimeError("out of memory")
        return out

    return Then(refuse)


def branching() -> nn.Module:
    """Return a network that branches on values, which no graph can represent."""
    return Then(lambda out: out if float(out.sum()) > 0 else -out)


def asking() -> nn.Module:
    """Return a network that reads a value with ``.item()``."""
    return Then(lambda out: out * (1 + 0 * out[0, 0].item()))


def choosing() -> nn.Module:
    """Return a network with a tensor whose size depends on values."""
    return Then(lambda out: out.masked_fill(out.new_zeros(len(out), 1000).nonzero().sum() > 0, 0.0))


def exiting() -> nn.Module:
    return Then(lambda out: os._exit(3))


def quitting() -> nn.Module:
    def leave(_):
        raise SystemExit("no license for this layer")

    return Then(leave)


def transforming() -> nn.Module:
    """Return a network with Fourier transforms, for which no counter has a formula."""
    return Then(lambda out: torch.fft.irfft(torch.fft.rfft(out), 1000))


def as_mapping() -> nn.Module:
    return Then(lambda out: {"hidden": out[:, :8], "logits": out})


def as_tuple() -> nn.Module:
    return Then(lambda out: (out, None))


class Named(NamedTuple):
    logits: torch.Tensor
    aux_logits: torch.Tensor


def as_named_tuple() -> nn.Module:
    return Then(lambda out: Named(out, out[:, :10]))


@dataclasses.dataclass
class Output:
    logits: torch.Tensor
    hidden_states: tuple[torch.Tensor, ...]


def as_model_output() -> nn.Module:
    """Return a network whose output is like that of Hugging Face's networks."""
    return Then(lambda out: Output(out, (out[:, :8], out[:, :4])))


def two_outputs() -> nn.Module:
    """Return a network with two outputs, either of which may be the logits."""
    return Then(lambda out: (out, out[:, :8]))


def nothing() -> nn.Module:
    return Then(lambda out: None)


class First(nn.Module):
    """A small network with a function applied to its input."""

    def __init__(self, function):
        super().__init__()
        self.body = normed()
        self.function = function

    def forward(self, images):
        return self.body(self.function(images))


def rectifying() -> nn.Module:
    """Return a network that changes its input, but only in the first pass on the same input."""
    return First(lambda x: x.relu_())


def subtracting() -> nn.Module:
    """Return a network that changes its input, and so its next output, in every pass."""

    def subtract(x):
        x -= 0.5
        return x

    return First(subtract)


def scaling() -> nn.Module:
    return First(lambda x: x.mul_(2))


def clamping_a_view() -> nn.Module:
    def clamp(x):
        x.permute(0, 2, 3, 1)[..., 0].clamp_(-0.1, 0.1)
        return x

    return First(clamp)


def filling() -> nn.Module:
    def fill(x):
        x[:] = x.flip(0) + 1
        return x

    return First(fill)


def marking() -> nn.Module:
    """Return a network that changes a single pixel of its input."""

    def mark(x):
        x[-1, -1, -1, -1] += 1
        return x

    return First(mark)


def reshaping() -> nn.Module:
    """Return a network that changes the shape of its input."""
    return First(lambda x: x.unsqueeze_(0).squeeze(0))


def changing_late() -> nn.Module:
    """Return a network that changes its input from the third pass on."""
    passes = []

    def late(x):
        passes.append(1)
        return x.add_(1) if len(passes) > 2 else x

    return First(late)


def changing_and_naming() -> nn.Module:
    """Return a network that changes its input and returns a mapping."""

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = subtracting()

        def forward(self, images):
            out = self.body(images)
            return {"hidden": out[:, :8], "logits": out}

    return Both()


class Counting(nn.Module):
    """A network that counts its passes in a buffer."""

    def __init__(self, weight):
        super().__init__()
        self.body = normed()
        self.weight = weight
        self.register_buffer("passes", torch.zeros(()))

    def forward(self, images):
        self.passes += 1
        return self.body(images) + self.weight * self.passes


def counting_passes() -> nn.Module:
    """Return a network with state that its output does not depend on."""
    return Counting(0)


def remembering() -> nn.Module:
    """Return a network with state that its output depends on."""
    return Counting(1)


class Caching(nn.Module):
    """A network that creates a table in its first pass."""

    def __init__(self):
        super().__init__()
        self.body = normed()
        self.table = None

    def forward(self, images):
        if self.table is None:
            self.table = torch.linspace(0, 1, 1000, device=images.device)
        return self.body(images) + self.table


def caching() -> nn.Module:
    return Caching()


def dying_without_values() -> nn.Module:
    """Return a network that crashes on the meta device only."""
    return Then(lambda out: out if out.device.type != "meta" else os.kill(os.getpid(), 11))
