"""The decision record of ``dnnbench pick --markdown``."""

from dnnbench.api.study_questions import NetworkChoice
from dnnbench.api.study_tables import Tables
from dnnbench.queries.selection import candidates
from dnnbench.report import decision
from dnnbench.report.figures.explorer_facts import texts
from dnnbench.report.provenance import provenance


def of(tables: Tables, choice: NetworkChoice, predicted: bool) -> str:
    """Return the record; ``predicted`` if the command had that option."""
    answer = choice.answer
    ranked = candidates(choice.rows, choice.models, answer.batch_size, answer.variant)
    return decision.markdown(
        answer,
        {one.key: texts(one) for one in ranked[answer.device]},
        tables.names,
        provenance(answer.device, tables.environment(answer.device)),
        predicted,
    )
