"""Claims about the networks (counts, accuracy), independent of the machine."""

from collections.abc import Mapping, Sequence
from itertools import product
from statistics import median

from dnnbench.findings import correlation
from dnnbench.findings.place_tables import Tables
from dnnbench.findings.stated import (
    Kind,
    Outcome,
    Stated,
    descending,
    interval,
    listed,
    names_of,
    paired,
)

# Share of the variance that a line must explain for two quantities to be linearly related.
LINEAR = 0.5
# "Much larger" means at least twice; "almost the same accuracy" means less than one point apart.
MUCH_LARGER = 2
ALMOST_SAME_POINTS = 1
# Relative error of parameters read off a figure.
PARAMS_ERROR = 0.01


def _density(tables: Tables) -> dict[str, float]:
    """Return the accuracy density: top-1 per million parameters."""
    top1, params = tables.top1(), tables.params_m()
    return {key: top1[key] / params[key] for key in tables.networks}


def accuracy_and_operations(claim: Stated, tables: Tables) -> Outcome:
    """Test for no upward trend: the rank correlation may be zero or negative."""
    gmacs, top1 = tables.gmacs(), tables.top1()
    columns = paired(tables, gmacs, top1)
    ranks, linear = correlation.spearman(*columns), correlation.pearson(*columns)
    pairs = [(a, b) for a, b in product(gmacs, gmacs) if gmacs[a] > gmacs[b]]
    share = sum(top1[a] < top1[b] for a, b in pairs) / len(pairs)
    return Outcome(
        f"interpreted as “there is no upward trend”: rank correlation of top-1 and operations"
        f" {ranks}, linear correlation {linear}; in {100 * share:.0f}% of {len(pairs)} pairs, the"
        " network with more operations is less accurate",
        {
            **interval("spearman", ranks),
            **interval("pearson", linear),
            "pairs": len(pairs),
            "share_reversed": share,
        },
        ranks.sign <= 0,
    )


def accuracy_and_size(claim: Stated, tables: Tables) -> Outcome:
    """Test for no linear relation: a line explains little, even at its upper bound."""
    columns = paired(tables, tables.params_m(), tables.top1())
    linear, ranks = correlation.pearson(*columns), correlation.spearman(*columns)
    most = max(linear.least**2, linear.most**2)
    return Outcome(
        f"linear correlation of top-1 and parameters {linear}, rank correlation {ranks}; a line"
        f" explains {100 * linear.value**2:.0f}% of the variance of top-1, and at most"
        f" {100 * most:.0f}% within the interval and the range",
        {**interval("pearson", linear), **interval("spearman", ranks), "most_explained": most},
        most < LINEAR,
    )


def parameter_efficiency(claim: Stated, tables: Tables) -> Outcome:
    """Test whether densities differ by more than the error of reading a figure."""
    density = _density(tables)
    first, *_, last = descending(density)
    ratio = density[first] / density[last]
    return Outcome(
        f"from {density[last]:.2f} points of top-1 per million parameters ({tables.names[last]}) to"
        f" {density[first]:.1f} ({tables.names[first]}), a factor of {ratio:.0f}",
        {"lowest": density[last], "highest": density[first], "ratio": ratio},
        ratio > 1 + PARAMS_ERROR,
    )


def networks_analyzed(claim: Stated, tables: Tables) -> Outcome:
    """Test how many networks there are."""
    count = len(tables.gmacs())
    return Outcome(f"{count} networks", {"networks": count}, count > claim.number("more_than"))


