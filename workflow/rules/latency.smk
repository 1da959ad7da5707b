# Inference time: one job a round, which visits every (model, batch size) once. Spreading the rounds
# over the run spreads the replicates over the session. To measure afresh, remove the files of
# the rounds.

round_files = expand(
    paths.ROUND,
    device=settings.device,
    variant=settings.variants,
    round=range(1, settings.latency.passes.rounds + 1),
)

# Where CPU and GPU share their memory, a batch that does not fit takes the board down: the memory that
# was measured says which to leave.
shared_memory = named(settings.backend).shared_memory


rule latency:
    input:
        round_files,
        expand(rules.environment.output, device=settings.device),


rule time_round:
    input:
        **device_stage("latency"),
        architectures=architectures(timed),
        registry=ancient(paths.REGISTRY),
        before=round_before,
        memory=(
            ancient(expand(paths.MEMORY, model=timed, allow_missing=True)) if shared_memory else []
        ),
    output:
        # Kept and completed, not made anew: a network that is added costs its own cells only.
        update(paths.ROUND),
    log:
        "logs/{device}/{variant}/latency/round-{round}.log",
    # After everything else, and with every core: no job of this workflow disturbs a timing.
    priority: -1
    conda:
        DEVICE_ENV
    threads: every_core
    resources:
        **gpu_request,
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
        memory=lambda wildcards, input: (
            f"--memory-dir {Path(input.memory[0]).parent}" if shared_memory else ""
        ),
        models=arguments(timed),
        definitions=definitions(timed),
    message:
        "Time the networks on {wildcards.device}, {wildcards.variant}, round {wildcards.round}"
    shell:
        "python {input.script} {params.models} --registry {input.registry}"
        " --round {wildcards.round} {params.rounds} --device {wildcards.device} {params.setup}"
        " --variant {wildcards.variant} {params.batch_sizes} {params.protocol}"
        " {params.discard} {params.samples} {params.cell_timeout_s} {params.when_busy} {params.memory}"
        " --output {output} 2>&1 | tee {log}"
