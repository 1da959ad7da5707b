# Labelled pictures: listed once, and decoded once for all networks that see the same part of them.
# Nothing asks for them without a data set in params.yaml.

from dnnbench.config.dataset import code as dataset_code


rule list_images:
    input:
        **stage("images"),
        dataset=lambda wildcards: dataset_code(wildcards.dataset),
    output:
        paths.IMAGE_INDEX,
    log:
        "logs/images/{dataset}/index.log",
    conda:
        "../envs/device.yaml"
    threads: every_core
    params:
        path=f"--path {shlex.quote(str(dataset.path))}" if dataset.path else "",
        listing=listing,
    message:
        "List the pictures of {wildcards.dataset}"
    shell:
        "python {input.script} {wildcards.dataset} {params.path} --threads {threads}"
        " --output {output} 2>&1 | tee {log}"


# The array beside the record is no output: Snakemake would remove it before a job that may find
# all of it still right.
rule decode_images:
    input:
        **stage("decode"),
        index=paths.IMAGE_INDEX,
    output:
        paths.DECODED_IMAGES,
    log:
        "logs/images/{dataset}/{geometry}.log",
    conda:
        "../envs/device.yaml"
    threads: every_core
    params:
        decoder=decoder,
    message:
        "Decode the pictures of {wildcards.dataset} to {wildcards.geometry}"
    shell:
        "python {input.script} {wildcards.geometry} --index {input.index} --threads {threads}"
        " --output {output} 2>&1 | tee {log}"
