"""How much of a training run is needed to predict the largest model's final loss?

    error = mean |L̂ − L| / L over the end of the largest model's training, L̂ from a law fitted to the first share of
    another model's training

A law fitted to a single curve needs fixed parameters, such as A and α of parametric. The error of persistence, the last
observed loss as the forecast, is given for comparison. A fit with as many points as free parameters is uninformative
and has a note.

Source: Choshen et al., *A Hitchhiker's Guide to Scaling Law Estimation*, arXiv 2410.11840.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import estimate
from relscale.fixed_parameters import fixed_parameters
from relscale.laws.catalogue import law as law_of
from relscale.laws.law import Array, Law
from relscale.laws.predictor_columns import check_predictor_columns
from relscale.storage.column_arrays import Columns, rows_by_name
from relscale.storage.rows import column

TOGETHER = 2**20  # numbers in the predictors of curves that are fitted together


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimationRow:
    """One row per model and share of its training."""

    model: str = column("The model whose curve is fitted.")
    share: float = column("Share of its training that the fit uses.")
    points: int = column("Number of points of that part.")
    error: float | None = column("Mean absolute relative error for the largest model.", "%", default=None)
    persistence: float | None = column(
        "The same error for persistence: the last observed loss as the forecast.", "%", default=None
    )
    note: str | None = column("Caveats.", default=None)


ROW = EstimationRow


def rows(
    table: Columns,
    *,
    x: tuple[str, ...],
    y: str,
    model: str,
    law: str = "parametric",
    fix: tuple[str, ...] = (),
    shares: tuple[str, ...] = ("0.1", "0.3", "0.5", "1"),
    from_tokens: float = 0.0,
    judged: float = 0.7,
) -> Iterator[EstimationRow]:
    """Prediction error for the largest model, by model and share of its curve.

    Parameters
    ----------
    x
        Columns of the law's predictors: the model size first, the quantity that grows during training last. Rows with
        missing predictors are excluded.
    y
        Column of the loss.
    model
        Column of the model that a point belongs to.
    law
        The law.
    fix
        Fixed parameters: A=520.8,alpha=0.35.
    shares
        Shares of a training run used in the fit.
    from_tokens
        Exclude points with the last predictor up to this value.
    judged
        Share of the largest model's training after which predictions are evaluated.

    Raises
    ------
    RelscaleError
        A column is missing or not positive, there is only one model, or a parameter or share is not a number.
    """
    fixed, fitted_law = fixed_parameters(fix, "fix"), law_of(law, x)
    check_predictor_columns(fitted_law, x)
    if not 0 <= judged <= 1:
        raise RelscaleError(f"judged: {judged:g} is not a share from 0 to 1")
    table = table.without_blanks((*x, y), (model,))
    points, loss, names = (
        np.stack([table.positive(column) for column in x]),
        table.positive(y),
        table.labels(model),
    )
    known_rows = np.isfinite(points).all(axis=0) & np.isfinite(loss)
    rows_in_order = np.flatnonzero(known_rows)[np.argsort(points[-1, known_rows], kind="stable")]
    points, loss, names = points[:, rows_in_order], loss[rows_in_order], names[rows_in_order]
    curves = {name: (points[:, rows], loss[rows]) for name, rows in rows_by_name(names).items()}
    if len(curves) < 2:
        raise RelscaleError(f"column {model!r} has one model; name the column that identifies a model")
    largest = max(curves, key=lambda name: float(curves[name][0][0, 0]))
    free = len(fitted_law.names) - len(fixed)
    for share in _numbers(shares):
        known = {name: known_part(*curve, share, from_tokens) for name, curve in curves.items()}
        enough = {name: part for name, part in known.items() if len(part[1]) >= free}
        theta = dict(zip(enough, fitted(fitted_law, list(enough.values()), fixed), strict=True))
        for name, (_, measured) in known.items():
            if name not in theta:
                few = f"{len(measured)} points for {free} free parameters"
                yield EstimationRow(model=name, share=share, points=len(measured), note=few)
                continue
            yield EstimationRow(
                model=name,
                share=share,
                points=len(measured),
                error=error_ahead(fitted_law, theta[name], *curves[largest], judged),
                persistence=last_error(measured, *curves[largest], judged),
                note="as many points as free parameters: the fit is exact and uninformative"
                if len(measured) == free
                else None,
            )


def known_part(x: Array, y: Array, share: float, from_tokens: float) -> tuple[Array, Array]:
    """The points of a curve before a share of its training, as in the paper; share 1 excludes the last point."""
    selected = (x[-1] > from_tokens) & (x[-1] < share * x[-1].max())
    return x[:, selected], y[selected]


def fitted(law: Law, curves: Sequence[tuple[Array, Array]], fixed: dict[str, float]) -> list[Array]:
    """The parameters (q,) of each curve x (p, n), y (n,).

    Curves of about the same length are fitted together, unless the law has bounds in the units of the data, which
    would be those of all of them.
    """
    alike = defaultdict(list)
    for i, (_, y) in enumerate(curves):
        alike[len(y).bit_length() if law.limits is None else -i].append(i)
    result: list[Array] = [np.empty(0)] * len(curves)
    for same in alike.values():
        most = max(1, TOGETHER // max(curves[i][0].size for i in same))
        for some in (same[first : first + most] for first in range(0, len(same), most)):
            longest = max(len(curves[i][1]) for i in some)
            left = [longest - len(curves[i][1]) for i in some]
            xs = [
                np.pad(curves[i][0], ((0, 0), (0, n)), mode="edge") for i, n in zip(some, left, strict=True)
            ]
            ys = [np.pad(curves[i][1], (0, n), mode="edge") for i, n in zip(some, left, strict=True)]
            weights = np.arange(longest)[:, None] < longest - np.array(left)
            found = estimate(
                law, np.stack(xs, -1), np.stack(ys, -1), weights=weights, residual="linear", fixed=fixed
            )
            for i, theta in zip(some, found.theta.T, strict=True):
                result[i] = theta
    return result


def relative_error(
    law: Law, x: Array, y: Array, ahead: Array, measured: Array, fixed: dict[str, float], judged: float
) -> float:
    """Mean absolute relative error (%) of the largest model's last losses, predicted from part of another curve."""
    (theta,) = fitted(law, [(x, y)], fixed)
    return error_ahead(law, theta, ahead, measured, judged)


def error_ahead(law: Law, theta: Array, ahead: Array, measured: Array, judged: float) -> float:
    """The same error of known parameters (q,)."""
    late = ahead[-1] >= judged * ahead[-1].max()
    off = np.abs(law.value(theta, ahead[:, late]) - measured[late]) / measured[late]
    return float(100 * np.mean(off))


def last_error(y: Array, ahead: Array, measured: Array, judged: float) -> float:
    """The same error for persistence, which forecasts the last of the losses ``y`` in the order of training."""
    late = ahead[-1] >= judged * ahead[-1].max()
    return float(100 * np.mean(np.abs(y[-1] - measured[late]) / measured[late]))


def _numbers(texts: tuple[str, ...]) -> list[float]:
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        raise RelscaleError(f"shares: {','.join(texts)} are not all numbers") from None
    if not all(0 < number <= 1 for number in numbers):
        raise RelscaleError(f"shares: {','.join(texts)} are not all above 0 and up to 1")
    return numbers
