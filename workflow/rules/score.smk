# Item scores: a suite's data made ready once, then every model scored on every suite. Scores lie in the store, like runs.


rule suite:
    input:
        lambda w: all_documents() if MADE[SUITE[w.suite]] else [],
        lambda w: as_inputs(*SUITE_FILES[SUITE[w.suite]]),
    output:
        f"{RESULTS}/suites/{{suite}}/suite.yaml",
    params:
        config=CONFIG,
        options=lambda w: digest(config["suites"][SUITE[w.suite]]),
        seed=config["seed"],
        code=code_digest("relscale.scoring.suite"),
        data=lambda w: SUITE_DATA[SUITE[w.suite]],
        files=lambda w: other_files(*SUITE_FILES[SUITE[w.suite]]),
        scored=bool(SCORE_JOBS),
    group:
        "suites"
    log:
        f"{RESULTS}/logs/suite/{{suite}}.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale score {params.config:q} --prepare={wildcards.suite:q} --output={output:q} --parent $PPID 2> {log:q}"


rule score:
    input:
        models=lambda w: as_inputs(*scored_models(w)),
        suites=list(PREPARED.values()),
    output:
        f"{RESULTS}/scores/{{corpus}}/{{job}}.json",
    params:
        config=CONFIG,
        files=lambda w: other_files(*scored_models(w)),
        options=digest(config["scoring"]),
        code=code_digest("relscale.scoring.job", "relscale.scoring.task_metrics"),
    threads: config["scoring"]["threads"]
    group:
        lambda w: None if HARDWARE.gpus_per_node else "scores"
    resources:
        mem_mb=memory(scoring_memory),
        gpu=min(1, HARDWARE.gpus_per_node),
        nodes=1,
    log:
        f"{RESULTS}/logs/score/{{corpus}}/{{job}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score/{{corpus}}/{{job}}.tsv"
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale score {params.config:q} --corpus={wildcards.corpus:q} --job={wildcards.job:q} --threads={threads}"
        " --output={output:q} --parent $PPID 2> {log:q}"
