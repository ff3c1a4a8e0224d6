# The waist of the hourglass: items into measurements, and the same measurements under resampled items; or tables as
# they were published into measurements.


rule collect:
    input:
        runs=[
            f"{RESULTS}/runs/{corpus}/{job}.json"
            for corpus in CORPORA
            for job in job_names(config, corpus, config["training"]["job"])
        ],
        scores=[
            f"{RESULTS}/scores/{corpus}/{job}.json"
            for corpus in CORPORA
            for job in job_names(config, corpus, config["scoring"]["job"])
        ],
        tables=TABLES,
    output:
        measurements=f"{RESULTS}/measurements.parquet",
        replicates=f"{RESULTS}/replicates.parquet",
    params:
        config=CONFIG,
        options=config["collect"],
        tables=tables(config),
        seed=config["seed"],
        code=code_digest("relscale.measurements.collect", "relscale.measurements.published", *LOADERS),
    resources:
        mem_mb=2000,
    log:
        f"{RESULTS}/logs/collect.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale collect {params.config} --output {output.measurements} --replicates {output.replicates} 2> {log}"
