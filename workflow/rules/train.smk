# Models: one job per budget of a corpus, which trains its runs in sequence, or one job per run. Finished runs are kept in
# the store, which no rule declares as output, so that Snakemake never deletes them; the manifest of a job refers to it.
# The shell is replaced by the training (exec); a shell ended first by a signal would end the training while it saves its
# state.


rule train:
    input:
        tokens=results.tokens(CORPUS),
        vocabulary=results.vocabulary,
    output:
        results.runs(CORPUS, JOB),
    params:
        config=CONFIG,
        runs=job_function(lambda w: pipeline.training.runs_digest(w.corpus, w.job)),
        options=digest(experiment.training.values()),
        code=job_function(lambda w: pipeline.training.code()),
    threads: experiment.training.threads
    # The longest jobs start first, so that no core is idle at the end.
    priority: job_function(lambda w: pipeline.training.expected_seconds(w.corpus, w.job))
    group:
        job_function(
            lambda w: "trainings" if pipeline.training.expected_seconds(w.corpus, w.job) < SHORT and not ON_GPUS else None
        )
    resources:
        mem_mb=memory(lambda w: pipeline.training.memory_mb(w.corpus, w.job)),
        runtime=job_function(lambda w, attempt: pipeline.training.minutes(w.corpus, w.job, attempt)),
        gpu=job_function(lambda w: pipeline.training.devices(w.corpus, w.job)) if ON_GPUS else 0,
        cpus_per_task=job_function(lambda w, threads: threads * pipeline.training.devices(w.corpus, w.job)),
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


if pipeline.branch_tables:

    rule branches:
        input:
            runs=pipeline.runs,
        output:
            branches=results.branches,
            critical=results.critical_batches,
        params:
            config=CONFIG,
            epsilon=experiment.training.branches.epsilon,
            code=job_code_digest("relscale.studies.critical_batches"),
        resources:
            mem_mb=memory(1000),
        log:
            str(results.log("branches")),
        conda:
            "../../envs/relscale.yaml"
        shell:
            "relscale branches {params.config:q} --runs {input.runs:q} --output={output.branches:q}"
            " --critical-batches={output.critical:q} --parent $PPID > {log:q} 2>&1"
