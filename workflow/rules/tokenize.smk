# One vocabulary per experiment, and one token store per corpus. Complete shards of streamed text are kept in the store,
# which no rule declares as output, so that a killed job resumes after its last shard.


rule vocabulary:
    input:
        documents=[] if experiment.vocabulary.tokenizer else pipeline.text.all_documents(),
    output:
        results.vocabulary,
    params:
        config=CONFIG,
        corpora=pipeline.text.corpora_digest(),
        options=digest(experiment.vocabulary.values()),
        tokenizer=pipeline.text.tokenizer_files,
        seed=experiment.seed,
        code=job_code_digest("relscale.tokens.vocabulary"),
    threads: 16  # at most
    log:
        str(results.log("vocabulary")),
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale vocabulary {params.config:q} --documents {input.documents:q} --threads={threads} --output={output:q}"
        " --parent $PPID 2> {log:q}"


rule tokenize:
    input:
        documents=lambda w: pipeline.text.documents(w.corpus),
        vocabulary=results.vocabulary,
        suites=lambda w: pipeline.text.decontamination_suites(w.corpus),
        reference=lambda w: pipeline.text.reference_runs(w.corpus),
    output:
        results.tokens(CORPUS),
    params:
        config=CONFIG,
        corpus=lambda w: pipeline.text.corpus_state(w.corpus),
        seed=experiment.seed,
        code=job_code_digest("relscale.tokens.corpus"),
        pruning=lambda w: pipeline.text.pruning_code(w.corpus),
    threads: lambda w: 16 if pipeline.text.is_streamed(w.corpus) else 1
    resources:
        mem_mb=memory(lambda w: 24000 if pipeline.text.is_streamed(w.corpus) else 4000),
        runtime=lambda w, attempt: attempt * (1440 if pipeline.text.is_streamed(w.corpus) else 120),
    log:
        str(results.log("tokenize", CORPUS)),
    conda:
        "../../envs/relscale.yaml"
    shell:
        "relscale tokenize {params.config:q} --corpus={wildcards.corpus:q} --documents {input.documents:q}"
        " --vocabulary={input.vocabulary:q} --suites {input.suites:q} --threads={threads} --output={output:q}"
        " --parent $PPID 2> {log:q}"
