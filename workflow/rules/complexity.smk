# Parameters, operations and activations: independent of the machine, and without weights.


rule complexity:
    input:
        **study.stage("complexity"),
        architectures=study.architectures(study.models),
        registry=ancient(paths.REGISTRY),
    output:
        paths.COMPLEXITY,
    log:
        "logs/complexity.log",
    conda:
        "../envs/device.yaml"
    params:
        settings=SETTINGS,
        definitions=study.definitions(study.models),
    message:
        "Count the parameters and operations of all networks"
    shell:
        "python {input.script} --settings {params.settings} 2>&1 | tee {log}"
