"""Geometry of preprocessing: resize the short side, then crop the center."""

import re
from dataclasses import dataclass
from math import floor
from typing import Self

from dnnbench.config.dataset_settings import Protocol
from dnnbench.config.library import resize_of
from dnnbench.core.errors import UserError
from dnnbench.networks.registry import Network
from dnnbench.records import paths
from dnnbench.records.base import Interpolation
from dnnbench.records.published_study import STUDY

# The crop's share of the resized short side in the 2018 study, for every network.
_SHARE_2018 = 0.875


class GeometryError(UserError):
    """An unknown geometry; the message names the file, key, value, and fix."""


@dataclass(frozen=True)
class Geometry:
    """Resize filter and sizes in pixels: short side ``resize``, square crop ``size``."""

    interpolation: Interpolation
    resize: int
    size: int

    @property
    def name(self) -> str:
        """The name used in paths, such as ``bilinear-256-224``."""
        return f"{self.interpolation}-{self.resize}-{self.size}"

    @classmethod
    def parse(cls, name: str) -> Self:
        """Return the geometry of this name; raise GeometryError if it is not valid."""
        match = re.fullmatch(r"(bilinear|bicubic)-(\d+)-(\d+)", name)
        if not match or not 0 < int(match[3]) <= int(match[2]):
            raise GeometryError(
                f"geometry: {name!r}: not a geometry. Write <filter>-<short side>-<crop>, such as"
                " bilinear-256-224."
            )
        return cls(
            "bilinear" if match[1] == "bilinear" else "bicubic", int(match[2]), int(match[3])
        )


def of(network: Network, protocol: Protocol) -> Geometry:
    """Return the geometry of a network's input images, without importing torch.

    ``bianco2018`` uses one rule for every network: bilinear, size / 0.875, rounded down. ``native``
    uses the first weights source that states a geometry: one that publishes the tensors today (tier
    B), else the file of 2018 (A), else other weights (C); failing that, the registry entry itself.
    Raises GeometryError if none states one.
    """
    size = network.input_size
    if protocol == STUDY:
        return Geometry("bilinear", floor(size / _SHARE_2018), size)
    for source in sorted(network.weights, key=lambda source: "BAC".index(source.tier)):
        if source.interpolation and source.crop_pct:
            resize = resize_of(source.library)(size / source.crop_pct)
            return Geometry(source.interpolation, resize, size)
    if network.interpolation and network.crop_pct:
        return Geometry(network.interpolation, floor(size / network.crop_pct), size)
    raise GeometryError(_unknown(network))


def known(network: Network, protocol: Protocol) -> Geometry | None:
    """Return the geometry of a network's input images, or None if it is unknown."""
    try:
        return of(network, protocol)
    except GeometryError:
        return None


def _unknown(network: Network) -> str:
    """Explain why a network has no native geometry, and where to add one."""
    file, _, _ = network.builder.partition(":")
    if file.endswith(".py"):
        return (
            f"{file}: DNNBENCH: dataset.protocol native needs interpolation and crop_pct. Add them,"
            " or choose protocol bianco2018."
        )
    if ":" in network.spec:
        return (
            f"{network.spec}: dataset.protocol native needs a center crop, and the library states"
            " none. Choose protocol bianco2018."
        )
    return (
        f"{paths.REGISTRY}: {network.key}: dataset.protocol native needs interpolation and"
        " crop_pct, in the entry or in a source of weights. Add them, or choose protocol"
        " bianco2018."
    )
