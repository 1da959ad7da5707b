"""Memory allocators of a CPU process, each chosen by environment variables before it starts.

See mallopt(3) for glibc's variables, and TUNING.md of jemalloc for ``MALLOC_CONF``.
"""

import ctypes.util
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from dnnbench.core import speed_variables

BACKEND = "cpu"


@dataclass(frozen=True, kw_only=True)
class Allocator:
    """An allocator, and the environment variables that choose it.

    ``meaning`` says what it does with freed memory. ``library`` is the file that the loader
    preloads, and ``package`` the Debian package that installs it; None if glibc allocates.
    ``of_torch``: only torch reads the variables, so other engines are not affected. ``keeps``: it
    keeps freed memory, which counts toward a network's memory.
    """

    name: str
    meaning: str
    variables: Mapping[str, str]
    library: str | None = None
    package: str | None = None
    of_torch: bool = False
    keeps: bool = True

    @property
    def environment(self) -> dict[str, str]:
        """All variables to set, with their values."""
        preloaded = {"LD_PRELOAD": self.library} if self.library else {}
        return {**preloaded, **self.variables}

    def problem(self) -> str | None:
        """Return why no process can use the allocator here, with the fix; None if one can."""
        if platform.libc_ver()[0] != "glibc":
            return "allocators can only be chosen on Linux with glibc. Remove this variant."
        for name, value in _of_allocation().items():
            if value != self.environment.get(name):
                return (
                    f"sets the allocator itself, but {name}={value} is set in your environment."
                    f" Run: unset {name}"
                )
        if self.library and not _is_installed(self.library):
            return f"{self.library} is not installed. Run: apt-get install {self.package}"
        return None


ALLOCATORS: Mapping[str, Allocator] = {
    one.name: one
    for one in (
        Allocator(
            name="kept",
            meaning="glibc keeps freed memory for the next pass instead of returning it to the"
            " kernel",
            # Raising MALLOC_MMAP_THRESHOLD_ instead is not enough: its documented maximum is
            # 32 MiB, and larger blocks would still be mapped in every pass.
            variables={"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "-1"},
        ),
        Allocator(
            name="hugepages",
            meaning="torch asks the kernel for huge pages, which are mapped with fewer page faults",
            variables={"THP_MEM_ALLOC_ENABLE": "1"},
            of_torch=True,
            keeps=False,
        ),
        Allocator(
            name="tcmalloc",
            meaning="tcmalloc of gperftools, with its defaults",
            variables={},
            library="libtcmalloc_minimal.so.4",
            package="libtcmalloc-minimal4",
        ),
        Allocator(
            name="jemalloc",
            meaning="jemalloc, which never returns freed memory to the kernel",
            variables={"MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1"},
            library="libjemalloc.so.2",
            package="libjemalloc2",
        ),
    )
}


def keeps_memory(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether a process with this environment may keep the memory that it frees."""
    return any(
        name in environ for one in ALLOCATORS.values() if one.keeps for name in one.environment
    )


def _of_allocation() -> dict[str, str]:
    """Return the variables of the user that choose or configure an allocator."""
    return {
        name: value
        for name, value in speed_variables.found().items()
        if name == "LD_PRELOAD"
        or name.startswith(speed_variables.PREFIXES["memory"])
        or (name == "GLIBC_TUNABLES" and "malloc" in value)
    }


@cache
def _is_installed(library: str) -> bool:
    stem = library.removeprefix("lib").partition(".so")[0]
    return ctypes.util.find_library(stem) == library
