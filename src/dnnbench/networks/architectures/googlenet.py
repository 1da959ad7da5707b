"""GoogLeNet as the Berkeley Vision and Learning Center trained it in Caffe.

Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, table 1: local response normalization,
no batch normalization. The auxiliary classifiers are omitted because only training uses them.
"""

import torch
from torch import nn


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1
) -> tuple[nn.Module, nn.Module]:
    """Return a convolution with bias and a ReLU; stride 1 preserves the size."""
    return (
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2),
        nn.ReLU(inplace=True),
    )


def _normalization() -> nn.Module:
    return nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=1.0)


def _halving() -> nn.Module:
    # Caffe rounds the size of a pooled map up.
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


class Inception(nn.Module):
    """Four parallel branches, concatenated by channel (figure 2b of the paper).

    ``one`` is the width of the 1x1 branch; ``three`` and ``five`` are the widths of the reduction
    and of the convolution after it; ``pool`` is the width of the projection after pooling.
    """

    def __init__(
        self, inputs: int, one: int, three: tuple[int, int], five: tuple[int, int], pool: int
    ) -> None:
        super().__init__()
        self.one = nn.Sequential(*_convolution(inputs, one, 1))
        self.three = nn.Sequential(
            *_convolution(inputs, three[0], 1), *_convolution(three[0], three[1], 3)
        )
        self.five = nn.Sequential(
            *_convolution(inputs, five[0], 1), *_convolution(five[0], five[1], 5)
        )
        self.pool = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), *_convolution(inputs, pool, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [N, inputs, H, W] to [N, one + three[1] + five[1] + pool, H, W]."""
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


def googlenet() -> nn.Module:
    """Return GoogLeNet without auxiliary classifiers: 6,998,552 parameters."""
    return nn.Sequential(
        *_convolution(3, 64, 7, stride=2),
        _halving(),
        _normalization(),
        *_convolution(64, 64, 1),
        *_convolution(64, 192, 3),
        _normalization(),
        _halving(),
        Inception(192, 64, (96, 128), (16, 32), 32),  # 3a
        Inception(256, 128, (128, 192), (32, 96), 64),  # 3b
        _halving(),
        Inception(480, 192, (96, 208), (16, 48), 64),  # 4a
        Inception(512, 160, (112, 224), (24, 64), 64),  # 4b
        Inception(512, 128, (128, 256), (24, 64), 64),  # 4c
        Inception(512, 112, (144, 288), (32, 64), 64),  # 4d
        Inception(528, 256, (160, 320), (32, 128), 128),  # 4e
        _halving(),
        Inception(832, 256, (160, 320), (32, 128), 128),  # 5a
        Inception(832, 384, (192, 384), (48, 128), 128),  # 5b
        nn.AvgPool2d(7),
        nn.Flatten(),
        nn.Dropout(0.4),
        nn.Linear(1024, 1000),
    )
