"""An experiment, composed of the sections of its config.

There are three types, selected by ``runs.source``: models are trained and scored, a table of checkpoints is scored, or
published tables of measurements are read.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from relscale.corpora.options import Source
from relscale.design.isoflop import plan
from relscale.design.mixtures import mixture_corpora
from relscale.design.options import Design, Hardware
from relscale.design.run import Run
from relscale.experiments.section import Name, PathText, Section, Seed, WrittenPath
from relscale.fitting.options import Fit
from relscale.measurements.options import Collect, Table
from relscale.release.options import Export
from relscale.scoring.checkpoint_table import Checkpoint, read_checkpoints
from relscale.scoring.options import PublishedSuite, Scoring, Suite
from relscale.tokens.interleave import integer_shares, most_turns
from relscale.tokens.options import Corpora, Vocabulary
from relscale.training.branches import furthest_token
from relscale.training.options import Training

CHANGES_NO_NUMBER = "composes the config's sections; results digest the values that they depend on"

Sources = Annotated[dict[Name, Source], Field(min_length=1)]


class TrainedModels(Section):
    """Models are trained and scored."""

    source: Literal["train"] = "train"


class Checkpoints(Section):
    """A table of checkpoints is scored."""

    source: Literal["checkpoints"]
    table: PathText = Field(
        description="One row per checkpoint, with columns model (a folder beside the table, or a name on the hub), "
        "revision, corpus, params, tokens and training_flops; see relscale.scoring.checkpoint_table."
    )


class PublishedMeasurements(Section):
    """Tables of measurements are read; nothing is trained or scored."""

    source: Literal["measurements"]
    tables: Annotated[tuple[Table, ...], Field(min_length=1)] = Field(
        description="One row per measurement; each table's columns become those of the measurements."
    )


class _AnyExperiment(Section):
    name: Name = Field(
        alias="experiment",
        description="Name of the experiment: any text. Results are written to results/<experiment>/; a "
        "name that is not a plain file name is shortened, with a digest (relscale.storage.file_name).",
    )
    seed: Seed = Field(default=0, description="Seed of all random draws.")
    store: WrittenPath = Field(
        default="results/store",
        description="Folder of finished runs and item scores, keyed by everything they depend on and "
        "shared by all experiments.",
    )
    vocabulary: Vocabulary = Vocabulary()
    hardware: Hardware = Hardware()
    training: Training = Training()
    scoring: Scoring = Scoring()
    collect: Collect = Collect()
    export: Export = Export()
    fit: Fit = Fit()
    figures: tuple[str, ...] = Field(
        default=(),
        description="Figures by name; a figure of a suite is drawn for each suite, or only for the suite in its name "
        "(relative-law-mmlu).",
    )

    def replaced(self, **sections: Any) -> Self:
        """The experiment with some sections replaced."""
        given = {key: getattr(self, key) for key in self.model_fields_set if key != "name"}
        return type(self)(experiment=self.name, **{**given, **sections})


class TrainingExperiment(_AnyExperiment):
    """An experiment that trains models and scores them."""

    runs: TrainedModels = TrainedModels()
    sources: Sources = Field(description="Sources of text.")
    corpora: Corpora = Field(
        description="The training corpora: each a source, a part of one, or a mixture of several."
    )
    design: Design
    suites: dict[Name, Suite] = Field(
        default={}, description="The suites that models are scored on, each with its options."
    )

    @model_validator(mode="after")
    def _with_mixtures(self) -> Self:
        """Add the corpora that the design draws (``design.mixtures``)."""
        if self.design.mixtures is None:
            return self
        drawn = mixture_corpora(self.design.mixtures, self.seed)
        for name in filter(self.corpora.__contains__, drawn):
            if self.corpora[name] != drawn[name]:
                raise ValueError(f"corpora.{name}: a mixture of design.mixtures has this name; rename it")
        object.__setattr__(self, "corpora", {**self.corpora, **drawn})  # the section is frozen
        return self

    @cached_property
    def planned_runs(self) -> tuple[Run, ...]:
        """The plan: all runs by corpus, optimizer, budget, width and seed."""
        return tuple(plan(self.corpora, self.design, self.vocabulary.size, self.seed))

    @property
    def planned_widths(self) -> Mapping[float, Sequence[int]]:
        """The hidden sizes of each budget's runs, from small to large."""
        widths: dict[float, set[int]] = {}
        for run in self.planned_runs:
            widths.setdefault(run.budget, set()).add(run.architecture.hidden_size)
        return {budget: sorted(hidden_sizes) for budget, hidden_sizes in widths.items()}

    @property
    def scored_corpora(self) -> tuple[str, ...]:
        """The corpora whose models are scored."""
        return tuple(self.corpora)

    def sources_of(self, *corpora: str) -> list[str]:
        """The names of the sources of some corpora, sorted."""
        return sorted({part.source for corpus in corpora for part in self.corpora[corpus].mixture})

    @property
    def corpus_sources(self) -> list[str]:
        """The names of all used sources, sorted."""
        return self.sources_of(*self.corpora)

    def is_streamed(self, corpus: str) -> bool:
        """Whether a part of a corpus is streamed; the plan then determines how many tokens are prepared."""
        return any(self.sources[part.source].kind == "hub" for part in self.corpora[corpus].mixture)

    def reference_run(self, corpus: str) -> Run | None:
        """The run whose losses prune a corpus: the first planned run of its reference corpus, if it has one."""
        prune = self.corpora[corpus].prune
        reference = prune.reference if prune else None
        return next((run for run in self.planned_runs if run.corpus == reference), None)

    def largest_run(self, corpus: str) -> int:
        """Number of tokens that the largest planned run of a corpus reads, or its longest branch; 0 without runs."""
        branches = self.training.branches
        return max(
            (furthest_token(run, branches) for run in self.planned_runs if run.corpus == corpus), default=0
        )

    def tokens_needed(self, corpus: str) -> tuple[float, ...]:
        """Number of tokens to prepare of each part of a corpus, if it is streamed.

        The part's share of the configured number, or else what the largest run may read of it: whole sequences, with a
        target after the last; a part may have more than its share of them (``interleave``), here at least two.
        """
        options = self.corpora[corpus]
        shares = integer_shares([part.weight for part in options.mixture])
        if options.tokens is not None:
            return tuple(options.tokens * share / sum(shares) for share in shares)
        length = self.design.sequence_length
        sequences = self.largest_run(corpus) / length
        spare = [sequences * share / sum(shares) + 2 for share in shares]
        return tuple(
            length * max(turns) + 1 for turns in zip(spare, most_turns(sequences, shares), strict=True)
        )