def inception_input_size(claim: Stated, tables: Tables) -> Outcome:
    """Test the side of the input, directly and by the plotted operations."""
    networks = claim.words("network")
    sizes = set(tables.input_size(networks).values())
    gmacs, plotted = tables.gmacs(networks), tables.plotted_gmacs(networks)
    ratio = median(plotted[key] / gmacs[key] for key in networks)
    said = claim.number("input_size")
    expected = (said / max(sizes)) ** 2
    return Outcome(
        f"their input size is {listed([f'{size:g}' for size in sorted(sizes)])} pixels; the"
        f" figures show {ratio:.2f} times the operations counted at that size (median); for an"
        f" input of {said:g} pixels, the factor would be about {expected:.2f}",
        {"input_size": max(sizes), "plotted_to_counted": ratio, "expected": expected},
        sizes == {said},
    )


def flops_per_multiply_add(claim: Stated, tables: Tables) -> Outcome:
    """Test the ratio of plotted operations to counted multiply-adds of convolutions."""
    gmacs, plotted = tables.gmacs(), tables.plotted_gmacs()
    ratios = [plotted[key] / gmacs[key] for key in tables.networks]
    middle = median(ratios)
    return Outcome(
        f"in the figures, a multiply-add of a convolution counts as {middle:.3f} operations"
        f" (median of {len(ratios)} networks)",
        {"median_ratio": middle},
        round(middle) == claim.number("flops"),
    )


def most_accurate(claim: Stated, tables: Tables) -> Outcome:
    """Test which network is first in three rankings."""
    columns = {"top-1": tables.top1(), "top-5": tables.top5(), "operations": tables.gmacs()}
    units = {"top-1": "%", "top-5": "%", "operations": " × 10⁹"}
    first = {name: descending(column)[0] for name, column in columns.items()}
    return Outcome(
        "highest "
        + "; ".join(
            f"{name}: {tables.names[key]} ({columns[name][key]:.2f}{units[name]})"
            for name, key in first.items()
        ),
        {name: columns[name][key] for name, key in first.items()},
        set(first.values()) == {claim.word("network")},
    )


def best_under_gmacs(claim: Stated, tables: Tables) -> Outcome:
    """Test which network has the highest top-1 and top-5 below a limit on operations."""
    limit = claim.number("max_gmacs")
    inside = [key for key, value in tables.gmacs().items() if value < limit]
    top1, top5 = tables.top1(), tables.top5()
    by1 = descending({key: top1[key] for key in inside})
    by5 = descending({key: top5[key] for key in inside})
    other = " and" if by5[0] == by1[0] else f", {tables.names[by5[0]]}"
    return Outcome(
        f"of {len(inside)} such networks, {tables.names[by1[0]]} has the highest top-1"
        f" ({top1[by1[0]]:.2f}%){other} the highest top-5 ({top5[by5[0]]:.2f}%); second in top-1"
        f" is {tables.names[by1[1]]}, with {top1[by1[1]]:.2f}%",
        {"networks": len(inside), "top1": top1[by1[0]], "top5": top5[by5[0]]},
        by1[0] == by5[0] == claim.word("network"),
    )


def parameters(claim: Stated, tables: Tables) -> Outcome:
    """Test the parameters of one network against a printed number."""
    network, said = claim.word("network"), claim.number("params")
    params = tables.params_m([network])[network]
    return Outcome(
        f"{params:.2f} million, {params / said:.3g} times the printed number",
        {"params_m": params, "ratio": params / said},
        abs(params / said - 1) <= PARAMS_ERROR,
    )


def operations_ratio(claim: Stated, tables: Tables) -> Outcome:
    """Test the ratio of two networks' operations, rounded as printed."""
    larger, smaller = claim.words("network")
    gmacs = tables.gmacs([larger, smaller])
    ratio = gmacs[larger] / gmacs[smaller]
    return Outcome(
        f"{gmacs[larger]:.2f} × 10⁹ / {gmacs[smaller]:.2f} × 10⁹ = {ratio:.2f}",
        {"ratio": ratio},
        round(ratio) == claim.number("ratio"),
    )


