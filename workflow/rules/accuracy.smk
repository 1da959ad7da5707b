# Accuracy: one job a network over the decoded pictures, then the networks pair by pair. Without a
# data set in params.yaml nothing is measured, and the summary says so.

measured = models if settings.dataset.name else []


rule accuracy:
    input:
        paths.ACCURACY_SUMMARY,
        paths.COMPARISONS,


rule measure_accuracy:
    input:
        **device_stage("accuracy"),
        architectures=lambda wildcards: architectures([wildcards.model]),
        registry=ancient(paths.REGISTRY),
        weights=paths.WEIGHTS,
        images=lambda wildcards: decoded_images(wildcards.model),
    output:
        record=paths.ACCURACY,
        # Kept: answers that are still right are not measured again.
        answers=update(paths.ANSWERS),
    log:
        "logs/accuracy/{dataset}/{model}.log",
    conda:
        DEVICE_ENV
    # Every core: two networks side by side would only wait for each other's threads.
    threads: every_core
    resources:
        **gpu_request,
    params:
        **options(
            protocol=settings.dataset.protocol,
            device=settings.device,
        ),
        setup=device_options(),
        model=lambda wildcards: arguments([wildcards.model]),
        definition=lambda wildcards: definitions([wildcards.model]),
        preparation=lambda wildcards: preparations([wildcards.model]),
    message:
        "Measure the accuracy of {wildcards.model} on {wildcards.dataset}"
    shell:
        "python {input.script} {params.model} --registry {input.registry}"
        " --weights {input.weights} --images {input.images} --dataset {wildcards.dataset}"
        " {params.protocol} {params.device} {params.setup}"
        " --output {output.record} 2>&1 | tee {log}"


rule compare_networks:
    input:
        **stage("comparisons"),
        registry=ancient(paths.REGISTRY),
        records=expand(paths.ACCURACY, dataset=settings.dataset.name, model=measured),
        answers=expand(paths.ANSWERS, dataset=settings.dataset.name, model=measured),
    output:
        summary=paths.ACCURACY_SUMMARY,
        comparisons=paths.COMPARISONS,
    log:
        "logs/comparisons.log",
    conda:
        "../envs/device.yaml"
    params:
        models=arguments(models),
        dataset=f"--dataset {settings.dataset.name}" if settings.dataset.name else "",
        protocol=settings.dataset.protocol,
    message:
        "Compare the accuracy of the networks"
    shell:
        "python {input.script} {params.models} --registry {input.registry} {params.dataset}"
        " --protocol {params.protocol} --results results 2>&1 | tee {log}"
