# Laws: the compute-optimal frontier, each group's error along it, the gaps, and the fitted exponents.


rule fit:
    input:
        measurements=f"{RESULTS}/measurements.parquet",
        replicates=f"{RESULTS}/replicates.parquet",
        answers=as_inputs(*ANSWERS),
    output:
        expand(f"{RESULTS}/fits/{{table}}.parquet", table=FIT_TABLES),
    params:
        config=CONFIG,
        options=digest(config["fit"]),
        suites=digest(suite_facts()),
        files=other_files(*ANSWERS),
        seed=config["seed"],
        code=code_digest("relscale.cli:_fit_measurements", *LAWS, *(["relscale.tables"] if ANSWERS else [])),
        folder=subpath(output[0], parent=True),
    group:
        "analysis"
    log:
        f"{RESULTS}/logs/fit.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale fit {input.measurements:q} --replicates={input.replicates:q} --config={params.config:q}"
        " --output={params.folder:q} --parent $PPID > {log:q} 2>&1"
