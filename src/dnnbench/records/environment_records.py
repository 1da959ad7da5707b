"""The shape of results/<device>/environment.json."""

from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    Field,
)

from dnnbench.records.base import (
    SCHEMA_VERSION,
    MeasuredDevice,
    NonNegative,
    Positive,
    Record,
    SchemaVersion,
)


class GpuEnvironment(Record):
    """The GPU of an Environment, as its driver and torch tell; ``None`` where they do not.

    Clocks are the cores' in MHz: the highest, the one asked of applications, and the one at rest
    when this was recorded. ``cuda`` is torch's; ``cuda_driver`` the newest that the driver knows.
    ``power_mode`` is a Jetson's. ``settings`` are those of the device file.
    """

    uuid: str | None = None
    pci: str | None = None
    compute_capability: str | None = None
    memory_mib: NonNegative | None = None
    cuda: str | None = None
    cuda_driver: str | None = None
    cudnn: str | None = None
    max_clock_mhz: NonNegative | None = None
    application_clock_mhz: NonNegative | None = None
    clock_mhz: NonNegative | None = None
    power_limit_w: NonNegative | None = None
    power_mode: str | None = None
    clocks_locked: bool | None = None
    persistence: bool | None = None
    ecc: bool | None = None
    mig: bool | None = None
    allocator: str | None = None
    settings: dict[str, str | float | bool | None] = {}


class Environment(Record):
    """results/<device>/environment.json: where the numbers come from.

    ``processors`` are those that may be used, as the kernel lists them, and ``quota_cores`` the
    cores' worth of time that a container or a service may use; None: not known. ``variables`` are
    those of the environment that change speed (``core.speed_variables``), None in a record that is
    older than that field.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    device: MeasuredDevice
    backend: str
    recorded: AwareDatetime
    hostname: str
    os: str
    kernel: str
    cpu: str
    cores: Annotated[int, Field(ge=1)]
    threads: Annotated[int, Field(ge=1)]
    processors: str | None = None
    quota_cores: Positive | Literal["none"] | None = None
    variables: dict[str, str] | None = None
    memory_mib: NonNegative
    virtual_machine: str | None
    governor: str | None
    turbo: bool | None
    max_mhz: NonNegative | None
    gpu: str | None = None
    driver: str | None = None
    gpu_details: GpuEnvironment | None = None
    python: str
    packages: dict[str, str]
    torch_config: str
    commit: str | None
    modified: bool | None
    lock_sha256: str | None
