# Inference time: one job a round, which visits every (model, batch size) once. Spreading the rounds
# over the run spreads the replicates over the session. To measure afresh, remove the files of
# the rounds.

round_files = expand(
    ROUND,
    device=settings.device,
    variant=settings.variants,
    round=range(1, settings.latency.passes.rounds + 1),
)


rule latency:
    input:
        round_files,
        expand(rules.environment.output, device=settings.device),


rule time_round:
    input:
        **stage("latency"),
        architectures=architectures(models),
        registry=ancient(REGISTRY),
        before=round_before,
    output:
        # Kept and completed, not made anew: a network that is added costs its own cells only.
        update(ROUND),
    log:
        "logs/{device}/{variant}/latency/round-{round}.log",
    # After everything else, and with every core: no job of this workflow disturbs a timing.
    priority: -1
    conda:
        "../envs/device.yaml"
    threads: every_core
    resources:
        device_slot=1,
    params:
        **options(
            batch_sizes=commas(settings.batch_sizes),
            protocol=settings.latency.protocol,
            rounds=settings.latency.passes.rounds,
            discard=settings.latency.passes.discard,
            samples=commas(settings.latency.passes.samples),
            cell_timeout_s=settings.latency.cell_timeout_s,
            when_busy=settings.when_busy,
        ),
        setup=device_options(),
        models=arguments(models),
        definitions=definitions(models),
    message:
        "Time the networks on {wildcards.device}, round {wildcards.round}"
    shell:
        "python {input.script} {params.models} --registry {input.registry}"
        " --round {wildcards.round} {params.rounds} --device {wildcards.device} {params.setup}"
        " --variant {wildcards.variant} {params.batch_sizes} {params.protocol}"
        " {params.discard} {params.samples} {params.cell_timeout_s} {params.when_busy}"
        " --output {output} 2>&1 | tee {log}"
