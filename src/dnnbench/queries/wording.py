"""The words of an answer: one text for the terminal and for the page.

The page gets ``WORDS`` as data and fills them in templates/wording.js, because a reader moves the
limits there; tests/report/judging_cases.json holds both sides together.
"""

import math
from collections import Counter
from collections.abc import Iterable
from string import ascii_lowercase

from dnnbench.core.formatting import STATUS_WORDS
from dnnbench.queries.best_fit import Give, Pick
from dnnbench.queries.limits import known_limits

# Texts with fields in braces.
WORDS = {
    "yes": "fits",
    "cannot_tell": "cannot tell",
    "no": "does not fit",
    "none_judged": "No network can be judged.",
    "none_fits": "None of {networks} networks fits.",
    "one_fits": "{fit} of {networks} networks fits",
    "some_fit": "{fit} of {networks} networks fit",
    "all_certain": "{fits}.",
    "some_certain": "{fits} for certain; of {doubtful} more it cannot be told.",
    "none_certain": "{fits} for certain; of {doubtful} it cannot be told.",
    "better_network": "What binds: giving way on one limit alone lets in a better network.",
    "any_network": "What binds: giving way on one limit alone lets in a network.",
    "no_single_limit": "No limit binds by itself: every better network is outside two or more.",
    "no_limit": "No limit binds: no network that is surely better is outside.",
}


def count(answer: Pick) -> str:
    """Return how many networks fit, and of how many it cannot be told."""
    fields = {"networks": answer.networks, "fit": answer.fit, "doubtful": answer.cannot_tell}
    if not answer.networks:
        return WORDS["none_judged"]
    if not answer.fit + answer.cannot_tell:
        return WORDS["none_fits"].format_map(fields)
    fits = WORDS["one_fits" if answer.fit == 1 else "some_fit"].format_map(fields)
    certain = "some_certain" if answer.fit else "none_certain"
    text = WORDS[certain if answer.cannot_tell else "all_certain"]
    return text.format_map(fields | {"fits": fits})


def binding(answer: Pick) -> str:
    """Return whether a single limit keeps a better network out."""
    if answer.binding:
        return WORDS["better_network" if answer.best else "any_network"]
    return WORDS["no_single_limit" if answer.better else "no_limit"]


def change(give: Give) -> str:
    """Return how far a limit has to give: ``-40.9%``."""
    minimum = known_limits()[give.limit].minimum
    share = (1 / give.factor if minimum else give.factor) - 1
    # Halves go up, as in the page's script; Python's own formatting rounds them to even.
    tenths = math.floor(abs(share) * 1000 + 0.5)
    return f"{'-' if share < 0 else '+'}{tenths / 10:.1f}%"


def reason(text: str) -> str:
    """Return why a network cannot be judged, with its status in words."""
    return " ".join(STATUS_WORDS.get(word, word) for word in text.split(" "))


def tie_letters(groups: Iterable[int]) -> dict[int, str]:
    """Return a letter for each group of ties that several networks have, given one each."""
    tied = [group for group, networks in Counter(groups).items() if networks > 1]
    return {group: ascii_lowercase[at % 26] for at, group in enumerate(tied)}
