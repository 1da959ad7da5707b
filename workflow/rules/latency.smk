# Latency: one job per round, which measures every network and batch size at least once. The rounds
# run one after another, which spreads the replicates over the session. To start over, delete the
# files of the rounds.

round_files = expand(
    paths.ROUND,
    device=settings.device,
    variant=settings.variants,
    round=range(1, settings.latency.passes.rounds + 1),
)


rule latency:
    input:
        round_files,
        expand(rules.environment.output, device=settings.device),
    message:
        "Finished all latency rounds"


rule time_round:
    input:
        **study.device_stage("latency"),
        architectures=study.architectures(study.timed),
        registry=ancient(paths.REGISTRY),
        graphs=lambda wildcards: study.graphs([wildcards.variant]),
        before=lambda wildcards: study.round_before(wildcards.variant, int(wildcards.round)),
        # The cost of a cell, which its memory record states, decides how many processes measure it.
        # Not ancient(): while the jobs of ancient inputs run, Snakemake ignores every other reason
        # to run this job.
        memory=expand(paths.MEMORY, model=study.timed, allow_missing=True),
    output:
        # update: existing cells are kept, so that adding a network measures only its cells.
        update(paths.ROUND),
    log:
        "logs/{device}/{variant}/latency/round-{round}.log",
    # Last and with every core, so that no other job of this workflow disturbs the timing.
    priority: -1
    conda:
        DEVICE_ENV
    threads: every_core
    resources:
        **gpu_request,
        device_slot=1,
    params:
        settings=SETTINGS,
        device=study.driven("backend", "gpu", "threads"),
        depends=study.uses("batch_sizes", "latency", "latency.passes", "when_busy"),
        definitions=study.definitions(study.timed),
        failed=study.failed(paths.ROUND),
    message:
        "Measure latency on {wildcards.device}, {wildcards.variant}, round {wildcards.round}"
    shell:
        "python {input.script} --settings {params.settings} --variant {wildcards.variant}"
        " --round {wildcards.round} 2>&1 | tee {log}"
