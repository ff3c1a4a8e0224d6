"""``relscale suite``: the data of one suite."""

import argparse
from pathlib import Path

from relscale.commands.inputs import add_config, add_files, entry, files, scored_experiment

HELP = "prepare the data of one suite"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --suite, --documents, --requests and --output."""
    add_config(parser)
    parser.add_argument("--suite", required=True, help="A key of the config's section 'suites'.")
    add_files(
        parser,
        "--documents",
        "The documents.parquet of each source that a corpus is made of; only suites of documents read them",
    )
    parser.add_argument(
        "--requests",
        choices=["yes", "no"],
        default="yes",
        help="Write the requests too (default: yes); not needed if no model will be scored.",
    )
    parser.add_argument("--output", type=Path, required=True, help="The suite.yaml to write.")


def run(options: argparse.Namespace) -> None:
    """Write all that scoring needs of one suite into the folder of its suite.yaml."""
    from relscale.results import Results
    from relscale.scoring.suite import prepare_suite
    from relscale.scoring.suite_code import trust_suite_code

    experiment = scored_experiment(options.config)
    trust_suite_code(experiment.scoring.trust_suite_code)
    name, suite = entry(experiment.suites, "suites", options.suite)
    results = Results.of(experiment)
    documents = files(options.documents, map(results.documents, experiment.corpus_sources))
    prepare_suite(
        name,
        suite,
        sorted(documents),
        options.output.parent,
        experiment.seed,
        requests=options.requests == "yes",
    )
