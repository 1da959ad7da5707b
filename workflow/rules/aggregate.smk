# Every record of the study, and the published devices, in four tables; metrics for DVC.


rule aggregate:
    input:
        **stage("aggregate"),
        complexity=rules.complexity.output,
        memory=memory_records,
        latency=round_files,
        accuracy=rules.compare_networks.output.summary,
        others=other_records,
        published=expand(paths.PUBLISHED, table=["latency", "memory", "models"]),
        registry=paths.REGISTRY,
    output:
        study=paths.STUDY,
        models=paths.MODELS,
        selection=paths.SELECTION,
        variants=paths.VARIANTS,
        metrics=paths.METRICS,
    log:
        "logs/aggregate.log",
    conda:
        "../envs/report.yaml"
    params:
        **options(
            device=settings.device,
            batch_sizes=commas(settings.batch_sizes),
            variants=commas(settings.variants),
            rounds=settings.latency.passes.rounds,
            protocol=settings.latency.protocol,
            max_memory_gib=commas(settings.budgets.max_memory_gib),
            min_fps=commas(settings.budgets.min_fps),
            top=settings.budgets.top,
        ),
        models=arguments(models),
        predicted=[f"--predicted {name}" for name in predicted],
        others=[f"--other {other_plan(plan)}" for plan in other_plans],
    message:
        "Join all records into the study's tables"
    shell:
        "python {input.script} {params.models} --registry {input.registry}"
        " {params.device} {params.batch_sizes} {params.variants} {params.rounds} {params.protocol}"
        " {params.predicted} {params.others} {params.max_memory_gib} {params.min_fps} {params.top}"
        " --accuracy {input.accuracy} --results results 2>&1 | tee {log}"
