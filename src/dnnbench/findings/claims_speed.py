"""Claims about speed at batch size 1, in images/s, and accuracy at a speed."""

from collections.abc import Sequence

from dnnbench.findings import correlation
from dnnbench.findings.place_tables import Machine, MissingError, Tables
from dnnbench.findings.stated import (
    FPS_ROUNDING,
    TOP1_ROUNDING,
    Kind,
    Outcome,
    Stated,
    descending,
    interval,
    names_of,
    paired,
)
from dnnbench.records.published_study import JETSON, TITAN, label

# Shares of networks that count as "almost all" and "only a few".
SHARES = {"almost all": (0.9, 1.0), "only a few": (0.01, 0.25)}
# Distance below which a network touches a line, from the line's printed digits.
LINE_ROUNDING_POINTS = 0.1


def throughput_bounds_accuracy(claim: Stated, tables: Tables) -> Outcome:
    """Test for a falling trend: negative rank correlation on every machine."""
    top1 = tables.top1()
    found = {
        device: correlation.spearman(*paired(tables, machine.fps(tables.networks), top1))
        for device, machine in tables.machines.items()
    }
    if not found:
        raise MissingError("latencies measured on a device")
    linear = {
        device: correlation.pearson(*paired(tables, machine.fps(tables.networks), top1))
        for device, machine in tables.machines.items()
    }
    numbers: dict[str, float] = {}
    for device, value in found.items():
        numbers |= interval(f"spearman:{device}", value)
        numbers |= interval(f"pearson:{device}", linear[device])
    return Outcome(
        "correlation of top-1 and images/s "
        + "; ".join(
            f"on {label(device)}: rank {value}, linear {linear[device]}"
            for device, value in found.items()
        ),
        numbers,
        all(value.sign < 0 for value in found.values()),
    )


def real_time_share(claim: Stated, tables: Tables) -> Outcome:
    """Test the share of networks that reach a speed against the phrase for it.

    The sections of the paper define super real-time differently, so both speeds are counted.
    """
    fps = tables.machine(claim.tested_on).fps(tables.networks)
    limit = claim.number("min_fps")
    faster = claim.number("table_3_fps")
    count, fewer = (sum(value >= bar for value in fps.values()) for bar in (limit, faster))
    share = count / len(fps)
    low, high = SHARES[claim.word("share")]
    return Outcome(
        f"{count} of {len(fps)} networks ({100 * share:.0f}%) reach {limit:g} images/s;"
        f" {fewer} ({100 * fewer / len(fps):.0f}%) reach {faster:g} images/s, which Table 3 calls"
        " super real-time",
        {"networks": count, "share": share, "networks_table_3": fewer},
        low <= share <= high,
    )


def all_but_few_reach(claim: Stated, tables: Tables) -> Outcome:
    """Test whether all networks except the named ones reach a speed."""
    below = set(claim.words("below"))
    return _reach(claim, tables, [key for key in tables.networks if key not in below])


def these_reach(claim: Stated, tables: Tables) -> Outcome:
    """Test whether exactly the named networks reach a speed."""
    return _reach(claim, tables, claim.words("network"))


def _reach(claim: Stated, tables: Tables, named: Sequence[str]) -> Outcome:
    """Test whether exactly ``named`` reach the limit, or for which limits they do."""
    fps = tables.machine(claim.tested_on).fps(tables.networks)
    limit = claim.number("min_fps")
    reached = {key for key, value in fps.items() if value >= limit}
    above = max((value for key, value in fps.items() if key not in named), default=0.0)
    upto = min(fps[key] for key in named)
    text = f"{len(reached)} of {len(fps)} networks reach {limit:g} images/s"
    if reached != set(named):
        text += (
            f"; the claim would be true for any limit above {above:.2f} and up to {upto:.2f}"
            if above < upto
            else "; the claim would not be true for any limit"
        )
    numbers = {"networks": len(reached), "limit_above": above, "limit_up_to": upto}
    return Outcome(text, numbers, reached == set(named))


def upper_bound(claim: Stated, tables: Tables) -> Outcome:
    """Test whether no network is above a printed line."""
    machine = tables.machine(claim.tested_on)
    line = claim.number("slope"), claim.number("intercept")
    above, touching, (slope, intercept) = _touching(tables, machine, *line)
    order = descending(above)
    lie_above = [key for key in order if above[key] > LINE_ROUNDING_POINTS]
    if lie_above:
        text = (
            f"{len(lie_above)} of {len(above)} networks are above the line,"
            f" {tables.names[order[0]]} by {above[order[0]]:.2f} points"
        )
    elif not touching:
        text = f"no network reaches the line; {tables.names[order[0]]} is closest,"
        text += f" {-above[order[0]]:.2f} points below it"
    else:
        following = order[len(touching)]
        text = (
            f"no network is above the line; {names_of(tables, touching)} are on it, and the next"
            f" one, {tables.names[following]}, is {-above[following]:.2f} points below it. The line"
            f" through the highest two starts at {intercept:.2f}% and changes by {slope:.4f} points"
            " per image/s"
        )
    return Outcome(
        text,
        {
            "highest_points": above[order[0]],
            "second_points": above[order[1]],
            "third_points": above[order[2]],
            "touching": len(touching),
            "slope": slope,
            "intercept": intercept,
        },
        above[order[0]] <= LINE_ROUNDING_POINTS,
    )