def larger_alike(claim: Stated, tables: Tables) -> Outcome:
    """Test whether one network is much larger at almost the same accuracy."""
    large, small = claim.words("network")
    params, top1 = tables.params_m([large, small]), tables.top1([large, small])
    ratio, points = params[large] / params[small], top1[large] - top1[small]
    return Outcome(
        f"{ratio:.1f} times the parameters, and a top-1 that is {abs(points):.2f} points"
        f" {'higher' if points >= 0 else 'lower'}",
        {"ratio": ratio, "points": points},
        ratio >= MUCH_LARGER and abs(points) < ALMOST_SAME_POINTS,
    )


def most_efficient(claim: Stated, tables: Tables) -> Outcome:
    """Test which networks have the highest accuracy density, in any order."""
    return _densest(tables, _density(tables), claim.words("network"))


def efficient_above(claim: Stated, tables: Tables) -> Outcome:
    """Test which accurate networks have the highest accuracy density."""
    top1, density = tables.top1(), _density(tables)
    limit = claim.number("min_top1")
    inside = {key: value for key, value in density.items() if top1[key] > limit}
    return _densest(tables, inside, claim.words("network"))


def _densest(tables: Tables, density: Mapping[str, float], named: Sequence[str]) -> Outcome:
    order = descending(density)
    first, following = order[: len(named)], order[len(named)]
    return Outcome(
        f"the {len(named)} networks with the most points of top-1 per million parameters:"
        f" {names_of(tables, first)} ({density[first[-1]]:.2f} or more); next:"
        f" {tables.names[following]} ({density[following]:.2f})",
        {"last_named": density[first[-1]], "next": density[following]},
        set(first) == set(named),
    )


def accurate_among(claim: Stated, tables: Tables) -> Outcome:
    """Test which of a few networks are the most accurate."""
    named = claim.words("network")
    top1 = tables.top1(claim.words("among"))
    order = descending(top1)
    first, following = order[: len(named)], order[len(named)]
    gap = top1[first[-1]] - top1[following]
    return Outcome(
        f"the most accurate are {names_of(tables, first)}, {gap:.2f} points of top-1 ahead of"
        f" {tables.names[following]}",
        {"points_ahead": gap},
        set(first) == set(named),
    )


CLAIMS = {
    "accuracy-and-operations": Kind(
        "Accuracy does not increase with the number of operations",
        accuracy_and_operations,
    ),
    "accuracy-and-size": Kind(
        "Model size and accuracy are not linearly related",
        accuracy_and_size,
    ),
    "parameter-efficiency": Kind(
        "Networks do not use their parameters equally efficiently",
        parameter_efficiency,
    ),
    "networks-analysed": Kind(
        "More than {more_than} networks were analyzed",
        networks_analyzed,
    ),
    "inception-input-size": Kind(
        "The input size of {network} is {input_size} pixels",
        inception_input_size,
    ),
    "flops-per-multiply-add": Kind(
        "A multiply-add counts as {flops} operations",
        flops_per_multiply_add,
    ),
    "most-accurate": Kind(
        "{network} has the highest top-1, the highest top-5, and the most operations",
        most_accurate,
    ),
    "best-under-5-gmacs": Kind(
        "Below {max_gmacs} billion operations, {network} has the highest top-1 and top-5",
        best_under_gmacs,
    ),
    "size-of-best-under-5-gmacs": Kind(
        "{network} has {params} million parameters",
        parameters,
    ),
    "senet154-operations": Kind(
        "The operations of {network} differ by a factor of about {ratio}",
        operations_ratio,
    ),
    "vgg13-and-resnet18": Kind(
        "{network} have almost the same accuracy, but the first is much larger",
        larger_alike,
    ),
    "most-efficient": Kind(
        "{network} use their parameters most efficiently",
        most_efficient,
    ),
    "efficient-above-80": Kind(
        "Above {min_top1}% top-1, {network} use their parameters most efficiently",
        efficient_above,
    ),
    "accurate-among-efficient": Kind(
        "Of {among}, {network} are the most accurate",
        accurate_among,
    ),
}
