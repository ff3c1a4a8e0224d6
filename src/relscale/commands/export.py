"""``relscale export``: trained models as Hugging Face folders."""

import argparse
from pathlib import Path

from relscale.commands.inputs import add_config, add_files, files, suite_files, training_experiment
from relscale.commands.outputs import output_folder

HELP = "export trained models as Hugging Face folders, with a table of them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --runs, --measurements, --suites and --output."""
    add_config(parser)
    add_files(parser, "--runs", "The manifests of all training jobs")
    parser.add_argument(
        "--measurements",
        type=Path,
        metavar="FILE",
        help="Table of measurements, for the model cards (default: that of the results, if any).",
    )
    add_files(parser, "--suites", "The suite.yaml of each suite, in the order of the config")
    parser.add_argument("--output", type=output_folder, required=True, help="Output folder.")


def run(options: argparse.Namespace) -> None:
    """Write a folder per trained model with weights, tokenizer, model card and record, and a table of all models.

    An experiment on that table (runs: {source: checkpoints, table: FOLDER/checkpoints.csv}) reproduces the figures
    without training. `relscale push` uploads the folders.
    """
    from relscale.experiments.results import Results
    from relscale.measurements.reading import read_measurements
    from relscale.release.export import export
    from relscale.release.model_card import ScoreRow
    from relscale.scoring.manifest import read_manifest
    from relscale.scoring.suite_description import needs_documents
    from relscale.storage.rows import names_of, rows_of
    from relscale.workflow.jobs import training_jobs

    experiment = training_experiment(options.config, instead="only trained models are exported")
    results = Results.of(experiment)
    names = experiment.suites
    suites = suite_files(names, options.suites, results)
    measurements = options.measurements or results.measurements
    is_measured = options.measurements is not None or measurements.is_file()
    exported = export(
        experiment,
        files(options.runs, (results.runs(*job) for job in training_jobs(experiment))),
        rows_of(ScoreRow, read_measurements(measurements, names_of(ScoreRow))) if is_measured else [],
        {name: read_manifest(file.parent).metric for name, file in suites.items()} if is_measured else {},
        {name: file.parent for name, file in suites.items() if needs_documents(name, names[name])},
        options.output,
    )
    print(f"{len(exported.models)} models in {options.output}, table {exported.table}")
    for name in exported.diverged:
        print(f"{name}: diverged, listed in the table without a model")
