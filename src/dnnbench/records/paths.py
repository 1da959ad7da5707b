"""Paths of a study's files, defined once for rules, scripts and this package.

A pattern is a path relative to the project, with Snakemake's wildcards in braces. The functions
return the same file in another results folder.
"""

import re
from pathlib import Path, PurePath

# Files written by the user or shipped with the project.
PARAMETERS = Path("params.yaml")
REGISTRY = Path("config/models.yaml")
DEVICE_FILES = Path("config/devices")
LOCK = Path("requirements.lock")
PUBLISHED = "published/bianco2018/{table}.csv"
PUBLISHED_TABLES = Path(PUBLISHED).parent

STAGE = "workflow/scripts/{stage}.py"

# Results that do not depend on the device.
RESULTS = Path("results")
COMPLEXITY = "results/complexity.csv"
ACCURACY = "results/accuracy/{dataset}/{model}.json"
ANSWERS = "results/accuracy/{dataset}/{model}.npz"
# Accuracy in another variant than fp32-eager, which depends on the device.
VARIANT_ACCURACY = "results/accuracy/{dataset}/{device}/{variant}/{model}.json"
VARIANT_ANSWERS = "results/accuracy/{dataset}/{device}/{variant}/{model}.npz"
ACCURACY_SUMMARY = "results/accuracy/summary.csv"
COMPARISONS = "results/comparisons.csv"
VARIANT_ACCURACY_TABLE = "results/accuracy/variants.csv"
ACCURACY_SET_ASIDE = "results/accuracy/set_aside.csv"

# Measurements on a device.
ENVIRONMENT = "results/{device}/environment.json"
MEMORY = "results/{device}/{variant}/memory/{model}.json"
ROUND = "results/{device}/{variant}/latency/round-{round}.jsonl"

# Files of a device imported by `dnnbench merge`.
MERGED = "results/.merged/{device}.json"

# Tables computed from all of these.
STUDY = "results/study.csv"
MODELS = "results/models.csv"
SELECTION = "results/selection.csv"
VARIANTS = "results/variants.csv"
METRICS = "results/metrics.json"
SET_ASIDE = "results/set_aside.csv"
FINDINGS = "results/findings.json"
REPLICATION = "results/replication.csv"
# Names in results/ that are not folders of devices.
NO_DEVICES = frozenset(
    PurePath(pattern).parts[1]
    for pattern in (
        *(ACCURACY, COMPLEXITY, COMPARISONS, STUDY, MODELS, SELECTION, VARIANTS, METRICS),
        *(FINDINGS, REPLICATION, MERGED, SET_ASIDE),
    )
)
REPORTS = Path("reports")
PAGE = "reports/index.html"
FIGURES = "reports/figures"
FIGURE = f"{FIGURES}/{{file}}"

# Files that can be downloaded or computed again.
WEIGHTS = "resources/weights/{model}.json"
GRAPHS = Path("resources/graphs")
GRAPH = "resources/graphs/{graph}/{model}.json"
IMAGE_INDEX = "resources/images/{dataset}/index.json"
DECODED_IMAGES = "resources/images/{dataset}/{geometry}.json"
DATASETS = Path("resources/datasets")
# Files that exist while Snakemake runs.
LOCKS = Path(".snakemake/locks")
SETTINGS = "resources/settings/{device}.json"


def device_file(profile: str) -> Path:
    """Return the device file of a Snakemake profile."""
    return DEVICE_FILES / f"{profile}.yaml"


def under(folder: Path, pattern: str, **wildcards: object) -> Path:
    """Return the file of ``pattern`` with ``folder`` in place of its first folder."""
    return _below(folder, pattern, 1, wildcards)


def in_device(folder: Path, pattern: str, **wildcards: object) -> Path:
    """Return the file of ``pattern`` with ``folder`` in place of ``results/{device}``."""
    return _below(folder, pattern, 2, wildcards)


def in_folder(folder: Path, pattern: str, **wildcards: object) -> Path:
    """Return the file of ``pattern`` with ``folder`` in place of all its folders."""
    return _below(folder, pattern, -1, wildcards)


def rounds(results: Path, device: str, variant: str) -> list[Path]:
    """Return the existing rounds of a device and a variant, sorted by name."""
    any_round = under(results, ROUND, device=device, variant=variant, round="*")
    return sorted(path for path in any_round.parent.glob(any_round.name) if _number(path))


def round_number(path: Path) -> int:
    """Return the number in the name of a round's file.

    Raises ValueError if it has none.
    """
    found = _number(path)
    if found is None:
        raise ValueError(f"{path}: not the name of a round; expected {PurePath(ROUND).name}")
    return int(found[1])


def _number(path: Path) -> re.Match[str] | None:
    return re.fullmatch(PurePath(ROUND).name.format(round="([1-9][0-9]{0,5})"), path.name)


def _below(folder: Path, pattern: str, dropped: int, wildcards: dict[str, object]) -> Path:
    """Return ``folder`` joined with the pattern without its first ``dropped`` parts."""
    return folder.joinpath(
        *(part.format(**wildcards) for part in PurePath(pattern).parts[dropped:])
    )
