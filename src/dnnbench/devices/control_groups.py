"""How much processor time the control groups of this process allow it, as containers limit it.

The kernel enforces the smallest limit of the process's group and of all above it. Where a group
lies is told by its path (/proc/self/cgroup) and by what of the hierarchy is mounted where
(/proc/self/mountinfo); see cgroups(7) and proc(5). Of version 1, the folder may have any name:
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
    """Cores' worth of time, None where no limit was found, and why there may be one all the same.

    ``unseen`` is empty where every group was seen.
    """

    cores: float | None
    unseen: str = ""


@dataclass(frozen=True)
class _Mount:
    """A mounted hierarchy of version 1 or 2: the group ``root`` of it is at ``place``."""

    version: int
    root: str
    place: Path


def quota(root: Path = Path("/")) -> Quota:
    """Return the least limit of this process's groups; ``root`` is where proc and sys are."""
    group = _group(read(root / "proc/self/cgroup") or "")
    if group is None:
        return Quota(None, "no cgroup of processor time in /proc/self/cgroup")
    version, path = group
    unseen = f"no cgroup {path} in the hierarchies that are mounted"
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
            problems = ["groups above this container are not shown"]
        if found:  # One that was not seen could only be smaller.
            return Quota(min(found), problems[0] if problems else "")
        if not problems:
            return Quota(None)
        unseen = problems[0]
    return Quota(None, unseen)


def _group(text: str) -> tuple[int, str] | None:
    """Version and path of the group that processor time is limited by: 1 where it is mounted so."""
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
    """Mounted hierarchies that may limit processor time; the usual places if none is told."""
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
    """Where the group ``path`` is below the group ``root``; None where it is elsewhere."""
    # With a namespace of its own, a path begins at a group whose place is not told.
    if ".." in path.split("/") or ".." in root.split("/"):
        return None
    group = PurePosixPath(path)
    return group.relative_to(root) if group.is_relative_to(root) else None


def _limit(folder: Path, version: int, top: bool) -> float | str | None:
    """Cores' worth of time that a group may use, None for no limit; or why that is not known."""
    if not folder.is_dir():
        return f"no folder of a cgroup: {folder}"
    if version == 2:
        words = (read(folder / "cpu.max") or "").split()
        controllers = read(folder / "cgroup.controllers")
        if not words and (top or (controllers is not None and "cpu" not in controllers.split())):
            return None  # The first group has no limits, nor has one without the controller.
    else:
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        words = [word for name in names for word in (read(folder / name) or "").split()]
    if words[:1] in (["max"], ["-1"]):
        return None
    if len(words) == 2 and all(re.fullmatch("[1-9][0-9]*", word) for word in words):
        return int(words[0]) / int(words[1])
    return f"no limit that can be read in {folder}"


def _not_the_first(top: Path, version: int) -> bool:
    """Whether there are groups above the topmost one that is mounted."""
    if version == 2:
        return (top / "cgroup.events").exists()
    return (top / "cgroup.procs").exists() and not (top / "release_agent").exists()


def _plain(word: str) -> str:
    r"""A word of mountinfo, where a blank is \040."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), word)
