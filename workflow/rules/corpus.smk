# Text into documents: one table per source.


rule corpus:
    output:
        documents=results.documents(SOURCE),
        manifest=results.documents_manifest(SOURCE),
    params:
        config=CONFIG,
        source=lambda w: pipeline.source_state(w.source),
        seed=experiment.seed,
        code=code_of("relscale.corpora.build"),
    threads: 16  # at most: Snakemake gives a job no more than the machine, or the allocation, has
    resources:
        mem_mb=memory(4000),
    log:
        str(results.log("corpus", SOURCE)),
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale corpus {params.config:q} --source={wildcards.source:q} --threads={threads}"
        " --output={output.documents:q} --parent $PPID 2> {log:q}"
