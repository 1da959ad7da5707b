"""MobileNet-v1 at width 1.0 and 224 pixels.

Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
arXiv 1704.04861, table 1.
"""

from torch import nn

# Outputs and stride of each depthwise separable convolution.
_LAYERS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Return a convolution, batch normalization, and a ReLU."""
    return (
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def mobilenet() -> nn.Module:
    """Return MobileNet-v1 1.0-224: 4,231,976 parameters."""
    layers = [*_convolution(3, 32, 3, stride=2)]
    inputs = 32
    for outputs, stride in _LAYERS:
        layers += _convolution(inputs, inputs, 3, stride, groups=inputs)
        layers += _convolution(inputs, outputs, 1)
        inputs = outputs
    return nn.Sequential(*layers, nn.AvgPool2d(7), nn.Flatten(), nn.Linear(1024, 1000))
