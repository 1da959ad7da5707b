"""Which part of a picture a network sees: resized by its short side, then cropped at its centre."""

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
    """A geometry that cannot be told: names file, key, value and remedy."""


@dataclass(frozen=True)
class Geometry:
    """Sizes in pixels: the short side is resized to ``resize``, the crop is ``size`` square."""

    interpolation: Interpolation
    resize: int
    size: int

    @property
    def name(self) -> str:
        """Names it in paths: ``bilinear-256-224``."""
        return f"{self.interpolation}-{self.resize}-{self.size}"

    @classmethod
    def parse(cls, name: str) -> Self:
        """The geometry of this name. Raises GeometryError."""
        match = re.fullmatch(r"(bilinear|bicubic)-(\d+)-(\d+)", name)
        if not match or not 0 < int(match[3]) <= int(match[2]):
            raise GeometryError(
                f"geometry: {name!r}: not one; write <filter>-<short side>-<crop>, such as"
                " bilinear-256-224"
            )
        return cls(
            "bilinear" if match[1] == "bilinear" else "bicubic", int(match[2]), int(match[3])
        )


def of(network: Network, protocol: Protocol) -> Geometry:
    """How a network's pictures are cut. Costs no import of torch.

    ``bianco2018``: one rule for every network, bilinear and size / 0.875, rounded down.
    ``native``: what the first source says that publishes the tensors today (tier B), else the file
    of 2018 (A), else other weights (C); or what the entry itself says. Raises GeometryError where
    none says.
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
    """The same, or None where none says."""
    try:
        return of(network, protocol)
    except GeometryError:
        return None


def _unknown(network: Network) -> str:
    """Why a network has no geometry of its own, and where it can be given one."""
    file, _, _ = network.builder.partition(":")
    if file.endswith(".py"):
        return (
            f"{file}: DNNBENCH: no interpolation and crop_pct, which dataset.protocol native takes;"
            " add them, or choose bianco2018"
        )
    if ":" in network.spec:
        return (
            f"{network.spec}: its library states no centre crop, which dataset.protocol native"
            " takes; choose bianco2018"
        )
    return (
        f"{paths.REGISTRY}: {network.key}: neither it nor a source of its weights has interpolation"
        " and crop_pct, which dataset.protocol native takes; add them, or choose bianco2018"
    )
