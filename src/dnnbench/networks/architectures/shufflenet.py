"""ShuffleNet-v1, 1x, 8 groups, as in the 2018 study.

Zhang et al., "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices",
CVPR 2018, table 1 and figure 2. Details that the paper leaves open follow the 2018 study and
reproduce its parameter count: convolutions have biases, no batch normalization or ReLU follows the
first one, and a unit's bottleneck is a quarter of its output, including the concatenated part.
"""

import torch
from torch import nn

_GROUPS = 8
# Outputs and units of stages 2, 3, and 4.
_STAGES = ((384, 4), (768, 8), (1536, 4))


class Unit(nn.Module):
    """Grouped 1x1, channel shuffle, depthwise 3x3, grouped 1x1, around a shortcut.

    With stride 1, the shortcut is added (figure 2b). With stride 2, it is pooled and concatenated
    (figure 2c), so the body produces only the remaining channels. ``groups`` applies to the first
    1x1, because the input of stage 2 has too few channels to split.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int = _GROUPS) -> None:
        super().__init__()
        width = outputs // 4
        made = outputs - inputs if stride == 2 else outputs
        self.compress = nn.Sequential(
            nn.Conv2d(inputs, width, 1, groups=groups),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.shuffle = nn.ChannelShuffle(_GROUPS)
        self.expand = nn.Sequential(
            nn.Conv2d(width, width, 3, stride, padding=1, groups=width),
            nn.BatchNorm2d(width),
            nn.Conv2d(width, made, 1, groups=_GROUPS),
            nn.BatchNorm2d(made),
        )
        self.pool = nn.AvgPool2d(3, stride=2, padding=1) if stride == 2 else None
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [N, inputs, H, W] to [N, outputs, H/stride, W/stride]."""
        y: torch.Tensor = self.expand(self.shuffle(self.compress(x)))
        y = y + x if self.pool is None else torch.cat([self.pool(x), y], dim=1)
        activated: torch.Tensor = self.relu(y)
        return activated


def shufflenet() -> nn.Module:
    """Return ShuffleNet-v1 1x (g = 8): 2,454,304 parameters."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 24, 3, stride=2, padding=1),
        nn.MaxPool2d(3, stride=2, padding=1),
    ]
    inputs = 24
    for outputs, units in _STAGES:
        groups = 1 if inputs == 24 else _GROUPS
        layers.append(Unit(inputs, outputs, stride=2, groups=groups))
        layers += [Unit(outputs, outputs, stride=1) for _ in range(units - 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AvgPool2d(7), nn.Flatten(), nn.Linear(1536, 1000))
