"""Preparation of a run of the workflow, before its first job."""

import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from dnnbench.core import foreign_text
from dnnbench.core.errors import UserError
from dnnbench.core.formatting import several
from dnnbench.records import paths
from dnnbench.stages import study_settings
from dnnbench.stages.study_settings import Study

TIMING = "time_round"


def begin(study: Study, rules: Collection[str], driving: Collection[str], here: bool) -> None:
    """Write the settings file for the jobs, and check that the device can be measured.

    ``rules``: rules of the jobs to run. ``driving``: rules that use the device. ``here``: the jobs
    run on this machine with this torch. Jobs on cluster nodes or in conda environments have their
    own torch and make the check themselves. Ends the process if the run is impossible.
    """
    file = Path(paths.SETTINGS.format(device=study.settings.device))
    drives = here and not set(rules).isdisjoint(driving)
    try:
        if drives and not study.settings.gpu:
            study.check_threads()
        study_settings.write(study, file, new_session=TIMING in rules)
    except UserError as error:
        sys.exit(foreign_text.line(str(error), limit=4000))
    if study.predicted:
        _check_predicted(study)
    if drives and study.settings.gpu:
        command = [sys.executable, "-m", "dnnbench.stages.preflight", "--settings", str(file)]
        if subprocess.run(command).returncode:
            sys.exit(1)


def _check_predicted(study: Study) -> None:
    """Print one line if too few networks are timed to predict others."""
    from dnnbench.queries.prediction import MIN_NETWORKS  # Imports scipy.

    count = len(study.timed)
    if count < MIN_NETWORKS:
        print(
            f"{paths.PARAMETERS}: predicted: {study.settings.device}: nothing can be predicted,"
            f" because {several(count, 'network')} will be timed, and predictions need at least"
            f" {MIN_NETWORKS}. Add networks to `models`.",
            file=sys.stderr,
        )