class CheckpointExperiment(_AnyExperiment):
    """An experiment that scores a table of checkpoints.

    The config may keep the sources, corpora and design with which the models were trained. They train nothing; figures
    show the corpora in their order.
    """

    runs: Checkpoints
    sources: Sources | None = Field(default=None, description="Sources of text.")
    corpora: Corpora | None = Field(
        default=None, description="The training corpora, in the order of figures."
    )
    design: Design | None = None
    suites: dict[Name, Suite] = Field(
        default={}, description="The suites that models are scored on, each with its options."
    )

    @cached_property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """The rows of the table.

        Raises
        ------
        RelscaleError
            The table cannot be read.
        """
        return tuple(read_checkpoints(self.runs.table))

    @property
    def scored_corpora(self) -> tuple[str, ...]:
        """The corpora whose models are scored, in the order of the config, else of the table."""
        in_table = dict.fromkeys(checkpoint.corpus for checkpoint in self.checkpoints)
        in_config = [corpus for corpus in self.corpora or {} if corpus in in_table]
        return tuple(dict.fromkeys([*in_config, *in_table]))

    corpus_sources: ClassVar[tuple[str, ...]] = ()
    planned_widths: ClassVar[Mapping[float, Sequence[int]]] = MappingProxyType({})


class MeasurementExperiment(_AnyExperiment):
    """An experiment on published measurements."""

    runs: PublishedMeasurements
    suites: dict[Name, PublishedSuite] = Field(
        default={}, description="Titles, labels and baselines of suites in figures, by name."
    )

    scored_corpora: ClassVar[tuple[str, ...]] = ()
    corpus_sources: ClassVar[tuple[str, ...]] = ()
    planned_widths: ClassVar[Mapping[float, Sequence[int]]] = MappingProxyType({})


ScoredExperiment = TrainingExperiment | CheckpointExperiment
"""An experiment whose models are scored."""

Experiment = ScoredExperiment | MeasurementExperiment
"""Any of the three types."""

BY_SOURCE: dict[str, type[Experiment]] = {
    "train": TrainingExperiment,
    "checkpoints": CheckpointExperiment,
    "measurements": MeasurementExperiment,
}
