# Memory of the device: one job a network, one process a batch size.

memory_records = expand(
    "results/{device}/{variant}/memory/{model}.json",
    device=settings.device,
    variant=settings.variants,
    model=models,
)


rule memory:
    input:
        memory_records,


# No `benchmark:` here nor for timing: its sampling of the process would be part of what is measured.
rule profile_memory:
    input:
        **stage("memory"),
        architectures=lambda wildcards: architectures([wildcards.model]),
        registry=ancient(REGISTRY),
    output:
        "results/{device}/{variant}/memory/{model}.json",
    log:
        "logs/{device}/{variant}/memory/{model}.log",
    conda:
        "../envs/device.yaml"
    params:
        definition=lambda wildcards: definitions([wildcards.model]),
        backend=settings.backend,
        batch_sizes=commas(settings.batch_sizes),
        threads=device_threads,
        cell_timeout_s=settings.memory.cell_timeout_s,
    message:
        "Profile the memory of {wildcards.model} on {wildcards.device}"
    shell:
        "python {input.script} {wildcards.model} --registry {input.registry}"
        " --device {wildcards.device} --backend {params.backend} --variant {wildcards.variant}"
        " --batch-sizes {params.batch_sizes} --threads {params.threads}"
        " --cell-timeout-s {params.cell_timeout_s} --output {output} 2>&1 | tee {log}"
