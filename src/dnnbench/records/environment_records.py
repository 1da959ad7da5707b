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
    """The GPU, as reported by its driver and by torch. Null: neither reports the value."""

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
    """Maximum core clock."""
    application_clock_mhz: Share | None = None
    """Application clock: the core clock that is requested for applications."""
    clock_mhz: Share | None = None
    """Core clock of the idle GPU when this was recorded."""
    power_limit_w: Share | None = None
    """Power limit."""
    power_mode: Text | None = None
    """Power mode of a Jetson."""
    clocks_locked: bool | None = None
    """Whether the clocks are locked."""
    persistence: bool | None = None
    """Whether persistence mode is on."""
    ecc: bool | None = None
    """Whether error correction of the memory (ECC) is on."""
    mig: bool | None = None
    """Whether the GPU is partitioned (MIG)."""
    allocator: Text | None = None
    """Settings of torch's allocator; null: its defaults."""
    settings: dict[Line, Text | float | bool | None] = {}
    """Values of the section ``gpu`` of the device file."""


class Environment(Record):
    """Content of results/<device>/environment.json: the machine and its software."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    """Version of the file format."""
    device: MeasuredDevice
    """Name of the device."""
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
    """Number of physical cores that the process may use."""
    threads: Threads
    """Number of CPU threads in a forward pass."""
    processors: Text | None = None
    """Logical processors that the process may use, in the kernel's notation: ``0-3,8``."""
    quota_cores: Positive | Literal["none"] | None = None
    """CPU quota of the container or service, as a number of cores. ``none``: no quota. Null:
    unknown."""
    variables: dict[Line, Text] | None = None
    """Environment variables that affect speed, with their values; null in old records."""
    memory_mib: Mib
    """Total memory of the machine."""
    virtual_machine: Text | None
    """Hypervisor, or ``unknown`` if it was not identified; ``none`` or null: none was detected."""
    governor: Text | None
    """Frequency governor of the processor."""
    turbo: bool | None
    """Whether turbo is on."""
    max_mhz: Share | None
    """Maximum clock of the processor."""
    gpu: Text | None = None
    """Model of the GPU."""
    driver: Text | None = None
    """Version of the GPU's driver."""
    gpu_details: GpuEnvironment | None = None
    """Details of the GPU."""
    python: Text
    """Version of Python."""
    packages: dict[Line, Text]
    """Versions of the packages that can affect the numbers."""
    torch_config: Lines
    """Build configuration of torch, without the folders of the machine that built it."""
    commit: Line | None
    """Git commit of the project."""
    modified: bool | None
    """Whether any file differed from that commit."""
    lock_sha256: Line | None
    """SHA-256 of requirements.lock."""
