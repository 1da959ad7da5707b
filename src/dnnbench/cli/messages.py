"""Headings, notes and sentences of the commands.

Sentences that the terminal shares with the page are in :mod:`dnnbench.queries.wording`. The
findings of ``dnnbench check`` are next to the checks, in :mod:`dnnbench.machines.checks`.
"""

from collections.abc import Iterable, Mapping

from dnnbench.core.formatting import LOSS_MARK, PREDICTED_MARK, STABILITY_MARKS, VERY_UNCERTAIN

# Column headings: the quantity above its unit.
TOP1 = "top-1\n%"
LATENCY = "latency\nms per image"
THROUGHPUT = "throughput\nimages/s"
MEMORY = "memory\nMiB"
PARAMETERS = "params\nM"
OPERATIONS = "MACs\nG"

# Notes below tables.
INTERVAL = "In parentheses: 95% confidence interval across the processes of one session."
PREDICTION_INTERVAL = (
    "In parentheses: 95% prediction interval, from the errors on the measured networks."
)
UNCERTAIN = f"{VERY_UNCERTAIN}: the interval is wider than a factor of two."
REASONS = "`dnnbench show NETWORK` gives the reasons."
PREDICTED = f"{PREDICTED_MARK} predicted, with a 95% prediction interval; see `dnnbench predict`."
ACCURACY_LOSS = (
    f"{LOSS_MARK} accuracy is certainly lower than in fp32-eager by more than one percentage point."
)
ACCURACY = "Top-1 accuracy: {sources}."
MEMORY_BASIS = "Memory: {bases}."
SOURCE_2018 = "2018: published in the 2018 study."
COSTS = "params: parameters used in the forward pass. MACs: multiply-adds per image, in 10^9."
SET_ASIDE = [
    "1 record was excluded from the tables:",
    "{count} records were excluded from the tables:",
]
MORE_SET_ASIDE = "and {count} more; see {file}"

# pick
NEXT = "next"
VERSUS = "vs. {following}: difference from {network}; for latency, how many times as long."
NEXT_IN_RANK = "the next network in rank"
NOT_LISTED_NEXT = 'vs. {following}: as for "vs. next"; {following} is next in rank, but not listed.'

# compare A B
QUANTITIES = {
    "time": "latency, ms/image",
    "memory": "memory, MiB",
    "top1": "top-1, %",
    "params": "parameters, M",
    "macs": "multiply-adds, G",
}
QUANTITIES_IN_NOTES = {
    "time": "latency",
    "memory": "memory",
    "top1": "top-1",
    "params": "parameters",
    "macs": "multiply-adds",
}
BETTER = {"time": "{network} faster", "top1": "{network} better"}
SMALLER = "{network} smaller"
COMPARED_VARIANTS = "A in {a}, B in {b}"
AT_BATCH_SIZES = ", at batch size {sizes}"
CHOSEN_VARIANTS = "Each is the fastest variant that gives the answers of fp32-eager."
DIFFERENCES = (
    "A vs. B: the ratio A / B for latency (marked x), the difference A - B otherwise. In"
    " parentheses: the range that the data allow, explained below for each quantity."
)
EQUIVALENT = (
    "equivalent latency: the 90% interval of the ratio lies within {margin} of 1 (two one-sided"
    " tests at 5%)."
)

