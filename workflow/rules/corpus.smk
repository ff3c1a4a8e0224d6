# Text into documents: one table a source.


rule corpus:
    output:
        documents=f"{RESULTS}/corpora/{{source}}/documents.parquet",
        manifest=f"{RESULTS}/corpora/{{source}}/manifest.json",
    params:
        config=CONFIG,
        options=lambda w: digest(config["sources"][SOURCE_NAME[w.source]]),
        files=lambda w: SOURCE_FILES.get(SOURCE_NAME[w.source]),
        seed=config["seed"],
        code=code_digest("relscale.corpora.build"),
    threads: 16  # where there are as many
    resources:
        mem_mb=memory(4000),
    log:
        f"{RESULTS}/logs/corpus/{{source}}.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale corpus {params.config:q} --source={wildcards.source:q} --threads={threads}"
        " --output={output.documents:q} --parent $PPID 2> {log:q}"
