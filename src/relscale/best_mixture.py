"""The best mixture of an experiment's parts, by a law of its config: what was tried, and what to train on next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from relscale.column_arrays import Columns
from relscale.design.mixtures import DIGITS
from relscale.errors import RelscaleError
from relscale.experiment import TrainingExperiment
from relscale.fitting.core_options import FurtherLaw
from relscale.fitting.estimation.law_columns import law_columns
from relscale.fitting.estimation.law_points import ModelKey, Points, distinct, held_in, points, select
from relscale.laws.catalogue import law_or_family
from relscale.laws.law import Family
from relscale.measurements.measurement import SHARE
from relscale.questions.mixture import LAWS
from relscale.suggestions import suggestion
from relscale.tokens.options import MixturePart, Part

# Options of a law's fit that the best mixture does not know.
OTHER_FITS = ("fixed", "anchor", "loss", "weights", "leave_out_highest")


@dataclass(frozen=True)
class TriedMixtures:
    """The mixtures that models were trained on, one row per model.

    Attributes
    ----------
    columns
        The predictors as the law calls them, and a column per target.
    shares, targets
        The names of those of the parts, and of the targets.
    """

    columns: Columns
    shares: tuple[str, ...]
    targets: tuple[str, ...]


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
    others = [
        option for option in OTHER_FITS if getattr(law, option) != FurtherLaw.model_fields[option].default
    ]
    if others:
        raise RelscaleError(
            f"fit.laws.{law.name}: the best mixture is by least squares of equal points, without {', '.join(others)}; "
            "leave these out, or add a law without them"
        )
    return law


def tried_mixtures(measurements: pa.Table, entry: FurtherLaw) -> TriedMixtures:
    """The models that a law of the config is fitted to; a target for each value of its ``by``.

    Raises
    ------
    RelscaleError
        Columns or measurements are missing, or a model has several values of a target.
    """
    place = f"fit.laws.{entry.name}"
    try:
        of = law_columns(entry.law, entry.x, measurements)
    except RelscaleError as error:
        raise RelscaleError(f"{place}: {error}") from None
    family = law_or_family(entry.law)
    assert isinstance(family, Family)
    first = len(family.before)
    shares = of.columns[first : first + (len(of.columns) - first) // (1 + len(family.further))]
    fitted = held_in(select(measurements, entry.where or {}, place), entry, place)
    targets: dict[str, Points] = {}
    for values in distinct(fitted, entry.by, place):
        name = ", ".join(map(str, values.values())) or "value"
        rows = select(fitted, values, place) if values else fitted
        targets[name] = points(of.law, of.columns, rows, None, entry.residual == "log")
    values_of = {name: _by_model(each, f"{place}: {name}") for name, each in targets.items()}
    models = [
        key for key in next(iter(values_of.values())) if all(key in each for each in values_of.values())
    ]
    where = {row.model: i for i, row in enumerate(next(iter(targets.values())).rows)}
    x = next(iter(targets.values())).x[:, [where[key] for key in models]]
    columns = dict(zip(family.columns(shares), x, strict=True))
    if alike := set(columns) & set(values_of):
        raise RelscaleError(f"{place}: {alike.pop()!r} is a predictor and a target; give one another name")
    columns |= {name: np.array([each[key] for key in models]) for name, each in values_of.items()}
    return TriedMixtures(Columns(columns), shares, tuple(targets))


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


def _by_model(target: Points, place: str) -> dict[ModelKey, float]:
    values: dict[ModelKey, float] = {}
    for row, value in zip(target.rows, target.y, strict=True):
        if row.model in values:
            raise RelscaleError(
                f"{place}: run {row.run!r} has several values; name suite and metric under where"
            )
        values[row.model] = float(value)
    return values
