"""``relscale train``: the runs of one job."""

import argparse
import os
import sys
from pathlib import Path

from relscale.commands.inputs import add_config, add_threads, entry, training_experiment
from relscale.commands.outputs import output_file

HELP = "train the runs of one job; finished runs are skipped"
STOPS_ITSELF = True  # when its parent has ended: it saves the state of the run first


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --corpus, --job, --tokens, --vocabulary, --threads and --output."""
    add_config(parser)
    parser.add_argument("--corpus", required=True, help="A key of the config's section 'corpora'.")
    parser.add_argument(
        "--job", required=True, help="Name of the job: a budget such as 1e12, or a run; see training.job."
    )
    parser.add_argument(
        "--tokens",
        type=Path,
        metavar="FILE",
        help="The manifest.json of the corpus's token store (default: that of the results).",
    )
    parser.add_argument(
        "--vocabulary", type=Path, metavar="FILE", help="The tokenizer.json (default: that of the results)."
    )
    add_threads(parser, "Processor threads")
    parser.add_argument(
        "--output", type=output_file, required=True, help="Output manifest (.json): one row per run."
    )


def run(options: argparse.Namespace) -> None:
    """Train the runs of one job in sequence; finished runs in the store are skipped.

    On SIGTERM, SIGUSR1 or SIGINT the current run saves its state and the command exits with 85; the same command
    resumes it.
    """
    from relscale.experiments.results import Results
    from relscale.storage.process import EXIT_CODE
    from relscale.training.data import TrainingData
    from relscale.training.interruption import Interrupted
    from relscale.training.job import Job, train_job
    from relscale.training.progress import progress
    from relscale.workflow.jobs import members, training_jobs

    experiment = training_experiment(options.config)
    results, store, hardware = Results.of(experiment), Path(experiment.store), experiment.hardware
    corpus, _ = entry(experiment.corpora, "corpora", options.corpus)
    training = experiment.training.model_copy(update={"threads": options.threads})
    in_log = "RELSCALE_PROGRESS_IN_LOG" in os.environ  # the workflow shows its own progress
    progress_line = progress(experiment.planned_runs, results.token_stores, store, training, hardware)
    try:
        data = TrainingData(
            (options.tokens or results.tokens(corpus)).parent,
            (options.vocabulary or results.vocabulary).parent,
        )
        runs = members(training_jobs(experiment), corpus, options.job)
        train_job(
            Job(runs, data, store, training, hardware),
            options.output,
            lambda line: print(
                f"{line}; {progress_line()}", file=sys.stderr if in_log else sys.stdout, flush=True
            ),
            options.parent,
        )
    except Interrupted as stop:
        print(f"relscale train: {stop}", file=sys.stderr)
        raise SystemExit(EXIT_CODE) from None
