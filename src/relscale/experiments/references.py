"""Checks of a config beyond its schema: entries that refer to others."""

from relscale.errors import RelscaleError
from relscale.experiments.experiment import TrainingExperiment
from relscale.experiments.messages import unknown_name
from relscale.suggestions import suggestion
from relscale.tokens.options import Corpus, MixturePart

CHANGES_NO_NUMBER = "checks the config, and changes nothing in it"


def check_corpora(experiment: TrainingExperiment) -> None:
    """Check that the sources of corpora exist, and the suites from which they are decontaminated."""
    mixtures = experiment.design.mixtures
    parts: list[tuple[str, MixturePart]] = [
        (f"design.mixtures.parts.{name}", part) for name, part in (mixtures.parts if mixtures else {}).items()
    ]
    parts += [
        (f"corpora.{name}", part) for name, corpus in experiment.corpora.items() for part in corpus.mixture
    ]
    for key, part in parts:
        if part.source not in experiment.sources:
            raise RelscaleError(
                f"{key}.source: no source {part.source!r}; {suggestion(part.source, experiment.sources, 'sources:')}"
            )
    for name, corpus in experiment.corpora.items():
        _check_pruning(name, corpus, experiment)
        for suite in corpus.decontaminate.suites if corpus.decontaminate else ():
            if suite not in experiment.suites:
                raise RelscaleError(
                    f"corpora.{name}.decontaminate: no suite {suite!r}; suites: "
                    f"{', '.join(experiment.suites) or 'none'}"
                )


def _check_pruning(name: str, corpus: Corpus, experiment: TrainingExperiment) -> None:
    """Check that a pruned corpus is not streamed, and that its reference is another corpus, not pruned by loss."""
    if corpus.prune is None:
        return
    key, reference = f"corpora.{name}.prune", corpus.prune.reference
    if experiment.is_streamed(name):
        raise RelscaleError(f"{key}: a source on the hub is streamed and cannot be pruned; remove it")
    if reference is not None and (reference == name or reference not in experiment.corpora):
        others = [corpus_name for corpus_name in experiment.corpora if corpus_name != name]
        raise RelscaleError(unknown_name(f"{key}.reference", "other corpus", reference, others))
    reference_prune = experiment.corpora[reference].prune if reference is not None else None
    if reference_prune is not None and reference_prune.score == "loss":
        raise RelscaleError(
            f"{key}.reference: {reference} is pruned by loss itself; name a corpus that is not"
        )


def check_budgets(experiment: TrainingExperiment) -> None:
    """Check that options per budget are for budgets of the design, each given once."""
    design = experiment.design
    budgets = set(design.budgets)
    if len(budgets) < len(design.budgets):
        raise RelscaleError("design.budgets: the same budget is listed twice")
    for key, by_budget in (("widths", design.widths), ("seeds", design.seeds)):
        seen: set[float] = set()
        for budget in by_budget if isinstance(by_budget, dict) else ():
            value = _float(budget)
            if value is None or value not in budgets:
                raise RelscaleError(f"design.{key}: {budget} is not among the budgets")
            if value in seen:
                raise RelscaleError(f"design.{key}: the budget {budget} is listed twice")
            seen.add(value)


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
