"""Settings of section ``dataset``: the images that accuracy is measured on."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from dnnbench.config.dataset import datasets
from dnnbench.config.section import Section, UserPath, described, missing
from dnnbench.records.published_study import STUDY

Protocol = Literal["bianco2018", "native"]


def _known(name: str) -> str:
    known = datasets()
    if name not in known:
        names = " or ".join(map(repr, known))
        raise PydanticCustomError("dataset", "Input should be {names}", {"names": names})
    return name


def _enum(schema: dict[str, Any]) -> None:
    schema["enum"] = list(datasets())


def _description() -> str:
    texts = [
        f"{dataset.name}: {dataset.description}"
        f"{' (downloaded unless path is set)' * bool(dataset.archive)}."
        for dataset in datasets().values()
    ]
    return " ".join(["Data set.", *texts, "null: accuracy is not measured."])


class DatasetSettings(Section):
    """Labeled images for measuring accuracy."""

    name: Annotated[
        Annotated[str, AfterValidator(_known), Field(json_schema_extra=_enum)] | None,
        Field(json_schema_extra=described(_description)),
    ] = None
    path: Annotated[
        UserPath | None,
        Field(
            description="Folder of the data set; ~ is your home folder. null: download the data set"
            " to resources/datasets."
        ),
    ] = None
    protocol: Annotated[
        Protocol,
        Field(
            description="How images are prepared. bianco2018: for every network, resize the short"
            " side to floor(size / 0.875) with a bilinear filter, then crop the center. native: use"
            " the filter and crop of the library that publishes the weights."
        ),
    ] = STUDY

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        if self.path is None and self.name is not None and datasets()[self.name].archive is None:
            raise ValueError(
                f"path: null: {self.name} cannot be downloaded. Set path to its folder."
            )
        if self.path is not None and self.name is None:
            raise ValueError(
                f"name: null: path {str(self.path)!r} is not used without a name. Set name to"
                " folder, or to the data set in it."
            )
        if self.path is not None and (said := missing(self.path, "folder")):
            raise ValueError(f"path: {said}")
        return self
