"""A claim as printed, and the outcome of its test."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dnnbench.findings.correlation import Correlation
from dnnbench.findings.place_tables import Tables
from dnnbench.records.published_study import label
from dnnbench.tables.published import ClaimEntry

# Half the last digit of an accuracy; a whole digit of a speed, because some were truncated.
TOP1_ROUNDING, FPS_ROUNDING = 0.005, 0.01


@dataclass(frozen=True)
class Stated:
    """A claim as printed: its values by name, each a list."""

    key: str
    section: str
    tested_on: str
    values: Mapping[str, list[str]]

    def words(self, name: str) -> list[str]:
        """Return all values of this name; an empty list for none."""
        return self.values.get(name, [])

    def word(self, name: str) -> str:
        """Return the single value of this name."""
        (value,) = self.values[name]
        return value

    def numbers(self, name: str) -> list[float]:
        """Return all values of this name as numbers."""
        return [float(value) for value in self.words(name)]

    def number(self, name: str) -> float:
        """Return the single value of this name as a number."""
        return float(self.word(name))


@dataclass(frozen=True)
class Outcome:
    """The outcome of a test.

    ``holds`` is ``None`` if ``needs`` names what the test lacks.
    """

    text: str
    numbers: dict[str, float]
    holds: bool | None
    needs: str | None = None


@dataclass(frozen=True)
class Kind:
    """A paraphrased claim, and the function that tests it.

    The sentence has the claim's values as fields in braces; the field ``machine`` is its hardware.
    """

    sentence: str
    test: Callable[[Stated, Tables], Outcome]

    def said(self, claim: Stated, names: Mapping[str, str]) -> str:
        """Return the sentence with the printed values; ``names`` of networks by key."""
        texts = {
            name: listed([names.get(value, value) for value in values])
            for name, values in claim.values.items()
        }
        texts["machine"] = f"a {label(claim.tested_on)}"
        sentence = self.sentence.format_map(texts)
        return sentence[0].upper() + sentence[1:]


def stated(entries: Iterable[ClaimEntry]) -> list[Stated]:
    """Return the claims of ``claims.csv``, in its order."""
    found: dict[str, Stated] = {}
    for entry in entries:
        new = Stated(entry.claim, entry.section, entry.tested_on, {})
        values = dict(found.setdefault(entry.claim, new).values)
        values[entry.name] = [*values.get(entry.name, []), entry.value]
        found[entry.claim] = Stated(entry.claim, entry.section, entry.tested_on, values)
    return list(found.values())


def listed(words: Sequence[str]) -> str:
    """Return a list in prose: ``a, b, and c``."""
    if len(words) < 3:
        return " and ".join(words)
    return ", ".join([*words[:-1], f"and {words[-1]}"])


def names_of(tables: Tables, keys: Iterable[str]) -> str:
    """Return the printed names of networks, as a list in prose."""
    return listed([tables.names[key] for key in keys]) or "none"


def descending(values: Mapping[str, float]) -> list[str]:
    """Return keys by value, largest first; equal values in alphabetical order."""
    return sorted(values, key=lambda key: (-values[key], key))


def paired(
    tables: Tables, x: Mapping[str, float], y: Mapping[str, float]
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[str, ...]]:
    """Return two columns and the families, in the order of the keys."""
    keys = sorted(x)
    return (
        tuple(x[key] for key in keys),
        tuple(y[key] for key in keys),
        tuple(tables.families[key] for key in keys),
    )


def interval(name: str, found: Correlation) -> dict[str, float]:
    """Return a coefficient, its interval, and its range without each family, by name."""
    return {
        name: found.value,
        f"{name}_low": found.low,
        f"{name}_high": found.high,
        f"{name}_without_low": found.without_low,
        f"{name}_without_high": found.without_high,
    }
