"""Columns of a table as a law's predictors: as many as it has, in its order, and shares between 0 and 1."""

from collections.abc import Sequence
from math import sqrt

from relscale.errors import RelscaleError
from relscale.laws.law import Array, Law

ROUNDING = 0.01 / sqrt(12)  # standard error of a share with two digits, as published ones have
DEVIATIONS = 5  # standard errors by which a sum may be off
LEAST = 0.02  # of the sum of any number of shares
PRECISION = 1e-9  # of the sum itself
NAMED = 8  # columns at most in a message, of which there may be a hundred


def check_predictor_columns(law: Law, columns: Sequence[str], *, computed: bool = False) -> None:
    """Refuse columns that are not one per predictor, or that have the names of the law's predictors in another order.

    Parameters
    ----------
    computed
        Whether the predictors of a law of training curves are computed from the columns, which are then its
        ``source_columns``.

    Raises
    ------
    RelscaleError
        The columns cannot be these predictors.

    Examples
    --------
    >>> from relscale.laws.catalogue import law
    >>> check_predictor_columns(law("parametric"), ["N", "D"])
    >>> check_predictor_columns(law("parametric"), ["tokens", "params"])
    Traceback (most recent call last):
    relscale.errors.RelscaleError: x: the law 'parametric' has the predictors params, tokens, in this order, but \
column 'tokens' is given as its params
    """
    predictors = law.source_columns if computed and law.source_columns else law.predictors
    has = f"x: the law {law.name!r} has the predictors {_listed(predictors)}"
    source = next((column for column in columns if column in law.source_columns and not computed), None)
    if source is not None:
        raise RelscaleError(f"{has}, which only relscale fit computes from {source!r}; give a column of each")
    if len(columns) != len(predictors):
        raise RelscaleError(f"{has}, but {len(columns)} columns are given")
    for predictor, column in zip(predictors, columns, strict=True):
        if column != predictor and column in predictors:
            raise RelscaleError(f"{has}, in this order, but column {column!r} is given as its {predictor}")


def check_shares(columns: Sequence[str], shares: Array, least_sum: float = 1.0) -> None:
    """Refuse columns (k, n) that are not shares of 1, such as percentages or tokens.

    Parameters
    ----------
    least_sum
        The least sum of a row's shares: 1, or 0 if some parts may have no column.

    Raises
    ------
    RelscaleError
        A share is negative, or the shares of a row have another sum.

    Examples
    --------
    >>> import numpy as np
    >>> check_shares(["web", "code"], np.array([[0.5, 1.0], [0.5, 0.0]]))
    >>> check_shares(["web", "code"], np.array([[50.0, 100.0], [50.0, 0.0]]))
    Traceback (most recent call last):
    relscale.errors.RelscaleError: web, code: these are not shares that sum to 1 in every row; a row sums to 100
    """
    sums = shares.sum(axis=0)
    off = max(LEAST, DEVIATIONS * ROUNDING * sqrt(len(columns))) + PRECISION
    is_share = (shares >= 0).all(axis=0) & (sums >= least_sum - off) & (sums <= 1 + off)
    if not is_share.all():
        most = "1" if least_sum == 1 else "at most 1"
        found = f"a row sums to {sums[~is_share][0]:g}" if (shares >= 0).all() else "one is negative"
        raise RelscaleError(
            f"{_listed(columns)}: these are not shares that sum to {most} in every row; {found}"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= NAMED else f"{names[0]} to {names[-1]} ({len(names)} columns)"
