"""All settings of a study: params.yaml with a device file's keys put over it."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from dnnbench.config import variants
from dnnbench.config.backend import backends
from dnnbench.config.budgets import Budgets
from dnnbench.config.dataset_settings import DatasetSettings
from dnnbench.config.gpu_settings import Gpu
from dnnbench.config.latency_settings import Latency
from dnnbench.config.library import forms
from dnnbench.config.memory_settings import Memory
from dnnbench.config.section import Distinct, Names, Section, described
from dnnbench.config.weights_settings import Weights
from dnnbench.core.errors import UserError
from dnnbench.records.base import BatchSize, DeviceName, MeasuredDevice
from dnnbench.records.published_study import STUDY


def _variant_schema(schema: dict[str, Any]) -> None:
    schema["pattern"] = variants.pattern()


def _backend_schema(schema: dict[str, Any]) -> None:
    schema["enum"] = list(backends())


# Engines and backends are looked for when a value is checked or a schema written, not on import.
# A variant is checked by what it means, which says more than a pattern that does not fit.
Variant = Annotated[str, Field(json_schema_extra=_variant_schema)]


def _models() -> str:
    libraries = ", ".join(forms())
    return (
        "Networks: a set (bianco2018, modern), or a list of sets, names from the registry, and"
        f" networks of libraries: {libraries}. Wildcards are allowed where a library has them."
    )


class Parameters(Section):
    """params.yaml with a device file's keys put over it."""

    profile: Annotated[
        DeviceName, Field(description="Snakemake profile that `dvc repro` runs with.")
    ] = "cpu"
    models: Annotated[
        Names,
        Field(json_schema_extra=described(_models)),
    ] = STUDY
    predicted: Annotated[
        Names,
        Field(
            description="A set of networks or a list of names, as models: those that are not among"
            " models are counted and not measured. Their time is predicted from those that are."
        ),
    ] = []
    devices: Annotated[
        Distinct[DeviceName],
        Field(
            description="Devices that other machines measure, and whose records `dnnbench merge`"
            " brings: shown beside this one's where they are there, never measured here."
        ),
    ] = []
    latency: Annotated[Latency, Field(description="How inference time is measured.")] = Latency()
    memory: Annotated[Memory, Field(description="How memory is measured.")] = Memory()
    budgets: Annotated[Budgets, Field(description="Budgets to choose under.")] = Budgets()
    weights: Annotated[Weights, Field(description="Where trained weights come from.")] = Weights()
    dataset: Annotated[
        DatasetSettings, Field(description="Labelled pictures that accuracy is measured on.")
    ] = DatasetSettings()

    device: Annotated[
        MeasuredDevice, Field(description="Name of the device in paths and tables: a fixed string.")
    ]
    backend: Annotated[
        str,
        Field(
            description="How the device is driven, timed and watched.",
            json_schema_extra=_backend_schema,
        ),
    ]
    batch_sizes: Annotated[
        Distinct[Annotated[BatchSize, Field(le=65_536)]],
        Field(
            min_length=1,
            max_length=100,
            description="Batch sizes that are measured. 1 decides selections.",
        ),
    ]
    threads: Annotated[
        int | None,
        Field(
            ge=1, le=1024, description="CPU threads of a forward pass. null: one a physical core."
        ),
    ] = None
    variants: Annotated[
        Distinct[Variant],
        Field(
            min_length=1,
            description="Ways of running a network: PRECISION[-autocast]-ENGINE[-channels_last]."
            " See docs/variants.md.",
        ),
    ] = [variants.REFERENCE]
    gpu: Annotated[
        Gpu | None,
        Field(
            description="How the GPU is set up, where the backend drives one.",
            validate_default=True,
        ),
    ] = None
    when_busy: Annotated[
        Literal["flag", "refuse"],
        Field(
            description="What to do before a round where other programs use the machine:"
            " flag the round's cells as unstable, or refuse to start."
        ),
    ] = "flag"
    conda: Annotated[
        Literal["device", "device-cu126", "device-jetson"],
        Field(
            description="Environment of workflow/envs that the device is driven in, with"
            " `snakemake --sdm conda`."
        ),
    ] = "device"

    @field_validator("backend")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in backends():
            raise PydanticCustomError(
                "backend", "Input should be {names}", {"names": " or ".join(map(repr, backends()))}
            )
        return name

    @field_validator("gpu")
    @classmethod
    def _only_where_there_is_one(cls, gpu: Gpu | None, info: ValidationInfo) -> Gpu | None:
        """The settings of backends that have a GPU: those that are not written are the defaults."""
        backend = backends().get(info.data.get("backend", ""))
        if backend and not backend.gpu:
            if gpu is not None:
                raise PydanticCustomError(
                    "gpu", "Backend {backend} has no GPU: remove it", {"backend": backend.name}
                )
            return None
        return gpu or Gpu()

    @field_validator("variants")
    @classmethod
    def _run_here(cls, names: list[str], others: ValidationInfo) -> list[str]:
        if "backend" in others.data:
            for place, name in enumerate(names):
                try:
                    variants.check(name, others.data["backend"])
                except UserError as error:
                    raise ValueError(f"{place}: {error}") from None
        return names


def schema() -> dict[str, Any]:
    """JSON Schema of params.yaml and device files, with a description on every key.

    Nothing is required, since each file holds some of the keys.
    """
    whole = Parameters.model_json_schema()
    del whole["required"]
    return whole | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dnnbench parameters",
        "description": "params.yaml, and the device files (config/devices/) that override it.",
    }
