# A description of the measuring machine and its software.


rule environment:
    input:
        **study.device_stage("environment"),
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
        settings=SETTINGS,
        device=study.driven("backend", "gpu", "threads"),
    message:
        "Describe the machine of device {wildcards.device}"
    shell:
        "python {input.script} --settings {params.settings} 2>&1 | tee {log}"
