"""The smallest classifier that loads all that networks need, as a control."""

from torch import nn


def one_convolution() -> nn.Module:
    """Return a network of one convolution: [N, 3, H, W] to [N, 1000]."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 1000)
    )
