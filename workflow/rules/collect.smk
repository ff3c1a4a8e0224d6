# Measurements, with bootstrap replicates over items: from item scores, from logs of lm-eval, or from published tables.


rule collect:
    input:
        runs=[results.runs(*job) for job in pipeline.training_jobs],
        scores=[results.scores(*job) for job in pipeline.score_jobs],
        suites=pipeline.suites(),
        tables=as_inputs(pipeline.tables()),
        checkpoints=as_inputs(pipeline.checkpoint_table()),
        samples=as_inputs(pipeline.samples()),
    output:
        measurements=results.measurements,
        replicates=results.replicates,
    params:
        config=CONFIG,
        options=digest(experiment.collect.values()),
        shares=pipeline.shares_digest(),
        tables=pipeline.tables_digest(),
        files=file_states([*pipeline.tables(), *pipeline.checkpoint_table(), *pipeline.samples()]),
        seed=experiment.seed,
        code=job_function(lambda w: pipeline.collect_code()),
    group:
        "analysis" if len(pipeline.training_jobs) + len(pipeline.score_jobs) < MANY else None
    resources:
        mem_mb=memory(2000),
    log:
        str(results.log("collect")),
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale collect {params.config:q} --runs {input.runs:q} --scores {input.scores:q} --suites {input.suites:q}"
        " --output={output.measurements:q} --replicates={output.replicates:q} --parent $PPID 2> {log:q}"
