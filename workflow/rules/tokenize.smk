# One vocabulary for the experiment, and a token store for each corpus.


rule vocabulary:
    input:
        [] if "tokenizer" in config["vocabulary"] else all_documents(),
    output:
        f"{RESULTS}/vocabulary/tokenizer.json",
    params:
        config=CONFIG,
        corpora=config["corpora"],
        options=config["vocabulary"],
        seed=config["seed"],
        code=code_digest("relscale.tokens.vocabulary"),
    threads: workflow.cores or 1
    log:
        f"{RESULTS}/logs/vocabulary.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale tokenize {params.config} --threads {threads} --output {output} 2> {log}"


rule tokenize:
    input:
        documents=lambda w: documents(w.corpus),
        vocabulary=f"{RESULTS}/vocabulary/tokenizer.json",
    output:
        f"{RESULTS}/tokens/{{corpus}}/manifest.json",
    params:
        config=CONFIG,
        corpus=lambda w: config["corpora"][w.corpus],
        seed=config["seed"],
        code=code_digest("relscale.tokens.build"),
    log:
        f"{RESULTS}/logs/tokenize/{{corpus}}.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale tokenize {params.config} --corpus {wildcards.corpus} --threads {threads} --output {output} 2> {log}"
