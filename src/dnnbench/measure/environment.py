"""The environment of a measurement: machine, software, code and lock file."""

import hashlib
import importlib.metadata
import os
import platform
import re
from datetime import UTC, datetime

from dnnbench.config.engine import engines
from dnnbench.config.library import libraries
from dnnbench.core import commands, foreign_text, processors, speed_variables, text_file
from dnnbench.devices import backends, control_groups
from dnnbench.records import paths
from dnnbench.records.environment_records import Environment

_PACKAGES = (
    "dnnbench",
    "torch",
    "pretrainedmodels",
    "thop",
    "numpy",
    "pillow",
)
_LOCK = paths.LOCK
_GIT_S = 30.0


def describe(device: str, setup: backends.Setup, threads: int) -> Environment:
    """Return everything needed to judge or repeat a measurement on this machine."""
    variables, quota = speed_variables.found(), control_groups.quota()
    import torch

    status = _git("status", "--porcelain")
    return Environment.model_validate(
        {
            "device": device,
            "backend": setup.backend,
            "recorded": datetime.now(UTC),
            "hostname": foreign_text.line(platform.node(), 200),
            "os": _os(),
            "kernel": platform.release(),
            "threads": threads,
            "processors": processors.listed(processors.given()),
            "quota_cores": quota.cores or (None if quota.unseen else "none"),
            "variables": variables,
            "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20,
            "python": platform.python_version(),
            "packages": {name: _version(name) for name in _packages()},
            "torch_config": _without_folders(torch.__config__.show()),
            "commit": _git("rev-parse", "HEAD"),
            "modified": None if status is None else bool(status),
            "lock_sha256": hashlib.sha256(text_file.read_bytes(_LOCK)).hexdigest()
            if _LOCK.exists()
            else None,
            **backends.backend(setup).describe(),
        }
    )


def _packages() -> list[str]:
    """Return our main packages, then those of all libraries and engines.

    Each is listed once.
    """
    of_libraries = [library.package for library in libraries().values() if library.package]
    of_engines = [name for engine in engines().values() for name in engine.packages]
    return list(dict.fromkeys([*_PACKAGES, *of_libraries, *of_engines]))


def _without_folders(config: str) -> str:
    """Remove the folders from paths on the machine that built torch, such as its compiler's."""
    return re.sub(r"(?<==)/\S*/", "", config)


def _os() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError, UnicodeDecodeError):
        return platform.system()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _git(*arguments: str) -> str | None:
    done = commands.run(["git", *arguments], _GIT_S)
    return done.stdout.strip() if done and not done.returncode else None
