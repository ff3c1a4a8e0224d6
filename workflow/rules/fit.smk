# Laws: the compute-optimal frontier, each group's error along it, the gaps, and the fitted exponents.


rule fit:
    input:
        measurements=results.measurements,
        replicates=results.replicates,
        responses=results.responses,
        suites=pipeline.suites,
        answers=as_inputs(pipeline.analysis.answers),
    output:
        pipeline.analysis.fits(),
    params:
        config=CONFIG,
        options=digest(experiment.fit.values()),
        suites=pipeline.analysis.suite_facts_digest(),
        files=file_states(pipeline.analysis.answers),
        seed=experiment.seed,
        code=job_function(lambda w: pipeline.analysis.fit_code()),
        folder=subpath(output[0], parent=True),
    group:
        "analysis"
    log:
        str(results.log("fit")),
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale fit {input.measurements:q} --replicates={input.replicates:q} --responses={input.responses:q}"
        " --config={params.config:q}"
        " --suites {input.suites:q} --output={params.folder:q} --parent $PPID > {log:q} 2>&1"
