# Tests of the claims of the 2018 study, against its own tables and against the measured ones.


rule findings:
    input:
        **study.stage("findings"),
        study=rules.aggregate.output.study,
        models=rules.aggregate.output.models,
        environment=environments,
        published=expand(
            paths.PUBLISHED,
            table=["best_at_constraints", "claims", "latency", "memory", "models"],
        ),
        registry=paths.REGISTRY,
    output:
        findings=paths.FINDINGS,
        replication=paths.REPLICATION,
    log:
        "logs/findings.log",
    conda:
        "../envs/report.yaml"
    params:
        settings=SETTINGS,
    message:
        "Test the claims of the 2018 study"
    shell:
        "python {input.script} --settings {params.settings} 2>&1 | tee {log}"
