"""The limit on processor time that control groups (and containers) set.

The kernel enforces the smallest limit among the process's group and its ancestors. A group's
folder follows from its path (/proc/self/cgroup) and the mounted hierarchies
(/proc/self/mountinfo); see cgroups(7) and proc(5). Version 1 folders have various names:
``cpu``, ``cpu,cpuacct`` or ``cpuacct,cpu``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dnnbench.devices.host import read

_PLACES = Path("sys/fs/cgroup")


@dataclass(frozen=True)
class Quota:
    """A limit in cores, or None if none was found.

    ``unseen`` says why there may be another limit; it is empty if every group was visible.
    """

    cores: float | None
    unseen: str = ""


@dataclass(frozen=True)
class _Mount:
    """A mounted hierarchy (version 1 or 2), whose ``root`` group is at ``place``."""

    version: int
    root: str
    place: Path


def quota(root: Path = Path("/")) -> Quota:
    """Return the smallest limit of this process's groups.

    ``root`` contains proc and sys.
    """
    group = _group(read(root / "proc/self/cgroup") or "")
    if group is None:
        return Quota(None, "/proc/self/cgroup lists no CPU control group")
    version, path = group
    unseen = f"control group {path} is not in any mounted hierarchy"
    for mount in _mounts(root):
        below = _below(path, mount.root)
        if mount.version != version or below is None:
            continue
        top = root / str(mount.place).lstrip("/")
        folders = [top / below, *(top / part for part in below.parents)]
        limits = [_limit(folder, version, folder == top) for folder in folders]
        found = [limit for limit in limits if isinstance(limit, float)]
        problems = [limit for limit in limits if isinstance(limit, str)]
        if not problems and (mount.root != "/" or _not_the_first(top, version)):
            problems = ["control groups above this container are not visible"]
        if found:  # A limit that is not visible could only lower this one.
            return Quota(min(found), problems[0] if problems else "")
        if not problems:
            return Quota(None)
        unseen = problems[0]
    return Quota(None, unseen)


def _group(text: str) -> tuple[int, str] | None:
    """Return version and path of the CPU control group; version 1 takes precedence."""
    second = None
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "cpu" in controllers.split(","):
            return 1, path
        if number == "0" and not controllers:
            second = 2, path
    return second


def _mounts(root: Path) -> Iterator[_Mount]:
    """Yield mounted hierarchies that may limit CPU time.

    Without mountinfo, these are the default places.
    """
    text = read(root / "proc/self/mountinfo")
    for line in (text or "").splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = [_plain(word) for word in before.split()], after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            yield _Mount(2, fields[3], Path(fields[4]))
        elif kind[0] == "cgroup" and "cpu" in kind[-1].split(","):
            yield _Mount(1, fields[3], Path(fields[4]))
    if text is None:
        yield _Mount(2, "/", _PLACES)
        yield _Mount(2, "/", _PLACES / "unified")
        for folder in sorted((root / _PLACES).glob("*")):
            if "cpu" in folder.name.split(","):
                yield _Mount(1, "/", _PLACES / folder.name)


def _below(path: str, root: str) -> PurePosixPath | None:
    """Return the path of a group relative to ``root``; None if it is elsewhere."""
    # In a cgroup namespace, paths start at a group whose location is not visible.
    if ".." in path.split("/") or ".." in root.split("/"):
        return None
    group = PurePosixPath(path)
    return group.relative_to(root) if group.is_relative_to(root) else None


def _limit(folder: Path, version: int, top: bool) -> float | str | None:
    """Return a group's limit in cores, None for no limit, or the reason it is unknown."""
    if not folder.is_dir():
        return f"control group folder not found: {folder}"
    if version == 2:
        words = (read(folder / "cpu.max") or "").split()
        controllers = read(folder / "cgroup.controllers")
        if not words and (top or (controllers is not None and "cpu" not in controllers.split())):
            return None  # The root group has no limits, nor has a group without the controller.
    else:
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        words = [word for name in names for word in (read(folder / name) or "").split()]
    if words[:1] in (["max"], ["-1"]):
        return None
    if len(words) == 2 and all(re.fullmatch("[1-9][0-9]*", word) for word in words):
        return int(words[0]) / int(words[1])
    return f"no readable limit in {folder}"


def _not_the_first(top: Path, version: int) -> bool:
    """Return whether there are groups above the topmost mounted one."""
    if version == 2:
        return (top / "cgroup.events").exists()
    return (top / "cgroup.procs").exists() and not (top / "release_agent").exists()


def _plain(word: str) -> str:
    r"""Decode a word of mountinfo, in which a blank is \040."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), word)
