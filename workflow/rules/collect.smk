# The waist of the hourglass: items, or what lm-eval logged, into measurements, and the same measurements under
# resampled items; or tables as they were published into measurements.


rule collect:
    input:
        runs=[runs_path(config, corpus, job).as_posix() for corpus, job in TRAINING],
        scores=[scores_path(config, corpus, job).as_posix() for corpus, job in SCORE_JOBS],
        suites=list(PREPARED.values()) if CHECKPOINTS else [],
        tables=as_inputs(*TABLES),
        checkpoints=as_inputs(*TABLE),
        samples=as_inputs(*SAMPLES),
    output:
        measurements=f"{RESULTS}/measurements.parquet",
        replicates=f"{RESULTS}/replicates.parquet",
    params:
        config=CONFIG,
        options=digest(config["collect"]),
        tables=digest(tables(config)),
        files=other_files(*TABLES, *TABLE, *SAMPLES),
        seed=config["seed"],
        code=code_digest("relscale.cli:collect", *LOADERS, *(["relscale.tables"] if TABLES or TABLE else [])),
    group:
        "analysis" if len(TRAINING) + len(SCORE_JOBS) < MANY else None
    resources:
        mem_mb=memory(2000),
    log:
        f"{RESULTS}/logs/collect.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale collect {params.config:q} --output={output.measurements:q} --replicates={output.replicates:q}"
        " --parent $PPID 2> {log:q}"
