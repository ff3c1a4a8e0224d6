# Figures: HTML and JSON always; SVG, PDF and PNG beside them where this machine has a Chrome. Those are not declared,
# so that the workflow runs where it has none; the formats are a parameter, so that they come when a Chrome does.


rule plot:
    input:
        measurements=f"{RESULTS}/measurements.parquet",
        fits=expand(f"{RESULTS}/fits/{{table}}.parquet", table=FIT_TABLES),
        tokens=[f"{tokens_path(config, corpus).as_posix()}/manifest.json" for corpus in CORPORA if TRAINS],
        suites=list(PREPARED.values()) if SCORES else [],
    output:
        json=f"{RESULTS}/figures/{{figure}}.json",
        html=report(
            f"{RESULTS}/figures/{{figure}}.html",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
    params:
        config=CONFIG,
        suites=digest(config["suites"]),
        code=lambda w: FIGURE_CODE[figure_module(FIGURE[w.figure])],
        formats=static_formats(),
        caption=lambda w: caption(FIGURE[w.figure]),
    group:
        "figures"
    resources:
        mem_mb=memory(2000),
    log:
        f"{RESULTS}/logs/plot/{{figure}}.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale plot {wildcards.figure:q} --config={params.config:q} --output={output.html:q}"
        " --parent $PPID 2> {log:q}"
