# Item scores: a suite's data made ready once, then every model scored on every suite. Scores lie in the store, like runs.


rule suite:
    input:
        lambda w: all_documents() if needs_documents(w.suite, config["suites"][w.suite]) else [],
        lambda w: SUITE_FILES[w.suite],
    output:
        f"{RESULTS}/suites/{{suite}}/suite.yaml",
    params:
        config=CONFIG,
        options=lambda w: config["suites"][w.suite],
        seed=config["seed"],
        code=code_digest("relscale.scoring.suite"),
        data=lambda w: SUITE_DATA[w.suite],
        scored=bool(SCORE_JOBS),
    group:
        "suites"
    log:
        f"{RESULTS}/logs/suite/{{suite}}.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale score {params.config} --prepare {wildcards.suite} --output {output} --parent $PPID 2> {log}"


rule score:
    input:
        models=scored_models,
        suites=expand(f"{RESULTS}/suites/{{suite}}/suite.yaml", suite=config["suites"]),
    output:
        f"{RESULTS}/scores/{{corpus}}/{{job}}.json",
    params:
        config=CONFIG,
        options=config["scoring"],
        code=code_digest("relscale.scoring.job"),
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
        "relscale score {params.config} --corpus {wildcards.corpus} --job {wildcards.job} --threads {threads}"
        " --output {output} --parent $PPID 2> {log}"
