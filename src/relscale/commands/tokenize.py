"""``relscale tokenize``: a corpus into a store of tokens."""

import argparse
from pathlib import Path

from relscale.commands.inputs import add_config, add_files, add_threads, by_name, entry, training_experiment

HELP = "turn a corpus into a store of tokens"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --corpus, the files that it is made from, --threads and --output."""
    add_config(parser)
    parser.add_argument("--corpus", required=True, help="A key of the config's section 'corpora'.")
    add_files(
        parser,
        "--documents",
        "The documents.parquet of each source of the corpus, in the order of their names",
    )
    parser.add_argument(
        "--vocabulary", type=Path, metavar="FILE", help="The tokenizer.json (default: that of the results)."
    )
    add_files(
        parser,
        "--suites",
        "The suite.yaml of each suite that the corpus must not contain, in the order of corpora.<corpus>.decontaminate",
    )
    add_threads(parser, "Threads of the tokenizer")
    parser.add_argument("--output", type=Path, required=True, help="The store's manifest.json to write.")


def run(options: argparse.Namespace) -> None:
    """Turn a corpus into a store of tokens."""
    from relscale.results import Results
    from relscale.tokens.corpus import CorpusPart, Decontamination, build_corpus
    from relscale.tokens.threads import set_tokenizer_threads

    experiment = training_experiment(options.config)
    results = Results.of(experiment)
    name, corpus = entry(experiment.corpora, "corpora", options.corpus)
    sources = experiment.sources_of(name)
    documents = by_name("--documents", sources, options.documents, map(results.documents, sources))
    decontamination = None
    if corpus.decontaminate is not None:
        unseen = corpus.decontaminate.suites
        suites = by_name("--suites", unseen, options.suites, map(results.suite, unseen))
        decontamination = Decontamination(
            tuple(file.parent for file in suites.values()), corpus.decontaminate.ngram
        )
    set_tokenizer_threads(options.threads)
    build_corpus(
        [
            CorpusPart(
                part.source,
                documents[part.source],
                part.part,
                part.weight,
                None if part.unique_tokens is None else round(part.unique_tokens),
            )
            for part in corpus.mixture
        ],
        (options.vocabulary or results.vocabulary).parent,
        options.output.parent,
        Path(experiment.store),
        experiment.seed,
        experiment.tokens_needed(name),
        decontamination,
        options.threads,
    )
