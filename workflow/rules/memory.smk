# Memory of the device: one job for all networks, one process per network and batch size. To measure
# a network again, delete its record.

memory_records = expand(
    paths.MEMORY, device=settings.device, variant=settings.variants, model=study.timed
)


rule memory:
    input:
        memory_records,
    message:
        "Finished the memory profiles"


# No rule uses `benchmark:`, because its sampling would disturb the measurement, and because it
# fails if /proc hides processes.
rule profile_memory:
    input:
        **study.device_stage("memory"),
        architectures=study.architectures(study.timed),
        registry=ancient(paths.REGISTRY),
        graphs=lambda wildcards: study.graphs([wildcards.variant]),
    output:
        # update: existing cells are kept, so that adding a network measures only its cells.
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
        "Profile the memory of all networks on {wildcards.device}, {wildcards.variant}"
    shell:
        "python {input.script} --settings {params.settings} --variant {wildcards.variant}"
        " 2>&1 | tee {log}"
