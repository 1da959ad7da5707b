"""Format of results/<device>/environment.json."""

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
    """GPU of a device, as reported by its driver and torch; null if they do not report it."""

    uuid: Text | None = None
    """UUID of the GPU."""
    pci: Text | None = None
    """PCI address."""
    compute_capability: Text | None = None
    """Compute capability."""
    memory_mib: Mib | None = None
    """Memory of the GPU."""
    cuda: Text | None = None
    """Version of CUDA that torch was built with."""
    cuda_driver: Text | None = None
    """Newest version of CUDA that the driver supports."""
    cudnn: Text | None = None
    """Version of cuDNN."""
    max_clock_mhz: Share | None = None
    """Highest clock of the cores."""
    application_clock_mhz: Share | None = None
    """Clock requested for applications."""
    clock_mhz: Share | None = None
    """Clock at rest, when this was recorded."""
    power_limit_w: Share | None = None
    """Power limit."""
    power_mode: Text | None = None
    """Power mode of a Jetson."""
    clocks_locked: bool | None = None
    """Whether the clocks are locked."""
    persistence: bool | None = None
    """Whether persistence mode is on."""
    ecc: bool | None = None
    """Whether the memory corrects errors (ECC)."""
    mig: bool | None = None
    """Whether the GPU is partitioned (MIG)."""
    allocator: Text | None = None
    """Settings of torch's allocator; null: its defaults."""
    settings: dict[Line, Text | float | bool | None] = {}
    """Section ``gpu`` of the device file."""


class Environment(Record):
    """Content of results/<device>/environment.json: the machine and its software."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    device: MeasuredDevice
    """Device."""
    backend: Name
    """Backend of the device."""
    recorded: AwareDatetime
    """Time of recording."""
    hostname: Line
    """Name of the machine."""
    os: Text
    """Operating system."""
    kernel: Text
    """Version of the kernel."""
    cpu: Text
    """Model of the processor."""
    cores: Threads
    """Physical cores that may be used."""
    threads: Threads
    """CPU threads of a forward pass."""
    processors: Text | None = None
    """Processors that may be used, as the kernel lists them: ``0-3,8``."""
    quota_cores: Positive | Literal["none"] | None = None
    """Cores' worth of time that a container or service may use; null: unknown."""
    variables: dict[Line, Text] | None = None
    """Environment variables that change speed; null in records older than this field."""
    memory_mib: Mib
    """Memory of the machine."""
    virtual_machine: Text | None
    """Hypervisor; null: none was detected."""
    governor: Text | None
    """Frequency governor of the processor."""
    turbo: bool | None
    """Whether turbo is on."""
    max_mhz: Share | None
    """Highest clock of the processor."""
    gpu: Text | None = None
    """Model of the GPU."""
    driver: Text | None = None
    """Version of the GPU's driver."""
    gpu_details: GpuEnvironment | None = None
    """More about the GPU."""
    python: Text
    """Version of Python."""
    packages: dict[Line, Text]
    """Versions of the packages that numbers depend on."""
    torch_config: Lines
    """Build configuration of torch."""
    commit: Line | None
    """Git commit of the project."""
    modified: bool | None
    """Whether files differed from that commit."""
    lock_sha256: Line | None
    """SHA-256 of requirements.lock."""
