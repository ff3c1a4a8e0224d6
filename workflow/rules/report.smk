# The report: one HTML file that is written from the tables of the fit and the figures; and the figures as SVG, PDF and
# PNG where this machine has a Chrome. Those are not declared, so that the workflow runs where it has none; the formats
# are a parameter, so that they come when a Chrome does.


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
        code=of_job(lambda w: pipeline.report_code()),
        formats=pipeline.formats(),
    group:
        "figures"
    log:
        str(results.log("report")),
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale report {params.config:q} --output={output:q} --parent $PPID > {log:q} 2>&1"
