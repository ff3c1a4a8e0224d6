# One vocabulary for the experiment, and a token store for each corpus. Of what is streamed, whole shards lie in the
# store, which no rule declares, so that a job that is killed goes on where it was.


rule vocabulary:
    input:
        [] if "tokenizer" in config["vocabulary"] else all_documents(),
    output:
        f"{RESULTS}/vocabulary/tokenizer.json",
    params:
        config=CONFIG,
        corpora=config["corpora"],
        options=config["vocabulary"],
        tokenizer=TOKENIZER_FILES,
        seed=config["seed"],
        code=code_digest("relscale.tokens.vocabulary"),
    threads: 16  # where there are as many
    log:
        f"{RESULTS}/logs/vocabulary.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale tokenize {params.config} --threads {threads} --output {output}"
        " --parent $PPID 2> {log}"


rule tokenize:
    input:
        documents=lambda w: documents(w.corpus),
        vocabulary=f"{RESULTS}/vocabulary/tokenizer.json",
        suites=lambda w: [f"{RESULTS}/suites/{suite}/suite.yaml" for suite in unseen_suites(w.corpus)],
    output:
        f"{RESULTS}/tokens/{{corpus}}/manifest.json",
    params:
        config=CONFIG,
        corpus=lambda w: config["corpora"][w.corpus],
        tokens=lambda w: tokens_needed(config, w.corpus) if is_streamed(config, w.corpus) else None,
        files=lambda w: [SOURCE_FILES.get(part["source"]) for part in corpus_parts(config["corpora"][w.corpus])],
        seed=config["seed"],
        code=code_digest("relscale.tokens.corpus"),
    threads: lambda w: 16 if is_streamed(config, w.corpus) else 1
    resources:
        mem_mb=memory(lambda w: 24000 if is_streamed(config, w.corpus) else 4000),
        runtime=lambda w, attempt: attempt * (1440 if is_streamed(config, w.corpus) else 120),
    log:
        f"{RESULTS}/logs/tokenize/{{corpus}}.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale tokenize {params.config} --corpus {wildcards.corpus} --threads {threads} --output {output}"
        " --parent $PPID 2> {log}"
