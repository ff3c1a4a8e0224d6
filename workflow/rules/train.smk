# Models: one job for each budget of a corpus, its runs one after another, or one job a run. Finished runs live in the
# store, which no rule declares, so Snakemake never deletes them; the manifest that a job makes points into it. The shell
# becomes the training (exec): one that a signal ended first would take the training with it, its state half saved.


rule train:
    input:
        tokens=f"{RESULTS}/tokens/{{corpus}}/manifest.json",
        vocabulary=f"{RESULTS}/vocabulary/tokenizer.json",
    output:
        f"{RESULTS}/runs/{{corpus}}/{{job}}.json",
    params:
        config=CONFIG,
        runs=lambda w: digest([run_to_dict(run) for run in TRAINING[CORPUS[w.corpus], w.job]]),
        options=digest(config["training"]),
        code=code_digest("relscale.training.job", *OPTIMIZERS),
    threads: config["training"]["threads"]
    priority: expected_seconds  # the longest first, so that no core is idle at the end
    group:
        lambda w: "trainings" if expected_seconds(w) < SHORT and not HARDWARE.gpus_per_node else None
    resources:
        mem_mb=memory(lambda w: max(placement.host_bytes for placement in placements(w.corpus, w.job)) // 10**6),
        runtime=lambda w, attempt: time_limit(expected_seconds(w), attempt),
        gpu=lambda w: devices_here(w.corpus, w.job) if HARDWARE.gpus_per_node else 0,
        cpus_per_task=lambda w, threads: threads * devices_here(w.corpus, w.job),
        nodes=1,
    log:
        f"{RESULTS}/logs/train/{{corpus}}/{{job}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{corpus}}/{{job}}.tsv"
    conda:
        "../../envs/relscale.yaml"
    shell:
        "exec relscale train {params.config:q} --corpus={wildcards.corpus:q} --job={wildcards.job:q} --threads={threads}"
        " --output={output:q} --parent $PPID 2> {log:q}"
