"""The optimal mixture of an experiment's parts under a mixture law of its config, as a corpus to train on."""

from collections.abc import Iterable, Mapping, Sequence

from relscale.design.mixtures import DIGITS
from relscale.errors import RelscaleError
from relscale.experiments.experiment import TrainingExperiment
from relscale.fitting.core_options import FurtherLaw
from relscale.fitting.estimation.tried_mixtures import check_equal_points
from relscale.measurements.measurement import SHARE
from relscale.questions.fitted_mixtures import LAWS
from relscale.suggestions import suggestion
from relscale.tokens.options import Corpus, MixturePart, Part


def mixture_law(laws: Sequence[FurtherLaw], name: str | None) -> FurtherLaw:
    """The mixture law under ``fit.laws``; by its name if there are several.

    Raises
    ------
    RelscaleError
        There is none, or several and no name is given; or its options require another fit than ordinary least squares.
    """
    mixture_laws = {law.name: law for law in laws if law.law in LAWS}
    if not mixture_laws:
        raise RelscaleError(f"fit.laws has no mixture law; add one of {', '.join(LAWS)}")
    if name is None and len(mixture_laws) > 1:
        raise RelscaleError(
            f"fit.laws has several mixture laws; choose one with --fit: {', '.join(mixture_laws)}"
        )
    if name is not None and name not in mixture_laws:
        raise RelscaleError(f"no mixture law {name!r} under fit.laws; {suggestion(name, mixture_laws)}")
    law = mixture_laws[name or next(iter(mixture_laws))]
    check_equal_points(law)
    return law


def prior_shares(experiment: TrainingExperiment, corpus: str, shares: Sequence[str]) -> tuple[float, ...]:
    """The shares of a corpus of the config, in the order of the columns ``shares``.

    Raises
    ------
    RelscaleError
        There is no such corpus, or one of its parts has no column.
    """
    if corpus not in experiment.corpora:
        raise RelscaleError(f"--prior: no corpus {corpus!r}; {suggestion(corpus, experiment.corpora)}")
    prior = {SHARE + part: share for part, share in experiment.corpora[corpus].shares.items()}
    for column in prior:
        if column not in shares:
            raise RelscaleError(
                f"--prior: the corpus {corpus!r} has the part {column.removeprefix(SHARE)!r}, which is not in the "
                "law's mixtures"
            )
    return tuple(prior.get(column, 0.0) for column in shares)


def next_corpus(experiment: TrainingExperiment, shares: Mapping[str, float]) -> list[Part]:
    """The parts of a corpus with the given shares by column, without parts of weight 0.

    Raises
    ------
    RelscaleError
        No corpus has such a part, or corpora have different parts of the same name.
    """
    parts = parts_by_name(experiment)
    weighted = []
    for column, share in shares.items():
        label = column.removeprefix(SHARE)
        if label not in parts:
            raise RelscaleError(
                f"{column}: no corpus of the config has a part of this name; {suggestion(label, parts)}"
            )
        if len(parts[label]) > 1:
            raise RelscaleError(
                f"{column}: corpora of the config have different parts of this name; rename one"
            )
        weight = round(share, DIGITS)
        if weight > 0:
            options = parts[label][0].model_dump(exclude_none=True)
            weighted.append(Part(**options, name=label, weight=weight))
    return weighted


def parts_by_name(experiment: TrainingExperiment) -> dict[str, list[MixturePart]]:
    """The distinct parts of each name in mixtures, or, for names in no mixture, in corpora of a single source."""
    corpora = experiment.corpora.values()
    single = _distinct_parts(corpus for corpus in corpora if not corpus.parts)
    return single | _distinct_parts(corpus for corpus in corpora if corpus.parts)


def _distinct_parts(corpora: Iterable[Corpus]) -> dict[str, list[MixturePart]]:
    parts: dict[str, list[MixturePart]] = {}
    for corpus in corpora:
        for part in corpus.mixture:
            unnamed = MixturePart(**part.model_dump(exclude={"name", "weight"}))
            if unnamed not in parts.setdefault(part.label, []):
                parts[part.label].append(unnamed)
    return parts
