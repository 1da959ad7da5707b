# Parameters, operations, activations: the same on every machine, without weights.


rule complexity:
    input:
        **stage("complexity"),
        architectures=architectures(models),
        registry=ancient(paths.REGISTRY),
    output:
        paths.COMPLEXITY,
    log:
        "logs/complexity.log",
    benchmark:
        "logs/complexity.benchmark.tsv"
    conda:
        "../envs/device.yaml"
    params:
        models=arguments(models),
        definitions=definitions(models),
    message:
        "Count the parameters and operations of the networks"
    shell:
        "python {input.script} {params.models} --registry {input.registry} --output {output}"
        " 2>&1 | tee {log}"
