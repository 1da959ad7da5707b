# Shared by the files of rules: checked parameters, networks, and a stage's code.

import os
import re
import shlex
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from snakemake.settings.types import DeploymentMethod

from dnnbench.config import loading, variants
from dnnbench.config.backend import named
from dnnbench.core import code_graph, file_times
from dnnbench.core.errors import UserError
from dnnbench.devices import backends
from dnnbench.images import geometry, image_index
from dnnbench.machines import other_devices
from dnnbench.measure import fingerprint
from dnnbench.networks import model_list, registry
from dnnbench.networks.weights import fetch

from dnnbench.report.figures import figure_names

# Snakemake lists the profile's files first, though they override.
config_files = sorted(workflow.configfiles, key=lambda file: Path(file) != paths.PARAMETERS)

try:
    settings = loading.check(config, config_files)
    networks = registry.load_registry(paths.REGISTRY)
    study = model_list.resolve(settings.models, networks, source=f"{paths.PARAMETERS}: models")
    forecast = (
        model_list.resolve(settings.predicted, networks, source=f"{paths.PARAMETERS}: predicted")
        if settings.predicted
        else {}
    )
    networks |= study | forecast
    own_weights = fetch.check(settings.weights, networks, str(paths.PARAMETERS)).override
    # With environments of their own, jobs have what they need there.
    if not workflow.deployment_settings.deployment_method:
        variants.require(settings.variants)
    other_plans = [
        other_devices.plan(other_devices.settings(name, source=f"{paths.PARAMETERS}: devices"))
        for name in settings.devices
        if name != settings.device
    ]
    dataset = settings.dataset
    geometries = {
        name: geometry.of(networks[name], dataset.protocol).name
        for name in (study | forecast if dataset.name else ())
    }
    # Names, sizes and times of the files, so that a change in a person's folder is noticed.
    listing = image_index.listing(dataset.path) if dataset.path else None
except UserError as error:
    sys.exit(str(error))

# Only where a person started it: the clocks of a cluster's nodes may differ.
if workflow.is_main_process and (late := file_times.forget_future([paths.RESULTS, paths.REPORTS])):
    print(
        f"{paths.RESULTS}, {paths.REPORTS}: {late} files were dated in the future: was the clock set back?"
        " They are checked again by what they depend on.",
        file=sys.stderr,
    )

# Asked once and here: the nodes of a cluster may differ.
setup = backends.Setup(settings.backend, settings.gpu)
device_threads = settings.threads or backends.backend(setup).default_threads()

# Those that are measured, and those that are only counted.
timed = list(study)
predicted = [name for name in forecast if name not in study]
models = timed + predicted

# With --sdm conda, what drives the device has the environment that its file names.
DEVICE_ENV = f"../envs/{settings.conda}.yaml"

# What a job that drives a GPU asks a cluster for, whatever profile sends it there. Here nothing counts it.
gpu_request = {"gpu": 1} if settings.gpu else {}

# The devices of other machines are shown where they were merged. Their records are the study's own
# list too: networks and rounds that were dropped may lie beside them.
other_plans = [
    plan for plan in other_plans if os.path.exists(paths.ENVIRONMENT.format(device=plan.device))
]
other_records = [
    str(file)
    for plan in other_plans
    for file in other_devices.files(paths.RESULTS / plan.device, plan, models)
]
measured_devices = [settings.device, *[plan.device for plan in other_plans]]
environments = expand(paths.ENVIRONMENT, device=measured_devices)

# One run of the workflow is one session: the rounds that it measures belong together.
os.environ.setdefault("DNNBENCH_SESSION", datetime.now().strftime("%Y-%m-%dT%H:%M"))

# `python` in a command is the one that runs Snakemake, also where its environment is not active.
here = os.path.dirname(sys.executable)
os.environ.update(PATH=os.pathsep.join([here, os.environ.get("PATH", os.defpath)]))


envvars:
    "DNNBENCH_SESSION",


wildcard_constraints:
    dataset=r"[a-z0-9]+",
    geometry=r"[a-z]+-\d+-\d+",
    # No other: what other machines measured is made by no rule here.
    device=re.escape(settings.device),
    variant="|".join(map(re.escape, settings.variants)),
    model=r"[a-z0-9_.-]+",
    round=r"\d+",


