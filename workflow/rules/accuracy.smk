# Accuracy: one job per network and variant, using the decoded images, then paired comparisons.
# Without a data set in params.yaml nothing is measured, and the summary has no accuracy.


rule accuracy:
    input:
        paths.ACCURACY_SUMMARY,
        paths.COMPARISONS,
    message:
        "Finished the accuracy of all networks"


rule measure_accuracy:
    input:
        **study.device_stage("accuracy"),
        architectures=lambda wildcards: study.architectures([wildcards.model]),
        registry=ancient(paths.REGISTRY),
        weights=paths.WEIGHTS,
        images=lambda wildcards: study.decoded_images(wildcards.model),
    output:
        record=paths.ACCURACY,
        # update: predictions that are still valid are kept.
        answers=update(paths.ANSWERS),
    log:
        "logs/accuracy/{dataset}/{model}.log",
    conda:
        DEVICE_ENV
    # Two networks at the same time would only compete for the cores.
    threads: every_core
    resources:
        **gpu_request,
    params:
        settings=SETTINGS,
        device=study.driven("device", "backend", "gpu", "threads"),
        depends=study.uses("dataset.protocol"),
        definition=lambda wildcards: study.definitions([wildcards.model]),
        failed=study.failed(paths.ACCURACY),
        variant="",
        preparation=lambda wildcards: study.preparation(wildcards.model),
    message:
        "Measure the accuracy of {wildcards.model} on {wildcards.dataset}"
    shell:
        "python {input.script} {wildcards.model} --settings {params.settings}"
        " {params.variant} 2>&1 | tee {log}"


use rule measure_accuracy as measure_variant_accuracy with:
    output:
        record=paths.VARIANT_ACCURACY,
        answers=update(paths.VARIANT_ANSWERS),
    log:
        "logs/{device}/{variant}/accuracy/{dataset}/{model}.log",
    params:
        settings=SETTINGS,
        device=study.driven("device", "backend", "gpu", "threads"),
        depends=study.uses("dataset.protocol"),
        definition=lambda wildcards: study.definitions([wildcards.model]),
        failed=study.failed(paths.VARIANT_ACCURACY),
        variant="--variant {variant}",
        preparation=lambda wildcards: study.preparation(wildcards.model),
    message:
        "Measure the accuracy of {wildcards.model} on {wildcards.dataset} in {wildcards.variant}"


rule compare_networks:
    input:
        **study.stage("comparisons"),
        registry=ancient(paths.REGISTRY),
        records=expand(paths.ACCURACY, dataset=settings.dataset.name, model=study.validated),
        answers=expand(paths.ANSWERS, dataset=settings.dataset.name, model=study.validated),
        variants=study.variant_accuracy(),
    output:
        summary=paths.ACCURACY_SUMMARY,
        variants=paths.VARIANT_ACCURACY_TABLE,
        comparisons=paths.COMPARISONS,
        aside=paths.ACCURACY_SET_ASIDE,
    log:
        "logs/comparisons.log",
    conda:
        "../envs/device.yaml"
    params:
        settings=SETTINGS,
        depends=study.uses("dataset.name", "dataset.protocol", "device", "variants"),
        models=study.models,
    message:
        "Compare the accuracy of the networks"
    shell:
        "python {input.script} --settings {params.settings} 2>&1 | tee {log}"
