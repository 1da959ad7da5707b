# The figures and the page.

from dnnbench.report.figures import figure_names, kind
from dnnbench.records.published_study import DEVICES as PUBLISHED_DEVICES

page_devices = [*study.devices, *PUBLISHED_DEVICES]
figures = expand(
    paths.FIGURE, file=figure_names.figure_files(page_devices, study.at_several_threads)
)


rule report:
    input:
        **study.stage("report"),
        figures=kind.code(),
        templates=sorted(str(file) for file in Path("src/dnnbench/report/templates").iterdir()),
        study=rules.aggregate.output.study,
        models=rules.aggregate.output.models,
        selection=rules.aggregate.output.selection,
        variants=rules.aggregate.output.variants,
        aside=rules.aggregate.output.aside,
        accuracy=rules.compare_networks.output.summary,
        comparisons=rules.compare_networks.output.comparisons,
        findings=rules.findings.output.findings,
        replication=rules.findings.output.replication,
        environment=environments,
        registry=paths.REGISTRY,
    output:
        paths.PAGE,
        [captioned(file) if file.endswith(".svg") else file for file in figures],
    log:
        "logs/report.log",
    conda:
        "../envs/report.yaml"
    params:
        settings=SETTINGS,
    message:
        "Draw the figures and write the page"
    shell:
        "python {input.script} --settings {params.settings} 2>&1 | tee {log}"
