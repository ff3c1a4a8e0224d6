"""``relscale export``: models in folders that are ready for the hub."""

import argparse
from pathlib import Path

from relscale.commands.inputs import add_config, add_files, by_name, files, training_experiment

HELP = "export trained models as Hugging Face folders, with a table of them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --runs, --measurements, --suites and --output."""
    add_config(parser)
    add_files(parser, "--runs", "The manifests of all training jobs")
    parser.add_argument(
        "--measurements",
        type=Path,
        metavar="FILE",
        help="The table of measurements, for the cards (default: that of the results, if there is one).",
    )
    add_files(parser, "--suites", "The suite.yaml of each suite, in the order of the config")
    parser.add_argument("--output", type=Path, required=True, help="The folder to write.")


def run(options: argparse.Namespace) -> None:
    """Give each trained model a folder with weights, tokenizer, card and record, and all of them a table.

    An experiment whose runs are that table (runs: {source: checkpoints, table: FOLDER/checkpoints.csv}) has the same
    figures without training. `relscale push` uploads what was exported.
    """
    from relscale.jobs import training_jobs
    from relscale.measurements.reading import read_measurements
    from relscale.release.export import export
    from relscale.release.model_card import SHOWN
    from relscale.results import Results
    from relscale.scoring.manifest import read_manifest
    from relscale.scoring.suite import needs_documents

    experiment = training_experiment(options.config)
    results = Results.of(experiment)
    names = experiment.suites
    suites = by_name("--suites", names, options.suites, map(results.suite, names))
    measurements = options.measurements or results.measurements
    is_measured = options.measurements is not None or measurements.is_file()
    exported = export(
        experiment,
        files(options.runs, (results.runs(*job) for job in training_jobs(experiment))),
        read_measurements(measurements, ("run", *SHOWN)).to_pylist() if is_measured else [],
        {name: read_manifest(file.parent).metric for name, file in suites.items()} if is_measured else {},
        {name: file.parent for name, file in suites.items() if needs_documents(name, names[name])},
        options.output,
    )
    print(f"{len(exported.models)} models in {options.output}, table {exported.table}")
    for name in exported.without:
        print(f"{name}: diverged, listed listed in the table without a model")
