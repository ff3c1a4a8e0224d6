# The waist of the hourglass: items, or what lm-eval logged, into measurements, and the same measurements under
# resampled items; or tables as they were published into measurements.


rule collect:
    input:
        runs=[
            f"{RESULTS}/runs/{corpus}/{job}.json"
            for corpus in CORPORA
            if TRAINS
            for job in job_names(config, corpus, config["training"]["job"])
        ],
        scores=[f"{RESULTS}/scores/{corpus}/{job}.json" for corpus, job in SCORE_JOBS],
        suites=expand(f"{RESULTS}/suites/{{suite}}/suite.yaml", suite=SUITES if CHECKPOINTS else []),
        tables=TABLES,
        checkpoints=config["runs"].get("table", []),
        samples=[file for each in CHECKPOINTS if each.samples for file in sample_files(each.samples)],
    output:
        measurements=f"{RESULTS}/measurements.parquet",
        replicates=f"{RESULTS}/replicates.parquet",
    params:
        config=CONFIG,
        options=config["collect"],
        tables=tables(config),
        seed=config["seed"],
        code=code_digest(
            "relscale.measurements.collect", "relscale.measurements.runs", "relscale.measurements.published", *LOADERS
        ),
    group:
        "analysis"
    resources:
        mem_mb=memory(2000),
    log:
        f"{RESULTS}/logs/collect.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale collect {params.config} --output {output.measurements} --replicates {output.replicates}"
        " --parent $PPID 2> {log}"
