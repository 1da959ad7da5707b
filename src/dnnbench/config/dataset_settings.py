"""Settings of section ``dataset``: the images that accuracy is measured on."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    model_validator,
)

from dnnbench.config.section import Section


class Dataset(Section):
    """Labelled pictures that accuracy is measured on."""

    name: Annotated[
        Literal["imagenet", "imagenetv2", "imagenette", "folder"] | None,
        Field(
            description="imagenet: the 50,000 validation pictures, or some of them. imagenetv2,"
            " imagenette: downloaded, or in path. folder: pictures named or foldered by synset."
            " null: accuracy is not measured."
        ),
    ] = None
    path: Annotated[
        Path | None,
        Field(description="Folder that holds the data set. null: resources/datasets."),
    ] = None
    protocol: Annotated[
        Literal["bianco2018", "native"],
        Field(
            description="bianco2018: bilinear, short side to floor(size / 0.875), centre crop, for"
            " every network. native: filter and crop of the library that publishes the weights."
        ),
    ] = "bianco2018"

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        if self.path is None and self.name in ("imagenet", "folder"):
            raise ValueError(f"path: null: {self.name} cannot be downloaded; name its folder")
        if self.path is not None and self.name is None:
            raise ValueError(f"name: null: {str(self.path)!r} would not be used; write folder")
        if self.path is not None and not self.path.is_dir():
            raise ValueError(f"path: {str(self.path)!r}: no such folder; correct it")
        return self
