# Item scores: the data of each suite are prepared once, then every model is scored on every suite. Scores are kept in the
# store, like runs.


rule suite:
    input:
        documents=lambda w: pipeline.scoring.suite_documents(w.suite),
        files=lambda w: as_inputs(pipeline.scoring.suite_files(w.suite)),
    output:
        results.suite(SUITE),
    params:
        config=CONFIG,
        suite=lambda w: pipeline.scoring.suite_state(w.suite),
        files=lambda w: file_states(pipeline.scoring.suite_files(w.suite)),
        seed=experiment.seed,
        code=job_code_digest("relscale.scoring.suite", *builder_modules()),
        requests="yes" if pipeline.scores else "no",
    group:
        "suites"
    log:
        str(results.log("suite", SUITE)),
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale suite {params.config:q} --suite={wildcards.suite:q} --documents {input.documents:q}"
        " --requests={params.requests:q} --output={output:q} --parent $PPID 2> {log:q}"


rule score:
    input:
        runs=job_function(lambda w: pipeline.scoring.runs(w.corpus, w.job)),
        checkpoints=job_function(lambda w: as_inputs(pipeline.scoring.checkpoints(w.corpus, w.job))),
        suites=pipeline.suites,
    output:
        results.scores(CORPUS, JOB),
    params:
        config=CONFIG,
        files=job_function(lambda w: file_states(pipeline.scoring.checkpoints(w.corpus, w.job))),
        options=digest(experiment.scoring.values()),
        code=job_code_digest("relscale.scoring.job", "relscale.scoring.task_metrics_job"),
    threads: experiment.scoring.threads
    group:
        job_function(lambda w: None) if ON_GPUS else "scores"
    resources:
        mem_mb=memory(lambda w: pipeline.scoring.memory_mb(w.corpus, w.job)),
        gpu=min(1, experiment.hardware.gpus_per_node),
        nodes=1,
    log:
        str(results.log("score", CORPUS, JOB)),
    benchmark:
        str(results.benchmark("score", CORPUS, JOB))
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale score {params.config:q} --corpus={wildcards.corpus:q} --job={wildcards.job:q} --runs {input.runs:q}"
        " --suites {input.suites:q} --threads={threads} --output={output:q} --parent $PPID 2> {log:q}"
