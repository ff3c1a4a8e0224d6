# One vocabulary for the experiment, and a token store for each corpus. Of what is streamed, whole shards lie in the
# store, which no rule declares, so that a job that is killed goes on where it was.


rule vocabulary:
    input:
        [] if "tokenizer" in config["vocabulary"] else all_documents(),
    output:
        f"{RESULTS}/vocabulary/tokenizer.json",
    params:
        config=CONFIG,
        corpora=digest(config["corpora"]),
        options=digest(config["vocabulary"]),
        tokenizer=TOKENIZER_FILES,
        seed=config["seed"],
        code=code_digest("relscale.tokens.vocabulary"),
    threads: 16  # where there are as many
    log:
        f"{RESULTS}/logs/vocabulary.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale tokenize {params.config:q} --threads={threads} --output={output:q} --parent $PPID 2> {log:q}"


rule tokenize:
    input:
        documents=lambda w: documents(CORPUS[w.corpus]),
        vocabulary=f"{RESULTS}/vocabulary/tokenizer.json",
        suites=lambda w: [PREPARED[suite] for suite in unseen_suites(CORPUS[w.corpus])],
    output:
        f"{RESULTS}/tokens/{{corpus}}/manifest.json",
    params:
        config=CONFIG,
        corpus=lambda w: digest(config["corpora"][CORPUS[w.corpus]]),
        tokens=lambda w: tokens_needed(config, CORPUS[w.corpus]) if is_streamed(config, CORPUS[w.corpus]) else None,
        files=lambda w: [SOURCE_FILES.get(part["source"]) for part in corpus_parts(config["corpora"][CORPUS[w.corpus]])],
        seed=config["seed"],
        code=code_digest("relscale.tokens.corpus"),
    threads: lambda w: 16 if is_streamed(config, CORPUS[w.corpus]) else 1
    resources:
        mem_mb=memory(lambda w: 24000 if is_streamed(config, CORPUS[w.corpus]) else 4000),
        runtime=lambda w, attempt: attempt * (1440 if is_streamed(config, CORPUS[w.corpus]) else 120),
    log:
        f"{RESULTS}/logs/tokenize/{{corpus}}.log",
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale tokenize {params.config:q} --corpus={wildcards.corpus:q} --threads={threads}"
        " --output={output:q} --parent $PPID 2> {log:q}"
