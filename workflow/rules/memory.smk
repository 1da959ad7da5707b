# Memory of the device: one job, which visits every network, one process a batch size. To measure a
# network afresh, remove its record.

memory_records = expand(
    paths.MEMORY, device=settings.device, variant=settings.variants, model=timed
)


rule memory:
    input:
        memory_records,


# No `benchmark:` here nor for timing: its sampling of the process would be part of what is measured.
rule profile_memory:
    input:
        **device_stage("memory"),
        architectures=architectures(timed),
        registry=ancient(paths.REGISTRY),
    output:
        # Kept and completed, not made anew: a network that is added costs its own cells only.
        update(expand(paths.MEMORY, model=timed, allow_missing=True)),
    log:
        "logs/{device}/{variant}/memory.log",
    conda:
        DEVICE_ENV
    threads: every_core
    resources:
        **gpu_request,
        device_slot=1,
    params:
        **options(
            batch_sizes=commas(settings.batch_sizes),
            cell_timeout_s=settings.memory.cell_timeout_s,
        ),
        setup=device_options(),
        models=arguments(timed),
        definitions=definitions(timed),
        folder=lambda wildcards, output: Path(output[0]).parent,
    message:
        "Profile the memory of the networks on {wildcards.device}, {wildcards.variant}"
    shell:
        "python {input.script} {params.models} --registry {input.registry}"
        " --device {wildcards.device} {params.setup} --variant {wildcards.variant}"
        " {params.batch_sizes} {params.cell_timeout_s}"
        " --output-dir {params.folder} 2>&1 | tee {log}"
