"""All settings of a study: params.yaml, overridden by a device file."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator
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
from dnnbench.config.stated_accuracy import StatedAccuracy
from dnnbench.config.weights_settings import Weights
from dnnbench.core.errors import UserError
from dnnbench.records.base import BatchSize, DeviceName, MeasuredDevice
from dnnbench.records.published_study import STUDY

# Type of the validation error for a section ``gpu`` that the backend does not allow.
NO_GPU = "no_gpu"


def _variant_schema(schema: dict[str, Any]) -> None:
    schema["pattern"] = variants.pattern()


def _backend_schema(schema: dict[str, Any]) -> None:
    schema["enum"] = list(backends())


def _or_null(schema: dict[str, Any]) -> None:
    described = ("title", "description", "default")
    kind = {key: schema.pop(key) for key in list(schema) if key not in described}
    schema["anyOf"] = [kind, {"type": "null"}]


# Engines and backends are found when a value is checked or a schema is written, not on import.
# Validators check a variant by its parts, because that gives clearer errors than a pattern.
Variant = Annotated[str, Field(json_schema_extra=_variant_schema)]
_FORM = variants.FORM  # In the class below, the name of the module is that of a field.

Number = Annotated[int, Field(ge=1, le=1024)]
Threads = Annotated[
    Annotated[Number, Tag("(number)")]
    | Annotated[Distinct[Number], Field(min_length=1), Tag("(numbers)")],
    Discriminator(lambda value: "(numbers)" if isinstance(value, list) else "(number)"),
]


def _models() -> str:
    libraries = ", ".join(forms())
    return (
        "Networks to measure: a set (bianco2018, modern), or a list of sets, names from the"
        f" registry, and networks from libraries: {libraries}. Some libraries accept wildcards."
    )


class Parameters(Section):
    """All settings of a study: params.yaml, overridden by a device file."""

    profile: Annotated[
        DeviceName, Field(description="Snakemake profile that `dvc repro` uses.")
    ] = "cpu"
    models: Annotated[
        Names,
        Field(json_schema_extra=described(_models)),
    ] = STUDY
    predicted: Annotated[
        Names,
        Field(
            description="Networks whose latency is predicted from the measured networks, with the"
            " same syntax as models. Their parameters and operations are counted; nothing else is"
            " measured. Networks that are also in models are measured."
        ),
    ] = []
    devices: Annotated[
        Distinct[DeviceName],
        Field(
            description="Devices measured on other machines. Their records, imported with `dnnbench"
            " merge`, appear in the tables and on the page. They are never measured here."
        ),
    ] = []
    latency: Annotated[Latency, Field(description="How latency is measured.")] = Latency()
    memory: Annotated[Memory, Field(description="How memory is measured.")] = Memory()
    budgets: Annotated[Budgets, Field(description="Limits used for results/selection.csv.")] = (
        Budgets()
    )
    weights: Annotated[Weights, Field(description="Sources of trained weights.")] = Weights()
    accuracy: Annotated[
        dict[str, StatedAccuracy],
        Field(
            description="Accuracy that you state, by network: {resnet18: {top1: 69.6, source:"
            " ...}}. It replaces published accuracy. Accuracy measured on all validation images of"
            " ImageNet replaces both."
        ),
    ] = {}
    dataset: Annotated[
        DatasetSettings, Field(description="Labeled images for measuring accuracy.")
    ] = DatasetSettings()

    device: Annotated[
        MeasuredDevice,
        Field(
            description="Name of the device in paths and tables: lower-case letters and digits,"
            " separated by -, _ or a single dot."
        ),
    ]
    backend: Annotated[
        str,
        Field(
            description="Kind of device, which decides how it is measured and monitored.",
            json_schema_extra=_backend_schema,
        ),
    ]
    batch_sizes: Annotated[
        Distinct[Annotated[BatchSize, Field(le=65_536)]],
        Field(
            min_length=1,
            max_length=100,
            description="Batch sizes to measure, in images. results/selection.csv uses batch"
            " size 1.",
        ),
    ]
    threads: Annotated[
        Threads | None,
        Field(
            description="Number of CPU threads per forward pass. null: one per physical core. A"
            " list, such as [1, 2, 4], measures every variant at each number: at the largest under"
            " its own name, at the others with -threads1, -threads2 appended.",
        ),
    ] = None
    variants: Annotated[
        Distinct[Variant],
        Field(
            default=None,
            min_length=1,
            description=f"Variants to measure: {_FORM}. null: fp32-eager; on a CPU also"
            " fp32-eager-kept, and the fastest engine that is installed. See"
            " docs/how-to/choose-variants.md.",
            validate_default=True,
            json_schema_extra=_or_null,
        ),
    ]
    gpu: Annotated[
        Gpu | None,
        Field(
            description="How the GPU is selected and set up. Not allowed for a backend without a"
            " GPU. null: the defaults.",
            validate_default=True,
        ),
    ] = None
    when_busy: Annotated[
        Literal["flag", "refuse"],
        Field(
            description="What to do if other programs use the machine when a round starts. flag:"
            " measure anyway, and mark a cell as disturbed if at least half of its processes had no"
            " priority over the other programs. refuse: do not start the round."
        ),
    ] = "flag"
    conda: Annotated[
        Literal["device", "device-cu126", "device-jetson"],
        Field(
            description="Conda environment of the measuring jobs, in workflow/envs. Used only with"
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
        """Fill in the default settings if the backend has a GPU."""
        backend = backends().get(info.data.get("backend", ""))
        if backend and not backend.gpu:
            if gpu is not None:
                raise PydanticCustomError(
                    NO_GPU, "Backend {backend} has no GPU", {"backend": backend.name}
                )
            return None
        return gpu or Gpu()

    @property
    def base_threads(self) -> int | None:
        """Threads of variants that do not name their number; None: one per physical core."""
        return max(self.threads) if isinstance(self.threads, list) else self.threads

    @field_validator("variants", mode="before")
    @classmethod
    def _default(cls, names: list[str] | None, others: ValidationInfo) -> list[str] | None:
        """Fill in the default variants of the backend."""
        backend = others.data.get("backend", "")
        return variants.default(backend) if names is None and backend in backends() else names

    @field_validator("variants")
    @classmethod
    def _at_threads(cls, names: list[str], others: ValidationInfo) -> list[str]:
        """Add each variant at the other numbers of threads."""
        threads = others.data.get("threads")
        plain = [name for name in names if "-threads" not in name]
        found = variants.at_threads(plain, threads if isinstance(threads, list) else ())
        for place, name in enumerate(names):
            if name not in found:
                raise ValueError(
                    f"{place}: {name!r}: names a number of threads. Remove it, and list the numbers"
                    " in threads: [1, 2]."
                )
        return found

    @field_validator("variants")
    @classmethod
    def _run_here(cls, names: list[str], others: ValidationInfo) -> list[str]:
        if "backend" in others.data:
            for place, name in enumerate(names):
                try:
                    variant = variants.check(name, others.data["backend"])
                except UserError as error:
                    raise ValueError(f"{place}: {error}") from None
                dataset = others.data.get("dataset")
                if variant.needs_pictures and dataset and dataset.name is None:
                    raise ValueError(
                        f"{place}: {name!r}: needs your images to calibrate int8. Set dataset in"
                        " params.yaml, or remove this variant."
                    )
        return names


def schema() -> dict[str, Any]:
    """Return the JSON Schema of params.yaml and device files, with descriptions.

    No key is required, because each file holds only some of them.
    """
    whole = Parameters.model_json_schema()
    del whole["required"]
    return whole | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dnnbench parameters",
        "description": "Settings in params.yaml and in device files (config/devices/), which"
        " override it.",
    }
