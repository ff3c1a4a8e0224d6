# Figures: HTML and JSON always; SVG, PDF and PNG where this machine has a Chrome.


rule plot:
    input:
        measurements=f"{RESULTS}/measurements.parquet",
        fits=expand(f"{RESULTS}/fits/{{table}}.parquet", table=["frontier", "errors", "gaps", "fits"]),
        tokens=expand(f"{RESULTS}/tokens/{{corpus}}/manifest.json", corpus=CORPORA),
        suites=expand(f"{RESULTS}/suites/{{suite}}/suite.yaml", suite=config["suites"]),
    output:
        multiext(f"{RESULTS}/figures/{{figure}}", *(f".{ending}" for ending in ("json", *static_formats()))),
        html=report(
            f"{RESULTS}/figures/{{figure}}.html",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
    params:
        config=CONFIG,
        code=lambda w: code_digest("relscale.figures.plot", figure_module(w.figure)),
        caption=lambda w: caption(w.figure),
    resources:
        mem_mb=2000,
    log:
        f"{RESULTS}/logs/plot/{{figure}}.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale plot {wildcards.figure} --config {params.config} --output {output.html} 2> {log}"
