# Shared by the files of rules: the study, checked, and what the rules take from it.

import os
import re
import shlex
import sys
from pathlib import Path

from snakemake.settings.types import DeploymentMethod

from dnnbench.config import variants
from dnnbench.core import file_times, foreign_text, speed_variables
from dnnbench.core.errors import UserError
from dnnbench.report.figures import figure_names
from dnnbench.stages import run_start, study_settings
from dnnbench.stages.rule_values import RuleValues

try:
    study = RuleValues(study_settings.of_snakemake(workflow))
    settings = study.settings
    # With environments of their own, jobs have what they need there.
    if not workflow.deployment_settings.deployment_method:
        variants.require(settings.variants)
    # Only where a person started it: the clocks of a cluster's nodes may differ.
    if workflow.is_main_process and not workflow.touch:
        file_times.check([paths.RESULTS, paths.REPORTS])
except (UserError, OSError) as error:
    sys.exit(foreign_text.line(str(error), limit=4000))

# What the jobs read. It is written when a run starts, and is no input: what a stage depends on of it
# are the parameters of its rule.
SETTINGS = paths.SETTINGS.format(device=settings.device)

# With --sdm conda, what drives the device has the environment that its file names.
DEVICE_ENV = f"../envs/{settings.conda}.yaml"

# What a job that drives a GPU asks a cluster for, whatever profile sends it there. Here nothing counts it.
gpu_request = {"gpu": 1} if settings.gpu else {}

environments = expand(paths.ENVIRONMENT, device=study.devices)

# A job has the user's own environment: Snakemake would set OMP_NUM_THREADS and the like to its threads.
job_prefix = f"set -euo pipefail; {speed_variables.as_before_snakemake()} "

# `python` in a command is the one that runs Snakemake, also where its environment is not active. With
# --sdm conda it is the environment's, which comes before this.
if DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method:
    job_prefix += f'PATH={shlex.quote(os.path.dirname(sys.executable))}:"$PATH"; '
# Snakemake formats it, and a path may have braces.
shell.prefix(job_prefix.replace("{", "{{").replace("}", "}}"))


wildcard_constraints:
    dataset=r"[a-z0-9]+",
    geometry=r"[a-z]+-\d+-\d+",
    # No other: what other machines measured is made by no rule here.
    device=re.escape(settings.device),
    variant="|".join(map(re.escape, settings.variants)),
    model=r"[a-z0-9_.-]+",
    round=r"\d+",


def begin():
    """Hand the settings to the jobs, and check the device that they drive."""
    run_start.begin(
        study.study,
        rules={job.rule.name for job in workflow.dag.needrun_jobs()},
        driving={rule.name for rule in workflow.rules if "device" in rule.params.keys()},
        here=workflow.local_exec
        and DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method,
    )


def every_core(wildcards):
    """Threads of a job that has a machine to itself. On a cluster that is a node, and `cores`,
    like the threads that this machine would choose, says nothing of it.
    """
    if workflow.local_exec and not workflow.remote_exec:
        return workflow.cores
    if settings.threads is None:
        raise WorkflowError(
            f"{paths.device_file(settings.device)}: threads: null: a node of a cluster need not be like this machine;"
            " write how many threads a forward pass has on it, or add --config threads=8"
        )
    return settings.threads


def captioned(path):
    """A figure or table as `snakemake --report` shows it: its kind's caption, and its device."""
    kind, _, device = Path(path).stem.partition("--")
    return report(
        path,
        caption=f"../report/{kind}.rst",
        category="Tables" if kind.endswith("-table") else "Figures",
        labels={
            "figure": kind.replace("-", " "),
            "device": figure_names.device_label(device) if device else "all",
        },
    )
