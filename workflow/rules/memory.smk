# Memory of the device: one job, which visits every network, one process a batch size. To measure a
# network afresh, remove its record.

memory_records = expand(
    paths.MEMORY, device=settings.device, variant=settings.variants, model=study.timed
)


rule memory:
    input:
        memory_records,
    message:
        "Memory is profiled"


# No `benchmark:` here nor elsewhere: its sampling of the process would be part of what is measured, and
# it fails where /proc hides processes.
rule profile_memory:
    input:
        **study.device_stage("memory"),
        architectures=study.architectures(study.timed),
        registry=ancient(paths.REGISTRY),
    output:
        # Kept and completed, not made anew: a network that is added costs its own cells only.
        update(expand(paths.MEMORY, model=study.timed, allow_missing=True)),
    log:
        "logs/{device}/{variant}/memory.log",
    conda:
        DEVICE_ENV
    threads: every_core
    resources:
        **gpu_request,
        device_slot=1,
    params:
        settings=SETTINGS,
        device=study.driven("backend", "gpu", "threads"),
        depends=study.uses("batch_sizes", "memory"),
        definitions=study.definitions(study.timed),
        failed=study.failed(paths.MEMORY),
    message:
        "Profile the memory of the networks on {wildcards.device}, {wildcards.variant}"
    shell:
        "python {input.script} --settings {params.settings} --variant {wildcards.variant} 2>&1 | tee {log}"