# compare RUN RUN
CELLS = ["1 cell was measured in both runs.", "{count} cells were measured in both runs."]
NONE_COMPARED = (
    "There is nothing to compare. Measure the same networks, variants and batch sizes in both runs."
)
REPEATED = [
    "1 more is the same measurement in both runs, and is not compared.",
    "{count} more are the same measurement in both runs, and are not compared.",
]
REFERENCE_KERNELS = (
    "The reference kernels took {compute} (compute) and {memory} (memory) times as long after."
)
COMMON = "The median cell took {factor} times as long."
OWN = (
    "The machine itself may have changed by x {low} to {high}; a cell's change has to exceed that."
)
MACHINE_SLOWER = "The machine was slower after, or a neighbor disturbed it."
RESOLUTION = "Half of the cells can only show changes by a factor of {factor} or more."
OTHER_CODE = [
    "1 cell was measured with other code or settings after.",
    "{count} cells were measured with other code or settings after.",
]
DIFFERENT = "Different: {difference}."
CELL_INTERVALS = (
    "Latency in ms per image. In parentheses: 95% confidence interval of that cell alone."
)
MARKED_RUNS = {word: f"{mark} {word} in one of the runs." for word, mark in STABILITY_MARKS.items()}
INCONCLUSIVE_CHANGE = (
    "inconclusive: may be due to chance among so many cells, or to the change of the machine."
)
EQUIVALENT_CELLS = "{count} of {cells}: equivalent, at most {margin} slower or faster."
INCONCLUSIVE_CELLS = (
    "{count} of {cells}: inconclusive; the intervals include 1, but also changes above {margin}."
)
NO_INTERVAL = (
    "{unknown} of {cells}: inconclusive, because an interval needs the records of two processes."
)
STATUS_CHANGED = "Status changed: {changes}."
NOT_IN_RUN = "not in the study"

# compare RUN RUN --fail-on
NO_REGRESSION = "No regression ({limits}): {passed} passed, {inconclusive} inconclusive."
REGRESSIONS = [
    "1 regression ({limits}): {passed} passed, {inconclusive} inconclusive.",
    "{count} regressions ({limits}): {passed} passed, {inconclusive} inconclusive.",
]
ALL_CELLS = "all cells"
MORE_ROWS = "{count} more in the output of `dnnbench compare`."
CHANGED_CELLS = (
    "{slower} slower, {faster} faster, {equivalent} equivalent within {margin}, {inconclusive}"
    " inconclusive."
)

# predict
PREDICTED_LATENCIES = ["{where}: 1 latency predicted.", "{where}: {count} latencies predicted."]
NONE_TO_PREDICT = (
    "Every network of the study and of the registry was measured here, or failed. To predict"
    " another, list it under `predicted` in params.yaml."
)
PREDICTION_ERRORS = "Leave-one-out errors on the measured networks:"
BASES = {
    "costs": "costs",
    "reference": "latency in fp32-eager",
    "line": "multiply-adds alone, for comparison",
}
TOO_FEW_NETWORKS = "Not predicted, because fewer than {needed} networks were measured: {found}."
EXTRAPOLATED = (
    "extrapolated in: costs that exceed those of every measured network. To avoid this, measure a"
    " larger network."
)

# show
FAMILY = "{family}{origin}; input {size} x {size}."
SPEC = "In params.yaml: {spec}."
WEIGHTS = "Weights: {sources}."
TIERS = (
    "Tier A: the file used in 2018; B: the same tensors, published again; C: other weights of the"
    " same architecture."
)
NO_WEIGHTS = "no known source"
PARAMETER_COUNT = "{params:.2f} M parameters; weights {weights} MiB."
EXECUTED = "{params:.2f} M parameters used in the forward pass; {macs} G multiply-adds per image."
UNCOUNTED = "Not included in the multiply-adds: {operators}."
COUNTING = "Counting: {message}."
UNKNOWN = "unknown"
WITH_INTERVAL = ", 95% confidence interval {low:.2f} to {high:.2f}"
NOT_IN_STUDY = (
    "Not in this study: no row in {file}. To add it, list it under `models` in params.yaml and"
    " rerun the study."
)
NO_CELLS = "No device of this study has a row for it."
PROCESSES = ["Measured in 1 process{per_pass}.", "Measured in {count} processes{per_pass}."]
PER_PASS = ", with {faults} page faults and {system} ms of system time per pass"

# devices
NO_DEVICES = "No devices: {file} has no rows. To measure this machine, run `make study`."
DEVICE_COUNTS = "networks, cells: number with a latency / number in the study."

# models
NOT_LISTED = "not in this study"

