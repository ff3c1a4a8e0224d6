# Measurements, with bootstrap replicates over items and the responses to each: from item scores, from logs of lm-eval, or from published tables.


rule collect:
    input:
        runs=pipeline.runs,
        scores=pipeline.scores,
        suites=pipeline.suites,
        tables=as_inputs(pipeline.analysis.tables),
        checkpoints=as_inputs(pipeline.analysis.checkpoint_table),
        samples=as_inputs(pipeline.analysis.samples),
    output:
        measurements=results.measurements,
        replicates=results.replicates,
        responses=results.responses,
    params:
        config=CONFIG,
        options=digest(experiment.collect.values()),
        shares=pipeline.analysis.shares_digest(),
        tables=pipeline.analysis.tables_digest(),
        files=file_states([*pipeline.analysis.tables, *pipeline.analysis.checkpoint_table, *pipeline.analysis.samples]),
        seed=experiment.seed,
        code=job_function(lambda w: pipeline.analysis.collect_code()),
    group:
        "analysis" if len(pipeline.runs) + len(pipeline.scores) < MANY else None
    resources:
        mem_mb=memory(2000),
    log:
        str(results.log("collect")),
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale collect {params.config:q} --runs {input.runs:q} --scores {input.scores:q} --suites {input.suites:q}"
        " --output={output.measurements:q} --replicates={output.replicates:q}"
        " --responses={output.responses:q} --parent $PPID 2> {log:q}"
