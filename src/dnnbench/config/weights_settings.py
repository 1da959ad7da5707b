"""Settings of section ``weights``: sources of trained weights."""

from typing import Annotated, Self

from pydantic import (
    Field,
    model_validator,
)

from dnnbench.config.section import Distinct, Section, UserPath, missing
from dnnbench.records.base import Tier


class Override(Section):
    """Your own weights file for one network."""

    path: Annotated[
        UserPath,
        Field(
            description="Weights file, written by torch.save or in .safetensors format. ~ is your"
            " home folder."
        ),
    ]
    sha256: Annotated[
        str,
        Field(
            pattern=r"^[0-9a-f]{64}$",
            description="SHA-256 of the file: the 64 hexadecimal digits that sha256sum prints.",
        ),
    ]
    key: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Key of the weights in the file, such as state_dict_ema. Needed only if the"
            " file holds several different sets of weights. null: it holds one.",
        ),
    ] = None

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        # Fetching refuses a folder too, but also explains how to convert it into a file.
        if said := missing(self.path, "file or folder"):
            raise ValueError(f"path: {said}")
        return self


class Weights(Section):
    """Sources of trained weights."""

    mirror: Annotated[
        UserPath | None,
        Field(
            description="Folder of weights files, under their upstream file names. It is searched"
            " before anything is downloaded. ~ is your home folder. null: none."
        ),
    ] = None
    tiers: Annotated[
        Distinct[Tier],
        Field(
            description="Tiers of sources to use, always tried in the order A, B, C. A: the files"
            " of 2018. B: the same tensors, republished since. C: other weights for the same"
            " architecture, with a different accuracy. []: use only override."
        ),
    ] = ["A", "B"]
    override: Annotated[
        dict[str, Override],
        Field(description="Your own weights files, by network: {vgg16: {path: ..., sha256: ...}}."),
    ] = {}

    @model_validator(mode="after")
    def _mirror_is_there(self) -> Self:
        if self.mirror is not None and (said := missing(self.mirror, "folder")):
            raise ValueError(f"mirror: {said}")
        return self
