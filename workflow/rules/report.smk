# The report: one HTML file that is written from the tables of the fit and the figures.


rule write_report:
    input:
        measurements=results.measurements,
        fits=pipeline.fits(),
        figures=pipeline.figures(),
        suites=pipeline.suites(),
    output:
        results.report,
    params:
        config=CONFIG,
        suites=pipeline.suites_digest(),
        code=pipeline.report_code(),
    group:
        "figures"
    log:
        str(results.log("report")),
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale report {params.config:q} --output={output:q} --parent $PPID > {log:q} 2>&1"
