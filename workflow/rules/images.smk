# Labeled images: listed once, and decoded once for all networks with the same geometry. Used only
# if params.yaml chooses a data set.

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
        "List the images of {wildcards.dataset}"
    shell:
        "python {input.script} --settings {params.settings} --threads {threads} 2>&1 | tee {log}"


# The array next to the record is not an output, because Snakemake would delete it before a job that
# may be able to reuse it.
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
        # A function, so that the decoder is imported only if images are decoded.
        decoder=lambda wildcards: study.decoder(),
    message:
        "Decode the images of {wildcards.dataset} to {wildcards.geometry}"
    shell:
        "python {input.script} {wildcards.geometry} --settings {params.settings}"
        " --threads {threads} 2>&1 | tee {log}"
