# Graphs of networks for the engines that read them: one job per network, which uses one core, so
# several run at the same time. The device is not needed.


rule graphs:
    input:
        study.graphs(settings.variants),
    message:
        "Finished building the graphs"


rule build_graph:
    input:
        **study.graph_stage("graphs"),
        architectures=lambda wildcards: study.architectures([wildcards.model]),
        registry=ancient(paths.REGISTRY),
        pictures=lambda wildcards: study.calibration_pictures(wildcards.graph, wildcards.model),
    output:
        # update: finished graphs are kept, so that adding a batch size builds only its graph.
        update(paths.GRAPH),
    log:
        "logs/graphs/{graph}/{model}.log",
    conda:
        DEVICE_ENV
    params:
        settings=SETTINGS,
        depends=study.uses("batch_sizes"),
        definition=lambda wildcards: study.definitions([wildcards.model]),
        failed=study.failed(paths.GRAPH),
    message:
        "Build the graphs ({wildcards.graph}) of {wildcards.model}"
    shell:
        "python {input.script} {wildcards.model} --graph {wildcards.graph}"
        " --settings {params.settings} 2>&1 | tee {log}"
