# Shared by the other files here: the validated study, and the values that the rules take from it.

import os
import re
import shlex
import sys
from pathlib import Path

from snakemake.settings.types import DeploymentMethod

from dnnbench.config import variants
from dnnbench.core import file_times, foreign_text, speed_variables
from dnnbench.core.errors import UserError
from dnnbench.records import labels
from dnnbench.stages import run_start, study_settings
from dnnbench.stages.rule_values import RuleValues

try:
    study = RuleValues(study_settings.of_snakemake(workflow))
    settings = study.settings
    # Jobs with their own environments have the packages there.
    if not workflow.deployment_settings.deployment_method:
        variants.require(settings.variants)
    # Skip on cluster nodes, whose clocks may differ from ours.
    if workflow.is_main_process and not workflow.touch:
        file_times.check([paths.RESULTS, paths.REPORTS])
except (UserError, OSError) as error:
    sys.exit(foreign_text.line(str(error), limit=4000))

# The settings file for the jobs, written when a run starts. It is not an input: the settings that a
# stage depends on are parameters of its rule.
SETTINGS = paths.SETTINGS.format(device=settings.device)

# With --sdm conda, jobs on the device use the environment named in the device file.
DEVICE_ENV = f"../envs/{settings.conda}.yaml"

# Jobs that use a GPU request one from a cluster, with any profile. Local runs ignore it.
gpu_request = {"gpu": 1} if settings.gpu else {}

environments = expand(paths.ENVIRONMENT, device=study.devices)

# Restore the user's environment, because Snakemake sets OMP_NUM_THREADS and similar variables.
job_prefix = f"set -euo pipefail; {speed_variables.as_before_snakemake()} "

# `python` in a command is the one that runs Snakemake, even if its environment is not activated.
# With --sdm conda it is the one of the job's environment.
if DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method:
    job_prefix += f'PATH={shlex.quote(os.path.dirname(sys.executable))}:"$PATH"; '
# Snakemake formats the prefix, and a path may contain braces.
shell.prefix(job_prefix.replace("{", "{{").replace("}", "}}"))


wildcard_constraints:
    dataset=r"[a-z0-9]+",
    geometry=r"[a-z]+-\d+-\d+",
    # No rule creates the records of other machines.
    device=re.escape(settings.device),
    variant="|".join(map(re.escape, dict.fromkeys([*settings.variants, *study.computed]))),
    model=r"[a-z0-9_.-]+",
    round=r"\d+",
    graph=r"[a-z0-9-]+",


def begin():
    """Write the settings for the jobs, and check the device that they use."""
    run_start.begin(
        study.study,
        rules={job.rule.name for job in workflow.dag.needrun_jobs()},
        driving={rule.name for rule in workflow.rules if "device" in rule.params.keys()},
        here=workflow.local_exec
        and DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method,
    )


def every_core(wildcards):
    """Return the threads of a job that has a machine to itself. On a cluster that is a node, which
    `cores` and the default number of threads of this machine do not describe.
    """
    if workflow.local_exec and not workflow.remote_exec:
        return workflow.cores
    if settings.base_threads is None:
        raise WorkflowError(
            f"{paths.device_file(settings.device)}: threads: null: a cluster node may differ from"
            " this machine. Write the number of threads per forward pass, or add --config threads=8."
        )
    return settings.base_threads


def captioned(path):
    """Mark a figure or table for `snakemake --report`, with its caption and device."""
    kind, _, device = Path(path).stem.partition("--")
    return report(
        path,
        caption=f"../report/{kind}.rst",
        category="Tables" if kind.endswith("-table") else "Figures",
        labels={
            "figure": kind.replace("-", " "),
            "device": labels.device(device) if device else "all",
        },
    )
