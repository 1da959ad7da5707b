"""Claims about memory at batch size 1."""

from scipy.stats import linregress, t

from dnnbench.core.units import MIB_PER_GIB
from dnnbench.findings import correlation
from dnnbench.findings.place_tables import Tables
from dnnbench.findings.stated import Kind, Outcome, Stated, interval, names_of, paired
from dnnbench.findings.step import best_step, step_at
from dnnbench.records.published_study import MEMORY_ROUNDING_MIB, TITAN

# Share of the variance that lines must explain for size to estimate memory reliably.
RELIABLE = 0.9


def memory_from_size(claim: Stated, tables: Tables) -> Outcome:
    """Test whether one line, or two parallel ones as in Figure 4, explain memory."""
    size, memory = tables.size_mib(), tables.machine(TITAN).memory_at(tables.networks)
    x, y, families = paired(tables, size, memory)
    found, ranks = correlation.pearson(x, y, families), correlation.spearman(x, y, families)
    text = (
        f"linear correlation {found}, rank correlation {ranks}; one line explains"
        f" {100 * found.value**2:.0f}% of the variance"
    )
    numbers = {
        **interval("pearson", found),
        **interval("spearman", ranks),
        "one_line": found.value**2,
    }
    explained = found.value**2
    if explained < RELIABLE and (split := best_step(x, y)):
        explained = 1 - (1 - explained) * (1 - split.explained)
        numbers["two_lines"] = explained
        text += (
            f", two parallel lines {100 * explained:.0f}%, with networks assigned to a line in"
            " alphabetical order"
        )
    return Outcome(text, numbers, explained >= RELIABLE)


def least_memory(claim: Stated, tables: Tables) -> Outcome:
    """Test the least memory of any network at batch size 1, rounded as printed."""
    memory = tables.machine(TITAN).memory_at(tables.networks)
    least = min(memory, key=lambda key: (memory[key], key))
    gib = memory[least] / MIB_PER_GIB
    return Outcome(
        f"the minimum is {gib:.2f} GiB ({tables.names[least]})",
        {"memory_gib": gib},
        round(gib, 1) == claim.number("memory"),
    )


def memory_below(claim: Stated, tables: Tables) -> Outcome:
    """Test which networks reach a limit, and whether any exceeds a second one."""
    named = {*claim.words("network"), *tables.of_families(claim.words("family"))}
    memory = tables.machine(TITAN).memory_at(tables.networks)
    gib = {key: value / MIB_PER_GIB for key, value in memory.items()}
    reached = {key for key, value in gib.items() if value >= claim.number("memory")}
    most = max(gib.values())
    parts = [
        f"{len(reached) or 'no'} networks use {claim.word('memory')} GiB or more; the maximum is"
        f" {most:.2f} GiB"
    ]
    if others := sorted(reached - named):
        parts.append(f"not named: {names_of(tables, others)}")
    if less := sorted(named - reached):
        parts.append(f"exceptions that use less: {names_of(tables, less)}")
    return Outcome(
        "; ".join(parts),
        {"networks": len(reached), "most_gib": most},
        reached == named and most <= claim.number("never_above"),
    )


def two_memory_lines(claim: Stated, tables: Tables) -> Outcome:
    """Test whether two lines are parallel, and as far apart as the printed ones.

    Each line is fitted to its families. Parallel means that the intervals of the slopes overlap.
    The distance is that of two lines with a common slope. The slopes are not compared with the
    printed ones, because the sizes that the paper used are unknown.
    """
    memory = tables.machine(TITAN).memory_at(tables.networks)
    size = tables.size_mib()
    groups = {name: tables.of_families(claim.words(name)) for name in ("lower", "upper")}
    texts: list[str] = []
    numbers: dict[str, float] = {}
    slopes = []
    for name, networks in groups.items():
        fit = linregress([size[key] for key in networks], [memory[key] for key in networks])
        half = float(t.ppf(0.975, len(networks) - 2)) * fit.stderr
        slopes.append((fit.slope - half, fit.slope + half))
        numbers |= {f"{name}_slope": float(fit.slope), f"{name}_intercept": float(fit.intercept)}
        texts.append(
            f"{name} line {fit.slope:.2f} × size + {fit.intercept:.0f} MiB ({len(networks)}"
            " networks)"
        )
    order = [*groups["lower"], *groups["upper"]]
    apart = step_at(
        [size[key] for key in order], [memory[key] for key in order], len(groups["lower"])
    )
    said = claim.number("upper_intercept") - claim.number("lower_intercept")
    if apart is None:
        return Outcome("; ".join(texts), numbers, False)
    texts.append(
        f"with a common slope they are {apart.size:z.0f} MiB apart ({apart.low:z.0f} to"
        f" {apart.high:z.0f}); the printed lines are {said:.0f} MiB apart"
    )
    return Outcome(
        "; ".join(texts),
        {**numbers, "apart": apart.size, "apart_low": apart.low, "apart_high": apart.high},
        bool(max(low for low, _ in slopes) <= min(high for _, high in slopes))
        and apart.low <= said <= apart.high,
    )


def memory_of(claim: Stated, tables: Tables) -> Outcome:
    """Test size and memory of one network, within the rounding of the paper."""
    network = claim.word("network")
    size = tables.size_mib([network])[network] * 2**20 / 1e6
    memory = tables.machine(claim.tested_on).memory_at([network])[network]
    rounding = MEMORY_ROUNDING_MIB + 0.5
    return Outcome(
        f"its size is {size:.1f} MB and it uses {memory:.0f} MiB",
        {"size_mb": size, "memory_mib": memory},
        abs(size - claim.number("size")) <= 0.5
        and abs(memory - claim.number("memory")) <= rounding,
    )


CLAIMS = {
    "memory-from-size": Kind(
        "Memory can be estimated reliably from {predictor}",
        memory_from_size,
    ),
    "least-memory": Kind(
        "Even the smallest networks use about {memory} GiB of GPU memory",
        least_memory,
    ),
    "memory-below-1-gib": Kind(
        "At batch size 1, networks use less than {memory} GiB, except {network} and the families"
        " {family}; none uses more than {never_above} GiB",
        memory_below,
    ),
    "two-memory-lines": Kind(
        "Memory follows two parallel lines over model size: {upper_slope} × size +"
        " {upper_intercept} MiB for {upper}, {lower_slope} × size + {lower_intercept} MiB for"
        " {lower}",
        two_memory_lines,
    ),
    **dict.fromkeys(
        (
            "memory-of-squeezenet1-0",
            "memory-of-squeezenet1-1",
            "memory-of-mobilenet",
            "memory-of-mobilenetv2",
        ),
        Kind("{network} ({size} MB in size) uses {memory} MiB on {machine}", memory_of),
    ),
}
