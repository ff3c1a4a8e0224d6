"""``relscale tokenize``: tokenize a corpus."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from relscale.commands.inputs import (
    add_config,
    add_files,
    add_threads,
    by_name,
    entry,
    suite_files,
    training_experiment,
)
from relscale.commands.outputs import output_file

if TYPE_CHECKING:
    from relscale.design.run import Run

HELP = "tokenize a corpus into a token store"


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
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FILE",
        help="The manifest of the training job of the reference model, for a corpus pruned by loss (default: "
        "that of the results).",
    )
    add_threads(parser, "Threads of the tokenizer")
    parser.add_argument(
        "--output", type=output_file, required=True, help="Output manifest.json of the store."
    )


def run(options: argparse.Namespace) -> None:
    """Tokenize a corpus into a token store."""
    from relscale.experiments.results import Results
    from relscale.tokens.corpus import CorpusPart, Decontamination, build_corpus
    from relscale.tokens.pruning import Pruning
    from relscale.tokens.threads import set_tokenizer_threads
    from relscale.workflow.jobs import job_name

    experiment = training_experiment(options.config)
    results = Results.of(experiment)
    name, corpus = entry(experiment.corpora, "corpora", options.corpus)
    sources = experiment.sources_of(name)
    documents = by_name("--documents", sources, options.documents, map(results.documents, sources))
    decontamination = None
    if corpus.decontaminate is not None:
        names = corpus.decontaminate.suites
        suites = suite_files(names, options.suites, results)
        decontamination = Decontamination(
            tuple(file.parent for file in suites.values()), corpus.decontaminate.ngram
        )
    pruning = None
    if corpus.prune is not None:
        reference = experiment.reference_run(name)
        losses: dict[Path, dict[str, float]] = {}
        if reference is not None:
            job = job_name(reference, experiment.training.job)
            manifest = options.reference or results.runs(reference.corpus, job)
            losses = document_losses(
                reference,
                manifest,
                {(documents[p.source], p.part) for p in corpus.mixture},
                Path(experiment.store),
            )
        pruning = Pruning(corpus.prune, losses)
    set_tokenizer_threads(options.threads)
    build_corpus(
        [
            CorpusPart(
                part.source,
                documents[part.source],
                part.part,
                part.weight,
                None if part.unique_tokens is None else round(part.unique_tokens),
                needed,
            )
            for part, needed in zip(corpus.mixture, experiment.tokens_needed(name), strict=True)
        ],
        (options.vocabulary or results.vocabulary).parent,
        options.output.parent,
        Path(experiment.store),
        experiment.seed,
        decontamination,
        options.threads,
        pruning,
    )


def document_losses(
    run: "Run", manifest: Path, documents: "Iterable[tuple[Path, str | None]]", store: Path
) -> dict[Path, dict[str, float]]:
    """Bits per byte of training documents under a finished run, by table and id.

    The losses are cached in the store per table and part, because corpora pruned by the same run share them.

    Raises
    ------
    RelscaleError
        The run is not in the manifest, or diverged.
    """
    from relscale.errors import RelscaleError
    from relscale.storage.entries import read_entries
    from relscale.training.kept_losses import kept_losses
    from relscale.training.manifest import TrainedModel

    models = [model for model in read_entries(manifest, TrainedModel) if model.name == run.name]
    if not models or models[0].status != "ok":
        raise RelscaleError(f"{manifest}: no finished run {run.name} to score documents with; train it first")
    losses: dict[Path, dict[str, float]] = {}
    for path, part in documents:
        scored = kept_losses(models[0], run.architecture, path, part, store)
        losses.setdefault(path, {}).update(scored)
    return losses
