# The machine and the software, described where they measure.


rule environment:
    input:
        **device_stage("environment"),
        lock=paths.LOCK,
    output:
        paths.ENVIRONMENT,
    log:
        "logs/{device}/environment.log",
    conda:
        DEVICE_ENV
    resources:
        **gpu_request,
    params:
        setup=device_options(),
    message:
        "Describe {wildcards.device}"
    shell:
        "python {input.script} --device {wildcards.device} {params.setup}"
        " --output {output} 2>&1 | tee {log}"