def upper_bound_ratio(claim: Stated, tables: Tables) -> Outcome:
    """Test the ratio of slopes of lines through the networks on the printed lines."""
    if not {TITAN, JETSON} <= set(tables.machines):
        raise MissingError("latencies measured on both machines")
    slopes = {}
    for device, name in ((TITAN, "titan"), (JETSON, "jetson")):
        line = claim.number(f"{name}_slope"), claim.number(f"{name}_intercept")
        slopes[name] = _touching(tables, tables.machines[device], *line)[2][0]
    ratio = slopes["jetson"] / slopes["titan"]
    return Outcome(
        "the lines through the networks on the printed lines fall by"
        f" {-slopes['jetson']:.4f} and {-slopes['titan']:.4f} points per image/s, a factor of"
        f" {ratio:.2f}",
        {"ratio": ratio},
        round(ratio, 1) == claim.number("ratio"),
    )


def _touching(
    tables: Tables, machine: Machine, slope: float, intercept: float
) -> tuple[dict[str, float], list[str], tuple[float, float]]:
    """Return points of top-1 above a line, networks on it, and their own line.

    The last item is the slope and intercept of the line through the two highest networks.
    """
    fps, top1 = machine.fps(tables.networks), tables.top1()
    above = {key: top1[key] - (intercept + slope * fps[key]) for key in tables.networks}
    first, second = descending(above)[:2]
    own = (top1[first] - top1[second]) / (fps[first] - fps[second])
    touching = [key for key in descending(above) if above[key] >= -LINE_ROUNDING_POINTS]
    return above, touching, (own, top1[first] - own * fps[first])


def best_above(claim: Stated, tables: Tables) -> Outcome:
    """Test which network is the most accurate above a speed.

    The text also gives the limits for which the named network would be the most accurate.
    """
    fps, top1 = tables.machine(claim.tested_on).fps(tables.networks), tables.top1()
    limit, named = claim.number("above_fps"), claim.word("network")
    inside = descending({key: top1[key] for key in fps if fps[key] > limit})
    better = [fps[key] for key in tables.networks if top1[key] > top1[named]]
    numbers = {"limit_from": max(better, default=0.0), "limit_below": fps[named]}
    if not inside:
        return Outcome("no network is that fast", numbers, False)
    best = inside[0]
    text = f"{tables.names[best]}: {top1[best]:.2f}% at {fps[best]:.2f} images/s"
    if best != named and numbers["limit_from"] < numbers["limit_below"]:
        start = f"from {numbers['limit_from']:.2f} to just " if better else ""
        text += (
            f"; {tables.names[named]} would be the most accurate for a limit {start}below"
            f" {numbers['limit_below']:.2f}"
        )
    same = abs(top1[best] - claim.number("top1")) <= TOP1_ROUNDING
    return Outcome(text, {**numbers, "top1": top1[best], "fps": fps[best]}, best == named and same)


def fastest_above(claim: Stated, tables: Tables) -> Outcome:
    """Test which network is the fastest above an accuracy."""
    fps, top1 = tables.machine(claim.tested_on).fps(tables.networks), tables.top1()
    limit = claim.number("above_top1")
    best = descending({key: fps[key] for key in fps if top1[key] > limit})[0]
    return Outcome(
        f"{tables.names[best]}: {fps[best]:.2f} images/s at {top1[best]:.2f}%",
        {"fps": fps[best], "top1": top1[best]},
        best == claim.word("network") and abs(fps[best] - claim.number("fps")) <= FPS_ROUNDING,
    )


def speed_of_most_accurate(claim: Stated, tables: Tables) -> Outcome:
    """Test the speed of the most accurate network."""
    best = descending(tables.top1())[0]
    fps = tables.machine(claim.tested_on).fps([best])[best]
    return Outcome(
        f"{tables.names[best]}: {fps:.2f} images/s",
        {"fps": fps},
        best == claim.word("network") and abs(fps - claim.number("fps")) <= FPS_ROUNDING,
    )


CLAIMS = {
    "throughput-bounds-accuracy": Kind(
        "The higher the speed in images/s, the lower the accuracy",
        throughput_bounds_accuracy,
    ),
    **dict.fromkeys(
        ("real-time-workstation", "real-time-embedded"),
        Kind(
            "{share} networks reach {min_fps} images/s at batch size 1 on {machine}",
            real_time_share,
        ),
    ),
    "super-real-time-titan": Kind(
        "At batch size 1, all networks except {below} run in super real-time ({min_fps} images/s)"
        " on {machine}",
        all_but_few_reach,
    ),
    "super-real-time-jetson": Kind(
        "At batch size 1, only {network} run in super real-time ({min_fps} images/s) on {machine}",
        these_reach,
    ),
    **dict.fromkeys(
        ("upper-bound-titan", "upper-bound-jetson"),
        Kind(
            "On {machine}, top-1 is bounded by a line that starts at {intercept}% and changes by"
            " {slope} points per image/s",
            upper_bound,
        ),
    ),
    "upper-bound-ratio": Kind(
        "The slopes of the two upper bounds differ by a factor of almost {ratio}",
        upper_bound_ratio,
    ),
    **dict.fromkeys(
        (
            "best-above-250-fps",
            "best-above-125-fps",
            "best-above-62-fps",
            "best-above-30-fps",
            "best-super-real-time-jetson",
        ),
        Kind(
            "Above {above_fps} images/s on {machine}, {network} is the most accurate network, with"
            " {top1}%",
            best_above,
        ),
    ),
    **dict.fromkeys(
        ("fastest-above-75", "fastest-above-80"),
        Kind(
            "Above {above_top1}% top-1, {network} is the fastest network on {machine}, at {fps}"
            " images/s",
            fastest_above,
        ),
    ),
    **dict.fromkeys(
        ("speed-of-most-accurate-titan", "speed-of-most-accurate-jetson"),
        Kind(
            "{network}, the most accurate network, reaches {fps} images/s on {machine}",
            speed_of_most_accurate,
        ),
    ),
}
