# Trained weights: one job a network, which ends with a record of a verified file, or of why there is
# none. Where there is none the study goes on with published accuracy; to try again, remove
# the record.

weights_records = expand(paths.WEIGHTS, model=models)


rule weights:
    input:
        weights_records,


rule fetch_weights:
    input:
        **stage("weights"),
        architectures=lambda wildcards: architectures([wildcards.model]),
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
        model=lambda wildcards: arguments([wildcards.model]),
        definition=lambda wildcards: definitions([wildcards.model]),
        sources=lambda wildcards: code_graph.short_hash(
            networks[wildcards.model].model_dump_json(include={"weights"})
        ),
        options=weights_options,
        folder=lambda wildcards, output: os.path.dirname(output[0]),
    message:
        "Fetch the weights of {wildcards.model}"
    shell:
        "python {input.script} {params.model} --registry {input.registry} {params.options}"
        " --output-dir {params.folder} 2>&1 | tee {log}"
