# Trained weights: one job a network, which ends with a record of a verified file, or of why there is
# none. Where there is none the study goes on with published accuracy; to try again, remove
# the record.


rule weights:
    input:
        expand(paths.WEIGHTS, model=study.models),
    message:
        "Weights are fetched"


rule fetch_weights:
    input:
        **study.stage("weights"),
        architectures=lambda wildcards: study.architectures([wildcards.model]),
        registry=ancient(paths.REGISTRY),
    output:
        # Kept: a record whose file still holds stays as it is, and nothing after it runs again.
        update(paths.WEIGHTS),
    log:
        "logs/weights/{model}.log",
    retries: 2
    conda:
        "../envs/device.yaml"
    params:
        settings=SETTINGS,
        depends=lambda wildcards: study.weights(wildcards.model),
        definition=lambda wildcards: study.definitions([wildcards.model]),
    message:
        "Fetch the weights of {wildcards.model}"
    shell:
        "python {input.script} {wildcards.model} --settings {params.settings} 2>&1 | tee {log}"
