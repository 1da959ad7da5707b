# The machine and the software, described where they measure.


rule environment:
    input:
        **stage("environment"),
        lock="requirements.lock",
    output:
        "results/{device}/environment.json",
    log:
        "logs/{device}/environment.log",
    conda:
        "../envs/device.yaml"
    params:
        **options(backend=settings.backend, threads=device_threads),
    message:
        "Describe {wildcards.device}"
    shell:
        "python {input.script} --device {wildcards.device} {params.backend}"
        " {params.threads} --output {output} 2>&1 | tee {log}"
