"""The limits of a gate as options, and its outcome as text and exit code."""

import re
from collections.abc import Mapping, Sequence

from dnnbench.cli import messages
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import percent
from dnnbench.queries.regressions import METRICS, Check, Gate, Metric

REGRESSION, INCONCLUSIVE = 4, 5


def share(text: str, option: str) -> float:
    """Return a percentage such as ``5%`` as a share. Raises UserError, which names ``option``."""
    if not (found := re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)\s*%", text.strip())):
        raise UserError(f"{option}: {text!r}: not a percentage. Write, for example, 5%.")
    return float(found[1]) / 100


def limits(texts: Sequence[str]) -> dict[Metric, float]:
    """Return limits such as ``slower=5%``, by metric. Raises UserError if one is invalid."""
    found: dict[Metric, float] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        metric = next((one for one in METRICS if one == name.strip()), None)
        if metric is None or not equals:
            known = " or ".join(f"{one}=5%" for one in METRICS)
            raise UserError(f"--fail-on: {text!r}: expected {known}.")
        if metric in found:
            raise UserError(f"--fail-on: {text!r}: {metric} has two limits. Drop one.")
        found[metric] = share(value, f"--fail-on: {metric}")
    return found


def exit_code(found: Gate, strict: bool) -> int:
    """Return the exit code for an outcome."""
    if found.outcome == "regression":
        return REGRESSION
    return INCONCLUSIVE if strict and found.outcome == "inconclusive" else 0


def verdict(found: Gate) -> str:
    """Return the outcome as one sentence."""
    fields = {
        "limits": ", ".join(f"{name}={percent(limit)}" for name, limit in found.limits.items()),
        "passed": found.count("pass"),
        "inconclusive": found.count("inconclusive"),
    }
    count = found.count("regression")
    if not count:
        return messages.NO_REGRESSION.format_map(fields)
    return messages.numbered(messages.REGRESSIONS, count, **fields)


def cell(check: Check, names: Mapping[str, str]) -> str:
    """Return the network and batch size of a check: ``ResNet-50 x 8``."""
    if check.model is None:
        return messages.ALL_CELLS
    return f"{names.get(check.model, check.model)} x {check.batch_size}"
