"""Paths of a study's files, spelled once for the rules, the scripts and this package.

A pattern is a path relative to the project, with Snakemake's wildcards in braces. The functions
find the same file where another folder stands for ``results/``.
"""

import re
from pathlib import Path, PurePath

# What a user writes.
PARAMETERS = Path("params.yaml")
REGISTRY = Path("config/models.yaml")
DEVICE_FILES = Path("config/devices")
LOCK = Path("requirements.lock")
PUBLISHED = "published/bianco2018/{table}.csv"
PUBLISHED_TABLES = Path(PUBLISHED).parent

STAGE = "workflow/scripts/{stage}.py"

# What does not depend on the device.
RESULTS = Path("results")
COMPLEXITY = "results/complexity.csv"
ACCURACY = "results/accuracy/{dataset}/{model}.json"
ANSWERS = "results/accuracy/{dataset}/{model}.npz"
ACCURACY_SUMMARY = "results/accuracy/summary.csv"
COMPARISONS = "results/comparisons.csv"
ACCURACY_SET_ASIDE = "results/accuracy/set_aside.csv"

# What is measured on a device.
ENVIRONMENT = "results/{device}/environment.json"
MEMORY = "results/{device}/{variant}/memory/{model}.json"
ROUND = "results/{device}/{variant}/latency/round-{round}.jsonl"

# What `dnnbench merge` brought of a device.
MERGED = "results/.merged/{device}.json"

# What follows from all of these.
STUDY = "results/study.csv"
MODELS = "results/models.csv"
SELECTION = "results/selection.csv"
VARIANTS = "results/variants.csv"
METRICS = "results/metrics.json"
SET_ASIDE = "results/set_aside.csv"
FINDINGS = "results/findings.json"
REPLICATION = "results/replication.csv"
# What lies in results/ beside the devices' folders.
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

# What can be made again from elsewhere.
WEIGHTS = "resources/weights/{model}.json"
IMAGE_INDEX = "resources/images/{dataset}/index.json"
DECODED_IMAGES = "resources/images/{dataset}/{geometry}.json"
DATASETS = Path("resources/datasets")
# What a run of Snakemake keeps while it lasts.
LOCKS = Path(".snakemake/locks")
SETTINGS = "resources/settings/{device}.json"


def device_file(profile: str) -> Path:
    """Return the device file of a Snakemake profile."""
    return DEVICE_FILES / f"{profile}.yaml"


def under(folder: Path, pattern: str, **wildcards: object) -> Path:
    """Return the file of ``pattern`` where ``folder`` stands for its first folder."""
    return _below(folder, pattern, 1, wildcards)


def in_device(folder: Path, pattern: str, **wildcards: object) -> Path:
    """Return the file of ``pattern`` where ``folder`` stands for ``results/{device}``."""
    return _below(folder, pattern, 2, wildcards)


def in_folder(folder: Path, pattern: str, **wildcards: object) -> Path:
    """Return the file of ``pattern`` where ``folder`` stands for all of its folders."""
    return _below(folder, pattern, -1, wildcards)


def rounds(results: Path, device: str, variant: str) -> list[Path]:
    """Return the rounds that are there of a device and a variant, sorted by name."""
    any_round = under(results, ROUND, device=device, variant=variant, round="*")
    return sorted(path for path in any_round.parent.glob(any_round.name) if _number(path))


def round_number(path: Path) -> int:
    """Return the number in the name of a round's file. Raises ValueError where it has none."""
    found = _number(path)
    if found is None:
        raise ValueError(f"{path}: not named as a round is: {PurePath(ROUND).name}")
    return int(found[1])


def _number(path: Path) -> re.Match[str] | None:
    return re.fullmatch(PurePath(ROUND).name.format(round="([1-9][0-9]{0,5})"), path.name)


def _below(folder: Path, pattern: str, dropped: int, wildcards: dict[str, object]) -> Path:
    """Return ``folder`` with the pattern below it, but for its first ``dropped`` parts."""
    return folder.joinpath(
        *(part.format(**wildcards) for part in PurePath(pattern).parts[dropped:])
    )
