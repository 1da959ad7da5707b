"""Settings of section ``latency``: how latency is measured."""

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    model_validator,
)

from dnnbench.config.section import Seconds, Section
from dnnbench.records.published_study import STUDY


class Passes(Section):
    """Number of passes per process: at least ``discard`` untimed, then ``samples`` timed."""

    rounds: int
    discard: int
    samples: tuple[int, int]
    one_process: Literal["cell", "model"]


_Passes = Annotated[int, Field(ge=1, le=100_000)]


PROTOCOLS = {
    "default": Passes(rounds=5, discard=1, samples=(1, 3), one_process="cell"),
    STUDY: Passes(rounds=1, discard=10, samples=(10, 10), one_process="model"),
}


class Latency(Section):
    """How latency is measured."""

    protocol: Annotated[
        Literal["default", "bianco2018"],
        Field(
            description="Measurement protocol. default: several rounds spread over the session,"
            " with fresh processes for every cell. bianco2018: one process per network, 10 untimed"
            " passes, then the mean of 10."
        ),
    ] = "default"
    rounds: Annotated[
        int | None,
        Field(
            ge=1,
            le=1000,
            description="Number of rounds. Each round measures every cell in one to four fresh"
            " processes; cells that take less time get more. Choose the number of rounds before you"
            " start: stopping as soon as an interval looks narrow invalidates the interval. null:"
            " the protocol's default.",
        ),
    ] = None
    discard: Annotated[
        int | None,
        Field(
            ge=1,
            le=100_000,
            description="Minimum number of warm-up passes per process, before the timed passes."
            " Short passes get up to three times as many, because a process needs several of them"
            " to reach its steady state. null: the protocol's default.",
        ),
    ] = None
    samples: Annotated[
        tuple[_Passes, _Passes] | None,
        Field(
            description="Minimum and maximum number of timed passes per process. Passes beyond the"
            " minimum are made only if they are short. null: the protocol's default."
        ),
    ] = None
    cell_timeout_s: Annotated[
        Seconds,
        Field(
            description="Maximum time to measure one cell, in seconds. Cells that take longer are"
            " recorded as a timeout."
        ),
    ] = 60.0

    @model_validator(mode="after")
    def _fits_protocol(self) -> Self:
        passes = PROTOCOLS[self.protocol]
        if self.samples is not None and self.samples[0] > self.samples[1]:
            raise ValueError(
                f"samples: {list(self.samples)}: the minimum exceeds the maximum. Swap them."
            )
        if self.protocol == STUDY:
            for key in ("rounds", "discard", "samples"):
                value, fixed = getattr(self, key), getattr(passes, key)
                if value not in (None, fixed):
                    raise ValueError(
                        f"{key}: {value}: protocol {STUDY} always uses {fixed}. Set it to null."
                    )
        return self

    @property
    def passes(self) -> Passes:
        """Passes of the protocol, with the numbers of the study where it sets them."""
        own = {k: v for k in ("rounds", "discard", "samples") if (v := getattr(self, k))}
        return PROTOCOLS[self.protocol].model_copy(update=own)
