# All records of the study and the published devices, joined into tables and metrics for DVC.


rule aggregate:
    input:
        **study.stage("aggregate"),
        complexity=rules.complexity.output,
        memory=memory_records,
        latency=round_files,
        accuracy=rules.compare_networks.output.summary,
        of_variants=rules.compare_networks.output.variants,
        aside=rules.compare_networks.output.aside,
        others=study.other_records(),
        published=expand(paths.PUBLISHED, table=["latency", "memory", "models"]),
        registry=paths.REGISTRY,
    output:
        study=paths.STUDY,
        models=paths.MODELS,
        selection=paths.SELECTION,
        variants=paths.VARIANTS,
        metrics=paths.METRICS,
        aside=paths.SET_ASIDE,
    log:
        "logs/aggregate.log",
    conda:
        "../envs/report.yaml"
    params:
        settings=SETTINGS,
        depends=study.uses("device", "batch_sizes", "variants", "budgets", "accuracy"),
        rounds=study.uses("latency.protocol", "latency.passes.rounds"),
        networks=study.networks_and_others(),
    message:
        "Join all records into tables"
    shell:
        "python {input.script} --settings {params.settings} 2>&1 | tee {log}"
