"""Settings of section ``weights``: where trained weights come from."""

from typing import Annotated, Self

from pydantic import (
    Field,
    model_validator,
)

from dnnbench.config.section import Distinct, Section, UserPath, missing
from dnnbench.records.base import Tier


class Override(Section):
    """A user's own file of weights for one network."""

    path: Annotated[
        UserPath,
        Field(
            description="The file: what torch.save wrote, or .safetensors. ~ is your home folder."
        ),
    ]
    sha256: Annotated[
        str,
        Field(pattern=r"^[0-9a-f]{64}$", description="Its SHA-256: 64 digits, as sha256sum says."),
    ]
    key: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Where its weights stand, if it holds several sets that differ, such as"
            " state_dict_ema. null: it holds one.",
        ),
    ] = None

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        # A folder is answered where weights are fetched: with how to make a file of it.
        if said := missing(self.path, "file or folder"):
            raise ValueError(f"path: {said}")
        return self


class Weights(Section):
    """Where trained weights come from."""

    mirror: Annotated[
        UserPath | None,
        Field(
            description="Folder with files of weights, named as upstream names them; it is looked"
            " through before any address is. ~ is your home folder. null: none."
        ),
    ] = None
    tiers: Annotated[
        Distinct[Tier],
        Field(
            description="Kinds of sources that may be used. A: the files of 2018. B: the same"
            " tensors, re-published since. C: the same architecture with other weights, whose"
            " accuracy is another number. Tried in this order, however written. []: none, only"
            " override."
        ),
    ] = ["A", "B"]
    override: Annotated[
        dict[str, Override],
        Field(description="Files of your own, by network: {vgg16: {path: ..., sha256: ...}}."),
    ] = {}

    @model_validator(mode="after")
    def _mirror_is_there(self) -> Self:
        if self.mirror is not None and (said := missing(self.mirror, "folder")):
            raise ValueError(f"mirror: {said}")
        return self
