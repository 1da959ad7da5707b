# Labelled pictures: listed once, and decoded once for all networks that see the same part of them.
# Nothing asks for them without a data set in params.yaml.

from dnnbench.config.dataset import code as dataset_code


rule list_images:
    input:
        **study.stage("images"),
        dataset=lambda wildcards: dataset_code(wildcards.dataset),
    output:
        paths.IMAGE_INDEX,
    log:
        "logs/images/{dataset}/index.log",
    conda:
        "../envs/device.yaml"
    threads: every_core
    params:
        settings=SETTINGS,
        depends=study.uses("dataset.path"),
        listing=study.listing,
    message:
        "List the pictures of {wildcards.dataset}"
    shell:
        "python {input.script} --settings {params.settings} --threads {threads} 2>&1 | tee {log}"


# The array beside the record is no output: Snakemake would remove it before a job that may find
# all of it still right.
rule decode_images:
    input:
        **study.stage("decode"),
        index=paths.IMAGE_INDEX,
    output:
        paths.DECODED_IMAGES,
    log:
        "logs/images/{dataset}/{geometry}.log",
    conda:
        "../envs/device.yaml"
    threads: every_core
    params:
        settings=SETTINGS,
        # Asked, and imported, only where something is decoded.
        decoder=lambda wildcards: study.decoder(),
    message:
        "Decode the pictures of {wildcards.dataset} to {wildcards.geometry}"
    shell:
        "python {input.script} {wildcards.geometry} --settings {params.settings} --threads {threads}"
        " 2>&1 | tee {log}"
