"""Colors of networks, the same in every chart.

The family sets the hue, the member the shade.

A color depends only on the network's position in the registry, so a network has the same color in
any study. Adding a network at the end of its family changes no other color; adding a family shifts
the hues of the others a little.
"""

import hashlib
import math
from collections.abc import Mapping

_FIRST_HUE = 255.0
# Lightness and chroma (OKLCH) with enough contrast on white and on near-black backgrounds.
_LIGHTEST, _DARKEST, _CHROMA = 0.74, 0.47, 0.15


def network_colors(families: Mapping[str, str]) -> dict[str, str]:
    """Return model -> color (``#rrggbb``), given model -> family in registry order."""
    order = list(dict.fromkeys(families.values()))
    stride = _stride(len(order))
    step = 360 / max(len(order), 1)
    members: dict[str, int] = {}
    colors = {}
    for model, family in families.items():
        member = members[family] = members.get(family, -1) + 1
        shade = _halving(member)
        place = order.index(family) * stride % len(order)
        hue = _FIRST_HUE + step * (place + 0.6 * (shade - 0.5))
        colors[model] = _hex(_DARKEST + (_LIGHTEST - _DARKEST) * shade, _CHROMA, hue)
    return colors


def unknown_color(model: str) -> str:
    """Return a color for a network outside the registry, derived from its name."""
    digest = hashlib.sha256(model.encode()).digest()
    shade = digest[2] / 255
    hue = (digest[0] * 256 + digest[1]) / 65536 * 360
    return _hex(_DARKEST + (_LIGHTEST - _DARKEST) * shade, _CHROMA, hue)


def _stride(count: int) -> int:
    """Return a step that visits all hues and keeps neighboring families apart."""
    golden = round(count * 0.382)
    return next((n for n in range(max(golden, 1), count) if math.gcd(n, count) == 1), 1)


def _halving(index: int) -> float:
    """Return an element of the sequence 1/2, 1/4, 3/4, 1/8, ...

    Each new value falls into the widest gap.
    """
    value, step, number = 0.0, 0.5, index + 1
    while number:
        value += step * (number & 1)
        number >>= 1
        step /= 2
    return value


def _hex(lightness: float, chroma: float, hue: float) -> str:
    """Convert OKLCH to sRGB, lowering chroma until the color is in the gamut."""
    while True:
        channels = _linear_rgb(lightness, chroma, math.radians(hue))
        if all(-1e-6 <= channel <= 1 + 1e-6 for channel in channels):
            break
        chroma *= 0.95
    return "#" + "".join(f"{round(255 * _gamma(channel)):02x}" for channel in channels)


def _linear_rgb(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """Convert OKLCH to linear RGB (https://bottosson.github.io/posts/oklab/)."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _gamma(channel: float) -> float:
    channel = min(max(channel, 0.0), 1.0)
    if channel <= 0.0031308:
        return 12.92 * channel
    return float(1.055 * channel ** (1 / 2.4) - 0.055)
