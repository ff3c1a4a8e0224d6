# Figures as HTML and JSON. The rule write_report draws static pictures of all figures with one browser.

CAPTIONS = Path(workflow.basedir, "workflow", "report")


rule plot:
    input:
        measurements=results.measurements,
        fits=pipeline.analysis.fits(),
        tokens=pipeline.token_stores,
        suites=pipeline.suites,
        branches=pipeline.branch_tables,
    output:
        json=results.figure(FIGURE, "json"),
        html=report(
            str(results.figure(FIGURE)),
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
    params:
        config=CONFIG,
        suites=pipeline.figures.suites_digest(),
        code=lambda w: pipeline.figures.figure_code(w.figure),
        caption=lambda w: pipeline.figures.caption(w.figure, CAPTIONS),
        fits=lambda w, input: str(Path(input.fits[0]).parent),
    group:
        "figures"
    resources:
        mem_mb=memory(2000),
    log:
        str(results.log("plot", FIGURE)),
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale plot {wildcards.figure:q} --config={params.config:q} --measurements={input.measurements:q}"
        " --fits={params.fits:q} --suites {input.suites:q} --tokens {input.tokens:q} --no-pictures"
        " --output={output.html:q} --parent $PPID 2> {log:q}"
