# Figures, and the page that shows them.

from dnnbench.report.figures import figure_names, kind
from dnnbench.records.published_study import DEVICES as PUBLISHED_DEVICES

page_devices = [*measured_devices, *PUBLISHED_DEVICES]
figures = expand(paths.FIGURE, file=figure_names.figure_files(page_devices))


rule report:
    input:
        **stage("report"),
        figures=kind.code(),
        templates=sorted(str(file) for file in Path("src/dnnbench/report/templates").iterdir()),
        study=rules.aggregate.output.study,
        models=rules.aggregate.output.models,
        selection=rules.aggregate.output.selection,
        variants=rules.aggregate.output.variants,
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
        environments=[f"--environment {file}" for file in environments],
    message:
        "Draw the figures and write the page"
    shell:
        "python {input.script} --study {input.study} --models {input.models}"
        " --selection {input.selection} --variants {input.variants} --accuracy {input.accuracy}"
        " --comparisons {input.comparisons} {params.environments}"
        " --findings {input.findings} --replication {input.replication}"
        " --registry {input.registry} --output-dir reports 2>&1 | tee {log}"
