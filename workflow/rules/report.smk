# The report: one HTML file from the tables of the fit and the figures; and the figures as SVG, PDF and PNG if Chrome is
# installed. The pictures are not declared as outputs, so that the workflow runs without Chrome; their formats are a
# parameter, so that they are drawn once it is installed.


rule write_report:
    input:
        measurements=results.measurements,
        fits=pipeline.analysis.fits(),
        figures=pipeline.figures.figures(),
        suites=pipeline.suites,
    output:
        results.report,
    params:
        config=CONFIG,
        suites=pipeline.figures.suites_digest(),
        code=job_function(lambda w: pipeline.figures.report_code()),
        formats=pipeline.figures.formats(),
    group:
        "figures"
    log:
        str(results.log("report")),
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale report {params.config:q} --output={output:q} --parent $PPID > {log:q} 2>&1"
