# The stages of the study. Run it with a profile: `snakemake --profile cpu`.

from snakemake.utils import min_version

from dnnbench.records import paths

min_version("9.0")


# common.smk reads params.yaml and the device file, more strictly than `configfile:` would.
report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/weights.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/accuracy.smk"
include: "workflow/rules/complexity.smk"
include: "workflow/rules/environment.smk"
include: "workflow/rules/graphs.smk"
include: "workflow/rules/memory.smk"
include: "workflow/rules/latency.smk"
include: "workflow/rules/aggregate.smk"
include: "workflow/rules/findings.smk"
include: "workflow/rules/report.smk"


onstart:
    if not workflow.touch:
        begin()


rule all:
    default_target: True
    input:
        paths.PAGE,
        # The page depends on these, but if one is deleted Snakemake recreates only named targets.
        rules.accuracy.input,
        rules.aggregate.output,
        rules.compare_networks.input.records,
        rules.complexity.output,
        rules.latency.input,
        rules.memory.input,
    message:
        "Finished the study"
