"""``relscale suite``: the data of one suite."""

import argparse

from relscale.commands.inputs import add_config, add_files, entry, files, scored_experiment
from relscale.commands.outputs import output_file

HELP = "prepare the data of one suite"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --suite, --documents, --requests and --output."""
    add_config(parser)
    parser.add_argument("--suite", required=True, help="A key of the config's section 'suites'.")
    add_files(
        parser,
        "--documents",
        "The documents.parquet of each source of a corpus, for suites built from documents",
    )
    parser.add_argument(
        "--requests",
        choices=["yes", "no"],
        default="yes",
        help="Whether to write the requests; not needed if no model will be scored (default: yes).",
    )
    parser.add_argument("--output", type=output_file, required=True, help="Output suite.yaml.")


def run(options: argparse.Namespace) -> None:
    """Write all data that scoring a suite needs into the folder of its suite.yaml."""
    from relscale.experiments.results import Results
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
