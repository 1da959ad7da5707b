"""Progress on standard error: a bar on a terminal, else an occasional line."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_LINE_EVERY_S = 10.0
_BAR_WIDTH = 20


class Step(Protocol):
    """A callback for the start of each step."""

    def __call__(self, name: str) -> None:
        """Start the step ``name``; the previous one is done."""


@contextmanager
def steps(what: str, total: int, later: int = 0) -> Iterator[Step]:
    """Report progress of ``total`` steps of ``what``.

    The remaining time includes ``later`` steps that follow these.
    """
    if not total:
        yield lambda name: None
        return
    started = time.monotonic()
    done = -1

    def left() -> str:
        if done < 1:
            return ""
        each = (time.monotonic() - started) / done
        return f"{_duration(each * (total - done + later))} left"

    if sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
        )
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(what, total=total, left="")

            def bar(name: str) -> None:
                nonlocal done
                done += 1
                progress.update(task, completed=done, description=f"{what}: {name}", left=left())

            yield bar
            progress.update(task, completed=total, description=what, left="")
    else:
        last = float("-inf")

        def line(name: str) -> None:
            nonlocal done, last
            done += 1
            if time.monotonic() - last >= _LINE_EVERY_S:
                last = time.monotonic()
                text = ", ".join(filter(None, (f"{what}: {done} of {total}", name, left())))
                print(text, file=sys.stderr, flush=True)

        yield line
        took = _duration(time.monotonic() - started)
        print(f"{what}: {total} of {total} in {took}", file=sys.stderr, flush=True)


class Received(Protocol):
    """A callback for the progress of one file."""

    def __call__(self, done: int, total: int | None) -> None:
        """Report that ``done`` bytes have arrived, of ``total`` if known."""


@contextmanager
def transfers(what: str) -> Iterator[Callable[[str], Received]]:
    """Report progress of parallel downloads.

    Yields a function that starts a file by its name.
    """
    if sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True)) as progress:

            def begin_bar(name: str) -> Received:
                task = progress.add_task(name, total=None)
                return lambda done, total: progress.update(task, completed=done, total=total)

            yield begin_bar
    else:

        def begin_line(name: str) -> Received:
            started = last = time.monotonic()

            def line(done: int, total: int | None) -> None:
                nonlocal last
                now = time.monotonic()
                if done == total or now - last >= _LINE_EVERY_S:
                    last = now
                    size = f"{done / 1e6:.1f} MB"
                    if total:
                        filled = "#" * (_BAR_WIDTH * done // total)
                        size = f"[{filled:.<{_BAR_WIDTH}}] {done / 1e6:.1f} of {total / 1e6:.1f} MB"
                    took = _duration(now - started)
                    print(f"{what}: {name}: {size} in {took}", file=sys.stderr, flush=True)

            return line

        yield begin_line


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
