"""Optimal mixtures under the laws of the config that request them, and the mixtures that the laws were fitted to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from relscale.errors import RelscaleError, keyed
from relscale.fitting.core_options import FurtherLaw, MixtureOptimum
from relscale.fitting.estimation.law_points import numbers_of, select
from relscale.fitting.estimation.tried_mixtures import TriedMixtures, check_equal_points, tried_mixtures
from relscale.fitting.settings import Settings
from relscale.fitting.status import Status
from relscale.questions import mixture
from relscale.questions.fitted_mixtures import LAWS, MixtureFit, fitted_mixtures
from relscale.questions.limits import joined_notes
from relscale.storage.rows import column, fields_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureOptimumRow(mixture.MixtureRow):
    """One row per law of mixtures and part, one for the mean of its targets and one for the divergence."""

    fit: str = column("Name of the further law in the config.")
    law: str = column("Name of the law.")
    kl: float = column("Weight of the divergence from the prior, in the targets' unit per nat.")
    status: Status = column("ok, or why the row cannot be used.")


@dataclass(frozen=True, slots=True, kw_only=True)
class MixturePointRow:
    """One row per law of mixtures, target and mixture that it was fitted to."""

    fit: str = column("Name of the further law in the config.")
    law: str = column("Name of the law.")
    run: str = column("The model.")
    target: str = column("The target: the values of the law's `by`.")
    metric: str | None = column("Metric of the values; missing if targets differ in it.", default=None)
    observed: float = column("The measured value.")
    fitted: float = column("The fitted value; the fit includes this model.")
    status: Status = column("ok, or why the row cannot be used.")


def check_mixture_law(entry: FurtherLaw) -> None:
    """Refuse a law that is no mixture law, or that is not fitted by unweighted least squares."""
    if entry.law not in LAWS:
        raise RelscaleError(
            f"fit.laws.{entry.name}.optimum: {entry.law} is not a mixture law; remove it, or use one of "
            + ", ".join(LAWS)
        )
    check_equal_points(entry)


def mixture_optima(
    measurements: pa.Table, settings: Settings
) -> tuple[list[MixtureOptimumRow], list[MixturePointRow]]:
    """Rows of the tables ``mixtures`` and ``mixture_points``.

    Raises
    ------
    RelscaleError
        A law with ``optimum`` is not a mixture law, or cannot be fitted; the message begins with its key.
    """
    optima: list[MixtureOptimumRow] = []
    fitted: list[MixturePointRow] = []
    for entry in settings.laws:
        options = entry.optimum
        if options is None:
            continue
        check_mixture_law(entry)
        tried = tried_mixtures(measurements, entry)
        place = f"fit.laws.{entry.name}.optimum"
        prior = _prior(measurements, tried, options.prior, f"{place}.prior") if options.prior else ()
        with keyed(place):
            fit = fitted_mixtures(tried.columns, tried.shares, tried.targets, entry.law, entry.residual)
            optima += _optimum(fit, entry, options, prior, settings.seed, tried.incomplete)
        fitted += _points(tried, fit, entry)
    return optima, fitted


def _optimum(
    fit: MixtureFit,
    entry: FurtherLaw,
    options: MixtureOptimum,
    prior: tuple[str, ...],
    seed: int,
    incomplete: int,
) -> Iterator[MixtureOptimumRow]:
    rows = mixture.optimum(
        fit, within=options.within, kl=options.kl, prior=prior, draws=options.draws, seed=seed
    )
    missing = f"models left out: {incomplete}, without a target or a predictor" if incomplete else ""
    for row in rows:
        if row.quantity == mixture.MEAN:
            row = replace(row, note=joined_notes(row.note, missing))
        yield MixtureOptimumRow(
            **fields_of(row), fit=entry.name, law=entry.law, kl=options.kl, status=Status.OK
        )


def _prior(measurements: pa.Table, tried: TriedMixtures, corpus: str, place: str) -> tuple[str, ...]:
    """The shares of a corpus, as text."""
    first = select(measurements, {"corpus": corpus}, place)
    shares = [float(numbers_of(first, name)[0]) for name in tried.shares]
    return tuple(map(str, np.nan_to_num(shares)))


def _points(tried: TriedMixtures, fit: MixtureFit, entry: FurtherLaw) -> Iterator[MixturePointRow]:
    runs = [run for run, known in zip(tried.runs, fit.known, strict=True) if known]
    for target, observed, fitted in zip(tried.targets, fit.targets.T, fit.values.T, strict=True):
        for run, value, of_law in zip(runs, observed, fitted, strict=True):
            yield MixturePointRow(
                fit=entry.name,
                law=entry.law,
                run=run,
                target=target,
                metric=tried.metric,
                observed=float(value),
                fitted=float(of_law),
                status=Status.OK,
            )
