"""Formatting of numbers, and widths of text."""

import math
from collections.abc import Mapping

STATUS_WORDS = {
    "oom": "out of memory",
    "timeout": "timeout",
    "failed": "failed",
    "not_measured": "not measured",
}
STABILITIES = ("stable", "noisy", "disturbed")
STABILITY_MARKS = {"noisy": "~", "disturbed": "†"}
PREDICTED_MARK = "‡"
LOSS_MARK = "↓"
VERY_UNCERTAIN = "very uncertain"
MARK_WORDS = {mark: word for word, mark in STABILITY_MARKS.items()} | {
    PREDICTED_MARK: "predicted",
    LOSS_MARK: "less accurate",
}

# Advance widths of Helvetica for the characters from space to tilde, in thousandths of the font
# size. Arial and Liberation Sans have the same widths; charts use these three fonts.
_WIDTHS = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 "
    "556 556 556 556 556 556 556 556 556 556 278 278 584 584 584 556 "
    "1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 "
    "667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 "
    "333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 "
    "556 556 333 500 278 556 500 722 500 500 500 334 260 334 584"
)
_ADVANCE = {chr(32 + place): int(width) for place, width in enumerate(_WIDTHS.split())}
_WIDEST = max(_ADVANCE.values())


def text_width(text: str, font_size: float) -> float:
    """Return the width of ``text`` in pixels; unknown characters are widest."""
    return sum(_ADVANCE.get(char, _WIDEST) for char in text) * font_size / 1000


def significant(value: float, digits: int = 3) -> str:
    """Return ``value`` with ``digits`` significant digits: 0.148, 12.3, 1,230.

    It has no exponent.
    """
    if value == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, decimals)
    decimals = digits - 1 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(decimals, 0)}f}"


def loosened(limit: float, minimum: bool) -> str:
    """Return a limit with three digits, rounded so that it admits more networks."""
    digits = 2 - math.floor(math.log10(limit))
    step = 10.0**-digits
    whole = (math.floor if minimum else math.ceil)(limit / step)
    return f"{whole * step:.{max(digits, 0)}f}"


def is_wide(low: float, high: float) -> bool:
    """Return whether the ends of an interval differ by more than a factor of two."""
    return high > 2 * low


def span(low: float | None, high: float | None) -> str:
    """Return an interval as text (``1.2 to 1.4``), empty if a bound is missing.

    The digits of a wide interval would mean little, so words replace them.
    """
    if low is None or high is None:
        return ""
    if is_wide(low, high):
        return VERY_UNCERTAIN
    return f"{significant(low)} to {significant(high)}"


def grouped(reasons: Mapping[str, str]) -> str:
    """Return names grouped by reason: ``A, B (out of memory); C (timeout)``."""
    by_reason: dict[str, list[str]] = {}
    for what, reason in reasons.items():
        by_reason.setdefault(reason, []).append(what)
    return "; ".join(f"{', '.join(those)} ({reason})" for reason, those in by_reason.items())


def stability_mark(stability: str | None) -> str:
    """Return the mark of a noisy or disturbed latency, or an empty string."""
    return STABILITY_MARKS.get(stability or "", "")


def percent(share: float) -> str:
    """Return a share as a percentage with up to three digits: ``5%``, ``2.5%``."""
    return f"{100 * share:.3g}%"


def several(count: int, noun: str) -> str:
    """Return a number with its noun: ``1 cell``, ``2 cells``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
