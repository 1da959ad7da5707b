"""Settings of section ``latency``: how inference time is measured."""

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    model_validator,
)

from dnnbench.config.section import Seconds, Section
from dnnbench.records.published_study import STUDY


class Passes(Section):
    """How many forward passes a process makes: ``discard`` untimed, then ``samples`` timed."""

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
    """How inference time is measured."""

    protocol: Annotated[
        Literal["default", "bianco2018"],
        Field(
            description="default: every (model, batch size) in a process of its own, several"
            " rounds spread over the session. bianco2018: 10 passes untimed, mean of the next 10,"
            " one process a model."
        ),
    ] = "default"
    rounds: Annotated[
        int | None,
        Field(
            ge=1,
            le=1000,
            description="Rounds, each one visit to every cell in a new process. Fixed beforehand:"
            " stopping when the interval looks narrow destroys its coverage. null: the protocol's.",
        ),
    ] = None
    discard: Annotated[
        int | None,
        Field(ge=1, le=100_000, description="Passes before the timed ones. null: the protocol's."),
    ] = None
    samples: Annotated[
        tuple[_Passes, _Passes] | None,
        Field(
            description="Fewest and most timed passes in a process; more than the fewest only"
            " while they are short. null: the protocol's."
        ),
    ] = None
    cell_timeout_s: Annotated[
        Seconds, Field(description="A cell that takes longer is recorded as a timeout.")
    ] = 60.0

    @model_validator(mode="after")
    def _fits_protocol(self) -> Self:
        passes = PROTOCOLS[self.protocol]
        if self.samples is not None and self.samples[0] > self.samples[1]:
            raise ValueError(f"samples: {list(self.samples)}: the fewest exceeds the most; swap")
        if self.protocol == STUDY:
            for key in ("rounds", "discard", "samples"):
                value, fixed = getattr(self, key), getattr(passes, key)
                if value not in (None, fixed):
                    raise ValueError(
                        f"{key}: {value}: protocol {STUDY} fixes it at {fixed}; set it to null"
                    )
        return self

    @property
    def passes(self) -> Passes:
        """The protocol with this study's own numbers put in."""
        own = {k: v for k in ("rounds", "discard", "samples") if (v := getattr(self, k))}
        return PROTOCOLS[self.protocol].model_copy(update=own)
