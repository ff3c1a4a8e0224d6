"""The best mixture of an experiment's parts, by a law of its config: what was tried, and what to train on next."""

from collections.abc import Mapping, Sequence

from relscale.design.mixtures import DIGITS
from relscale.errors import RelscaleError
from relscale.experiments.experiment import TrainingExperiment
from relscale.fitting.core_options import FurtherLaw
from relscale.fitting.estimation.tried_mixtures import check_equal_points
from relscale.measurements.measurement import SHARE
from relscale.questions.mixture import LAWS
from relscale.suggestions import suggestion
from relscale.tokens.options import MixturePart, Part


def mixture_law(laws: Sequence[FurtherLaw], name: str | None) -> FurtherLaw:
    """The law of mixtures under ``fit.laws``, the one of that name where there are several.

    Raises
    ------
    RelscaleError
        There is none, or several and no name; or its options ask for another fit than equal least squares.
    """
    mixture_laws = {law.name: law for law in laws if law.law in LAWS}
    if not mixture_laws:
        raise RelscaleError(f"fit.laws has no law of mixtures; add one of {', '.join(LAWS)}")
    if name is None and len(mixture_laws) > 1:
        raise RelscaleError(
            f"fit.laws has several laws of mixtures; choose by --fit: {', '.join(mixture_laws)}"
        )
    if name is not None and name not in mixture_laws:
        raise RelscaleError(f"no law of mixtures {name!r} under fit.laws; {suggestion(name, mixture_laws)}")
    law = mixture_laws[name or next(iter(mixture_laws))]
    check_equal_points(law)
    return law


def prior_shares(experiment: TrainingExperiment, corpus: str, shares: Sequence[str]) -> tuple[float, ...]:
    """The shares of a corpus of the config, in the order of these columns.

    Raises
    ------
    RelscaleError
        There is no such corpus, or a part of it is none of them.
    """
    if corpus not in experiment.corpora:
        raise RelscaleError(f"--prior: no corpus {corpus!r}; {suggestion(corpus, experiment.corpora)}")
    of_prior = {SHARE + part: share for part, share in experiment.corpora[corpus].shares.items()}
    for column in of_prior:
        if column not in shares:
            raise RelscaleError(
                f"--prior: the corpus {corpus!r} has the part {column.removeprefix(SHARE)!r}, which the law has "
                "no share of"
            )
    return tuple(of_prior.get(column, 0.0) for column in shares)


def next_corpus(experiment: TrainingExperiment, shares: Mapping[str, float]) -> list[Part]:
    """The parts of a corpus with these shares by column; without those of no weight.

    Raises
    ------
    RelscaleError
        No corpus has such a part, or corpora have different ones of its name.
    """
    parts = parts_of(experiment)
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


def parts_of(experiment: TrainingExperiment) -> dict[str, list[MixturePart]]:
    """The different parts of each name: those of mixtures, and where none has it, of corpora of one source."""
    parts: dict[str, list[MixturePart]] = {}
    for of_mixtures in (True, False):
        of_kind: dict[str, list[MixturePart]] = {}
        for corpus in experiment.corpora.values():
            for part in corpus.mixture if bool(corpus.parts) is of_mixtures else ():
                nameless = MixturePart(**part.model_dump(exclude={"name", "weight"}))
                if nameless not in of_kind.setdefault(part.label, []):
                    of_kind[part.label].append(nameless)
        parts = of_kind | parts
    return parts
