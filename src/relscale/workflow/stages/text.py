"""The rules ``corpus``, ``vocabulary`` and ``tokenize``: from the sources of text to token stores."""

from pathlib import Path

from relscale.experiments.experiment import TrainingExperiment
from relscale.experiments.results import Results
from relscale.provenance import code_digest, digest, files_state
from relscale.storage.file_name import by_file_name
from relscale.workflow.jobs import job_name


class TextStage:
    """The text of an experiment that trains; sources and corpora are named by their file names."""

    def __init__(self, experiment: TrainingExperiment, results: Results):
        self.experiment, self.results = experiment, results
        self._source, self._corpus = by_file_name(experiment.sources), by_file_name(experiment.corpora)
        # The user's text and tokenizers, which may have too many files for separate inputs.
        self._source_files = {
            name: files_state(path)
            for name, source in experiment.sources.items()
            if (path := getattr(source, "path", None)) is not None
        }
        self.tokenizer_files = files_state(experiment.vocabulary.tokenizer or "")

    def source_state(self, source: str) -> tuple[str, str | None]:
        """The dependencies of a source: the digest of its options, and the state of its files."""
        name = self._source[source]
        return digest(self.experiment.sources[name].values()), self._source_files.get(name)

    def all_documents(self) -> list[Path]:
        """The documents of every source."""
        return list(map(self.results.documents, self.experiment.corpus_sources))

    def documents(self, corpus: str) -> list[Path]:
        """The documents of each source of a corpus; for a source on the hub, the held-out ones."""
        return list(map(self.results.documents, self.experiment.sources_of(self._corpus[corpus])))

    def decontamination_suites(self, corpus: str) -> list[Path]:
        """The manifests of the suites from which a corpus is decontaminated."""
        decontaminate = self.experiment.corpora[self._corpus[corpus]].decontaminate
        return list(map(self.results.suite, decontaminate.suites)) if decontaminate else []

    def corpora_digest(self) -> str:
        """The digest of the section ``corpora``."""
        return digest({name: corpus.values() for name, corpus in self.experiment.corpora.items()})

    def reference_runs(self, corpus: str) -> list[Path]:
        """The manifest of the training job whose run scores a corpus's documents, if they are pruned by loss."""
        run = self.experiment.reference_run(self._corpus[corpus])
        return [self.results.runs(run.corpus, job_name(run, self.experiment.training.job))] if run else []

    def pruning_code(self, corpus: str) -> str | None:
        """The digest of the code that scores a corpus's documents, if they are pruned by loss."""
        return code_digest("relscale.training.document_loss") if self.reference_runs(corpus) else None

    def is_streamed(self, corpus: str) -> bool:
        """Whether a part of a corpus is read as a stream."""
        return self.experiment.is_streamed(self._corpus[corpus])

    def corpus_state(self, corpus: str) -> tuple[str, tuple[float, ...] | None, list[str | None]]:
        """A corpus's dependencies: digest of its options, its parts' needed tokens if streamed, state of its sources'
        files.
        """
        name = self._corpus[corpus]
        options = self.experiment.corpora[name]
        tokens = self.experiment.tokens_needed(name) if self.experiment.is_streamed(name) else None
        files = [self._source_files.get(part.source) for part in options.mixture]
        return digest(options.values()), tokens, files

    def token_stores(self) -> list[Path]:
        """The manifests of the token stores, in the order of the config."""
        return list(map(self.results.tokens, self.experiment.corpora))

    def outputs(self) -> list[Path]:
        """All outputs of the rules."""
        manifests = map(self.results.documents_manifest, self.experiment.corpus_sources)
        return [*self.all_documents(), *manifests, self.results.vocabulary, *self.token_stores()]
