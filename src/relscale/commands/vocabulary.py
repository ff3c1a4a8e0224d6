"""``relscale vocabulary``: the vocabulary of an experiment."""

import argparse

from relscale.commands.inputs import add_config, add_files, add_threads, by_name, training_experiment
from relscale.commands.outputs import output_file

HELP = "train the vocabulary, or copy that of an existing tokenizer"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --documents, --threads and --output."""
    add_config(parser)
    add_files(
        parser,
        "--documents",
        "The documents.parquet of each source of a corpus, in the order of their names",
    )
    add_threads(parser, "Threads of the tokenizer")
    parser.add_argument("--output", type=output_file, required=True, help="Output tokenizer.json.")


def run(options: argparse.Namespace) -> None:
    """Train the experiment's vocabulary on the documents of its corpora, or copy that of an existing tokenizer."""
    from relscale.experiments.results import Results
    from relscale.tokens.threads import set_tokenizer_threads
    from relscale.tokens.vocabulary import take_vocabulary, train_vocabulary

    experiment = training_experiment(options.config)
    section = experiment.vocabulary
    if section.tokenizer is not None:
        take_vocabulary(section, options.output.parent)
        return
    set_tokenizer_threads(options.threads)
    sources = experiment.sources_of(*experiment.corpora)
    documents = by_name(
        "--documents", sources, options.documents, map(Results.of(experiment).documents, sources)
    )
    parts = dict.fromkeys(
        (documents[part.source], part.part)
        for corpus in experiment.corpora.values()
        for part in corpus.mixture
    )
    train_vocabulary(list(parts), section, options.output.parent, seed=experiment.seed)
