"""``relscale collect``: compute measurements from item scores or published tables."""

import argparse

from relscale.commands.inputs import add_config, add_files, by_name, files, suite_files
from relscale.commands.outputs import output_table

HELP = "compute the measurements from item scores"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --runs, --scores, --suites, --output, --replicates and --responses."""
    add_config(parser)
    add_files(parser, "--runs", "The manifests of all training jobs")
    add_files(parser, "--scores", "The manifests of all scoring jobs")
    add_files(parser, "--suites", "The suite.yaml of each suite, in the order of the config")
    parser.add_argument(
        "--output", type=output_table, required=True, help="Output table of measurements (.parquet or .csv)."
    )
    parser.add_argument(
        "--replicates",
        type=output_table,
        help="Output table of bootstrap replicates over items (.parquet or .csv).",
    )
    parser.add_argument(
        "--responses",
        type=output_table,
        help="Output table of whether each model answers each question right (.parquet or .csv).",
    )


def run(options: argparse.Namespace) -> None:
    """Compute measurements from item scores, or from published tables, with bootstrap replicates over items."""
    from relscale.experiments.config import load_config
    from relscale.experiments.experiment import (
        CheckpointExperiment,
        MeasurementExperiment,
        TrainingExperiment,
    )
    from relscale.experiments.results import Results
    from relscale.measurements.collect import collect
    from relscale.measurements.measurement import REPLICATES, RESPONSES
    from relscale.measurements.mixture_shares import with_listed_shares, with_mixture_shares
    from relscale.measurements.published import read_tables
    from relscale.measurements.quantization import with_quantization
    from relscale.measurements.runs import Measured, listed_runs, trained_runs
    from relscale.scoring.checkpoint_table import check_distinct
    from relscale.scoring.manifest import read_manifest
    from relscale.scoring.suite_code import trust_suite_code
    from relscale.scoring.suite_description import lists_tasks
    from relscale.storage.tables import write_pieces, write_table
    from relscale.workflow.jobs import scoring_jobs, training_jobs

    experiment = load_config(options.config)
    if isinstance(experiment, MeasurementExperiment):
        for option in ("suites", "scores", "runs"):  # nothing is prepared, scored or trained
            by_name(f"--{option}", (), getattr(options, option), ())
        write_table(read_tables(experiment.runs.tables, experiment.name), options.output)
        if options.replicates:  # published tables have no items
            write_pieces([], REPLICATES, options.replicates)
        if options.responses:
            write_pieces([], RESPONSES, options.responses)
        return
    trust_suite_code(experiment.scoring.trust_suite_code)
    results = Results.of(experiment)
    names = experiment.suites
    suites = suite_files(names, options.suites, results)
    corpora = experiment.scored_corpora
    jobs = sorted(scoring_jobs(experiment), key=lambda job: corpora.index(job[0]))
    scores = files(options.scores, (results.scores(*job) for job in jobs))
    runs: list[Measured]
    if isinstance(experiment, CheckpointExperiment):
        manifests = {name: read_manifest(file.parent) for name, file in suites.items()}
        check_distinct(experiment.checkpoints, experiment.runs.table)
        listed = [name for name, suite in names.items() if lists_tasks(name, suite)]
        runs = listed_runs(experiment.checkpoints, scores, manifests, listed)
    else:
        trained = files(options.runs, (results.runs(*job) for job in training_jobs(experiment)))
        runs = trained_runs(trained, scores, [run.name for run in experiment.planned_runs], list(names))
    measurements, replicates, responses = collect(
        runs,
        experiment.name,
        experiment.collect,
        experiment.seed,
        {name: file.parent for name, file in suites.items()},
    )
    if isinstance(experiment, TrainingExperiment):
        shares = {name: corpus.shares for name, corpus in experiment.corpora.items()}
        measurements = with_mixture_shares(measurements, shares)
    else:
        rows = [checkpoint.run for checkpoint in experiment.checkpoints]
        measurements = with_listed_shares(measurements, experiment.runs.table, rows)
    logged = (
        [checkpoint.run for checkpoint in experiment.checkpoints if checkpoint.samples]
        if isinstance(experiment, CheckpointExperiment)
        else []
    )
    write_table(with_quantization(measurements, experiment.scoring.quantization, logged), options.output)
    if options.replicates:
        write_pieces(replicates, REPLICATES, options.replicates)
    if options.responses:
        write_pieces(responses, RESPONSES, options.responses)
