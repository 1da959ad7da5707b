# Trained weights: one job per network, which writes a record of the verified file, or of the reason
# why there is none. Without a file, the study uses the published accuracy. To try again, delete the
# record.


rule weights:
    input:
        expand(paths.WEIGHTS, model=study.models),
    message:
        "Finished fetching weights"


rule fetch_weights:
    input:
        **study.stage("weights"),
        architectures=lambda wildcards: study.architectures([wildcards.model]),
        registry=ancient(paths.REGISTRY),
    output:
        # update: a record that is still valid stays unchanged, so that no later job reruns.
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