def check_device():
    """Before the first job: end in one line where a job would drive the GPU, and cannot.

    Only where the jobs run here, and with this torch: a cluster's nodes and conda's environments have
    their own, where a job says the same.
    """
    here = (
        workflow.is_main_process
        and workflow.local_exec
        and not workflow.touch
        and DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method
    )
    if not (settings.gpu and here):
        return
    if not any("setup" in job.rule.params.keys() for job in workflow.dag.needrun_jobs()):
        return
    words = ["--backend", settings.backend, "--gpu", settings.gpu.model_dump_json()]
    if subprocess.run([sys.executable, "-m", "dnnbench.stages.preflight", *words]).returncode:
        sys.exit(1)


def every_core(wildcards):
    """Threads of a job that has a machine to itself. On a cluster that is a node, and `cores`,
    like the threads that this machine would choose, says nothing of it.
    """
    if workflow.local_exec and not workflow.remote_exec:
        return workflow.cores
    if settings.threads is None:
        raise WorkflowError(
            f"{os.path.relpath(config_files[-1])}: threads: null: a node of a cluster need not be like this machine;"
            " write how many threads a forward pass has on it, or add --config threads=8"
        )
    return settings.threads


def stage(name):
    """A stage's script and the modules it imports, as inputs: editing one runs the stage again."""
    path = f"workflow/scripts/{name}.py"
    return {"script": path, "code": [str(f) for f in code_graph.sources(path) if str(f) != path]}


def device_stage(name):
    """As `stage`, of a stage that runs on the device: with the code of its backend, and of the engine of
    the job's variant, and of no other.
    """
    path = f"workflow/scripts/{name}.py"

    def code(wildcards):
        return fingerprint.stage_code(path, settings.backend, wildcards.get("variant"))

    return {"script": path, "code": code}


def architectures(names):
    """Files of this project that define the networks, which no import statement names."""
    files = {file for name in names for file in code_graph.builder_sources(networks[name].builder)}
    return sorted(str(file) for file in files)


def arguments(names):
    """Networks as the scripts take them: a key says where a network is, but not in which file."""
    return [shlex.quote(networks[name].spec) for name in names]


def definitions(names):
    """A digest of what makes each network what it is. The registry itself is ancient() to the
    rules, so that editing one entry measures one network again.
    """
    return [f"{name}:{code_graph.short_hash(networks[name].definition())}" for name in names]


def preparations(names):
    """A digest of how the input of each network is prepared, by whichever source of weights."""
    return [f"{name}:{code_graph.short_hash(networks[name].preparations())}" for name in names]


def weights_options(wildcards):
    """What params.yaml says of a network's weights, as options of the script."""
    options = ["--tiers", commas(settings.weights.tiers)]
    if settings.weights.mirror:
        options += ["--mirror", str(settings.weights.mirror)]
    if own := own_weights.get(wildcards.model):
        options += ["--override", f"{wildcards.model}={own.sha256}:{own.path}"]
    return shlex.join(options)


def decoded_images(model):
    """The record of the decoded pictures that a network is measured on."""
    return paths.DECODED_IMAGES.format(dataset=dataset.name, geometry=geometries[model])


def decoder(wildcards):
    """What decodes, with versions. Asked, and imported, only where something is decoded."""
    from dnnbench.images import decoded_arrays

    return decoded_arrays.decoder()


def round_before(wildcards):
    """The round that a round waits for. Were they ready side by side, Snakemake would look for
    free cores again and again, and take a share of the machine that is being timed. The variants
    take turns, so that what drifts over a session is the same for all.
    """
    number, variant = int(wildcards.round), settings.variants.index(wildcards.variant)
    if not variant:
        number -= 1
    before = settings.variants[variant - 1]
    return paths.ROUND.format(**{**wildcards, "round": number, "variant": before}) if number else []


def options(**values):
    """Options of a script with their values, by name. Snakemake compares what a rule's parameters
    are, whatever their names: of two bare numbers that changed places it would not know.
    """
    return {
        name: shlex.join([f"--{name.replace('_', '-')}", str(value)])
        for name, value in values.items()
    }


def device_options():
    """How the device is driven, as options of the scripts that measure on it."""
    gpu = {"gpu": settings.gpu.model_dump_json()} if settings.gpu else {}
    return shlex.join(
        word
        for name, value in {"backend": settings.backend, "threads": device_threads, **gpu}.items()
        for word in (f"--{name}", str(value))
    )


def commas(values):
    return ",".join(str(value) for value in values)


def other_plan(plan):
    """The plan of another machine's device, as an option of the script."""
    parts = (plan.device, commas(plan.batch_sizes), commas(plan.variants), plan.rounds)
    return ":".join(map(str, (*parts, plan.protocol)))


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
