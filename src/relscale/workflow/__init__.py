"""The workflow of an experiment as Snakemake runs it: inputs, jobs, progress and recovery."""