# summary
SUMMARY = "{device}: {timed} of {cells} measured."
STABILITY = {
    "stable": "{count} stable: the half-width of the interval is at most 5%.",
    "noisy": (
        f"{{count}} noisy ({STABILITY_MARKS['noisy']}): the half-width is up to {{widest:.0%}}, so"
        " the latency is known less well."
    ),
    "disturbed": (
        f"{{count}} disturbed ({STABILITY_MARKS['disturbed']}): something happened in particular"
        " processes. Measure these cells again. Most common reason ({often} of {count}): {reason}."
    ),
    None: "{count} of unknown stability: a single process has no interval.",
}
NOISY_UNCERTAIN = (
    f"{{count}} noisy ({STABILITY_MARKS['noisy']}) and {VERY_UNCERTAIN}: the interval is wider than"
    " a factor of two. Measure these cells again."
)
BEST = "Most accurate network that certainly meets each budget, at batch size 1:"
NONE_FITS = "none fits for certain"
MAX_MEMORY = "max.\nmemory\nGiB"
MIN_THROUGHPUT = "min.\nthroughput\nimages/s"
NOTHING_MEASURED = (
    "No device was measured in this study. To measure this machine, run `make study`."
)
NO_BUDGET_MET = (
    "No network is known to meet a budget of params.yaml. `dnnbench pick --device {device}` shows"
    " which networks can be evaluated."
)
MEASURED_ACCURACY = "Accuracy measured on {dataset}: {done} of {networks}."
PAGE = "Page: {file}"

# check
CHECKS = "{device}: {warned} of {checks} found a disturbance; {unknown} are unknown."
UNKNOWN_STATE = (
    "unknown: this machine does not allow the check, so a disturbance of this kind is possible."
)
NOT_MEASURED = "{network} could not be measured: {message}."
NO_RESOLUTION = (
    "{device}: the smallest change that this machine can detect could not be determined."
)
RESOLVES = "The smallest change in latency that this machine can detect is {percent}%."
RESOLVES_FACTOR = "This machine can only detect changes in latency by a factor of {factor} or more."
RESOLUTION_STUDY = (
    "{networks} at batch size 1, in {sessions} alternating sessions of {rounds} rounds: half of the"
    " {comparisons} comparisons of a network with itself could detect a change of this size."
)
FALSE_POSITIVES = (
    "{different} of {comparisons} comparisons were called slower or faster by mistake. {outside} of"
    " {comparisons} intervals at the 95% level exclude 1; about 1 in 20 is expected to."
)
DISTURBED_PROCESSES = (
    "{disturbed} of {processes} processes were disturbed. On a quiet machine, smaller changes could"
    " be detected."
)
OTHER_DAYS = "Different days may differ by more; see docs/explanation/statistics.md."

# merge
MERGED = "{device}: {files} from {host}, commit {commit}"
NOT_SHOWN = "{device} is not shown yet. Add it to `devices` in {file}, and rerun the study."

# device-file
DEVICE_FILE = "{model}, backend {backend}. Next: snakemake --profile {profile}"

# export
EXPORT_NOT_MEASURED = (
    "No measurements of {variant} at batch size {batch_size} in this study, so the record has none."
)

# unlock
FUTURE_FILES = (
    "{folders}: {files} had modification times in the future, perhaps because the clock was set"
    " back. The times were reset, and these files will be checked again."
)


def numbered(texts: list[str], count: int, **fields: object) -> str:
    """Return the text for one or for any other number, with its fields filled in."""
    return texts[count != 1].format(count=count, **fields)


def uncertain(texts: Iterable[str]) -> list[str]:
    """Return the note on very uncertain numbers, if one of the ``texts`` has any."""
    return [UNCERTAIN] if any(VERY_UNCERTAIN in text for text in texts) else []


def too_few_networks(counts: Mapping[str, int], needed: int) -> str:
    """Return which variants are not predicted; ``counts`` are their measured networks."""
    found = ", ".join(f"{variant} ({count})" for variant, count in counts.items())
    return TOO_FEW_NETWORKS.format(needed=needed, found=found)
