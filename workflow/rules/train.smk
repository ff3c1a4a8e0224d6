# Models: one job per budget of a corpus, its runs one after another, or one job per run. Finished runs are kept in the
# store, which no rule declares, so Snakemake never deletes them; the manifest that a job makes points into it. The shell
# becomes the training (exec): one that a signal ended first would take the training with it, its state half saved.


rule train:
    input:
        tokens=results.tokens(CORPUS),
        vocabulary=results.vocabulary,
    output:
        results.runs(CORPUS, JOB),
    params:
        config=CONFIG,
        runs=of_job(lambda w: pipeline.runs_digest(w.corpus, w.job)),
        options=digest(experiment.training.values()),
        code=of_job(lambda w: pipeline.training_code()),
    threads: experiment.training.threads
    # The longest first, so that no core is idle at the end.
    priority: of_job(lambda w: pipeline.expected_seconds(w.corpus, w.job))
    group:
        of_job(
            lambda w: "trainings" if pipeline.expected_seconds(w.corpus, w.job) < SHORT and not ON_GPUS else None
        )
    resources:
        mem_mb=memory(lambda w: pipeline.training_mb(w.corpus, w.job)),
        runtime=of_job(lambda w, attempt: pipeline.minutes(w.corpus, w.job, attempt)),
        gpu=of_job(lambda w: pipeline.devices(w.corpus, w.job)) if ON_GPUS else 0,
        cpus_per_task=of_job(lambda w, threads: threads * pipeline.devices(w.corpus, w.job)),
        nodes=1,
    log:
        str(results.log("train", CORPUS, JOB)),
    benchmark:
        str(results.benchmark("train", CORPUS, JOB))
    conda:
        "../../envs/relscale.yaml"
    shell:
        "exec relscale train {params.config:q} --corpus={wildcards.corpus:q} --job={wildcards.job:q}"
        " --tokens={input.tokens:q} --vocabulary={input.vocabulary:q} --threads={threads} --output={output:q}"
        " --parent $PPID 2> {log:q}"


if pipeline.branch_tables():

    rule branches:
        input:
            runs=[results.runs(*job) for job in pipeline.training_jobs],
        output:
            branches=results.branches,
            critical=results.critical_batches,
        params:
            config=CONFIG,
            epsilon=experiment.training.branches.epsilon,
            code=code_of("relscale.studies.critical_batches"),
        resources:
            mem_mb=memory(1000),
        log:
            str(results.log("branches")),
        conda:
            "../../envs/relscale.yaml"
        shell:
            "relscale branches {params.config:q} --runs {input.runs:q} --output={output.branches:q}"
            " --critical-batches={output.critical:q} --parent $PPID > {log:q} 2>&1"
