"""MobileNet-v2 at width 1.0 and 224 pixels, with the first expansion kept.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, table 2. The
first block has expansion 1. Most libraries omit its 1x1 expansion, but the network of the 2018
study has it (1,088 more parameters).
"""

import torch
from torch import nn

# Expansion, outputs, repetitions, and stride of the first repetition.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Return a convolution, batch normalization, and a ReLU6."""
    return (
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """A 1x1 expansion, depthwise 3x3 filter, and linear 1x1 projection.

    The input is added to the output if they have the same shape.
    """

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        width = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            *_convolution(inputs, width, 1),
            *_convolution(width, width, 3, stride, groups=width),
            nn.Conv2d(width, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [N, inputs, H, W] to [N, outputs, H/stride, W/stride]."""
        y: torch.Tensor = self.body(x)
        return x + y if self.residual else y


def mobilenetv2() -> nn.Module:
    """Return MobileNet-v2 1.0-224: 3,505,960 parameters."""
    layers = [*_convolution(3, 32, 3, stride=2)]
    inputs = 32
    for expansion, outputs, repetitions, first_stride in _STAGES:
        for repetition in range(repetitions):
            stride = first_stride if repetition == 0 else 1
            layers.append(InvertedResidual(inputs, outputs, expansion, stride))
            inputs = outputs
    return nn.Sequential(
        *layers,
        *_convolution(320, 1280, 1),
        nn.AvgPool2d(7),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(1280, 1000),
    )
