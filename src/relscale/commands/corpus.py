"""``relscale corpus``: read a source of text into documents."""

import argparse

from relscale.commands.inputs import add_config, add_threads, entry, training_experiment
from relscale.commands.outputs import output_file

HELP = "read a source of text into a table of documents"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --source, --threads and --output."""
    add_config(parser)
    parser.add_argument("--source", required=True, help="A key of the config's section 'sources'.")
    add_threads(parser, "Number of processes")
    parser.add_argument("--output", type=output_file, required=True, help="Output table, documents.parquet.")


def run(options: argparse.Namespace) -> None:
    """Read a source of text into a table of documents (parquet) with a manifest."""
    from relscale.corpora.build import build_source

    experiment = training_experiment(options.config)
    name, source = entry(experiment.sources, "sources", options.source)
    build_source(source, options.output.parent, experiment.seed, options.threads, name)
