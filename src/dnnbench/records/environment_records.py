"""The shape of results/<device>/environment.json."""

from typing import Literal

from pydantic import (
    AwareDatetime,
)

from dnnbench.records.base import (
    SCHEMA_VERSION,
    Line,
    Lines,
    MeasuredDevice,
    Mib,
    Name,
    Positive,
    Record,
    SchemaVersion,
    Share,
    Text,
    Threads,
)


class GpuEnvironment(Record):
    """The GPU of an Environment, as its driver and torch tell; ``None`` where they do not.

    Clocks are the cores' in MHz: the highest, the one asked of applications, and the one at rest
    when this was recorded. ``cuda`` is torch's; ``cuda_driver`` the newest that the driver knows.
    ``power_mode`` is a Jetson's. ``settings`` are those of the device file.
    """

    uuid: Text | None = None
    pci: Text | None = None
    compute_capability: Text | None = None
    memory_mib: Mib | None = None
    cuda: Text | None = None
    cuda_driver: Text | None = None
    cudnn: Text | None = None
    max_clock_mhz: Share | None = None
    application_clock_mhz: Share | None = None
    clock_mhz: Share | None = None
    power_limit_w: Share | None = None
    power_mode: Text | None = None
    clocks_locked: bool | None = None
    persistence: bool | None = None
    ecc: bool | None = None
    mig: bool | None = None
    allocator: Text | None = None
    settings: dict[Line, Text | float | bool | None] = {}


class Environment(Record):
    """results/<device>/environment.json: where the numbers come from.

    ``processors`` are those that may be used, as the kernel lists them, and ``quota_cores`` the
    cores' worth of time that a container or a service may use; None: not known. ``variables`` are
    those of the environment that change speed (``core.speed_variables``), None in a record that is
    older than that field.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    device: MeasuredDevice
    backend: Name
    recorded: AwareDatetime
    hostname: Line
    os: Text
    kernel: Text
    cpu: Text
    cores: Threads
    threads: Threads
    processors: Text | None = None
    quota_cores: Positive | Literal["none"] | None = None
    variables: dict[Line, Text] | None = None
    memory_mib: Mib
    virtual_machine: Text | None
    governor: Text | None
    turbo: bool | None
    max_mhz: Share | None
    gpu: Text | None = None
    driver: Text | None = None
    gpu_details: GpuEnvironment | None = None
    python: Text
    packages: dict[Line, Text]
    torch_config: Lines
    commit: Line | None
    modified: bool | None
    lock_sha256: Line | None
