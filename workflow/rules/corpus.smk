# Documents: one table per source of text.


rule corpus:
    output:
        documents=results.documents(SOURCE),
        manifest=results.documents_manifest(SOURCE),
    params:
        config=CONFIG,
        source=lambda w: pipeline.text.source_state(w.source),
        seed=experiment.seed,
        code=job_code_digest("relscale.corpora.build"),
    threads: 16  # at most; Snakemake limits them to those of the machine or the allocation
    resources:
        mem_mb=memory(4000),
    log:
        str(results.log("corpus", SOURCE)),
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale corpus {params.config:q} --source={wildcards.source:q} --threads={threads}"
        " --output={output.documents:q} --parent $PPID 2> {log:q}"
