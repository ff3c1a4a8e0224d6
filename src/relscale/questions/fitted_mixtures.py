"""Laws of data mixtures fitted to measured mixtures, and the mean of their targets as a function of the shares."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.levenberg_marquardt import OF_A_DRAW
from relscale.fitting.inference.bootstrap.schemes import resampled_counts
from relscale.fixed_parameters import fixed_parameters
from relscale.laws.catalogue import law_or_family
from relscale.laws.law import Array, Family, Law
from relscale.laws.predictor_columns import check_shares
from relscale.storage.column_arrays import Columns
from relscale.suggestions import suggestion

LAWS = ("mixture_additive", "mixture_loglinear", "information", "multilingual")  # of shares
OF_AMOUNTS = ("flp_m",)


@dataclass(frozen=True)
class MeanTarget:
    """Weighted mean of several targets as a function of the shares, each by a law with its own parameters.

    Attributes
    ----------
    theta
        (q, targets).
    before, after
        Values of the predictors before and after the shares.
    weights
        (targets,) weights of the mean.
    amount
        The sum of the law's parts, 1 for shares.
    """

    law: Law
    theta: Array
    before: Array
    after: Array
    weights: Array
    amount: float = 1.0

    def of(self, shares: Array) -> Array:
        """The mean (n,) at shares (k, n)."""
        around = [np.repeat(values[:, None], shares.shape[1], axis=1) for values in (self.before, self.after)]
        x = np.concatenate([around[0], self.amount * shares, around[1]])
        return np.asarray(self.law.value(self.theta, x[..., None]) @ self.weights)

    def at(self, shares: Array) -> float:
        """The mean at one mixture (k,)."""
        return float(self.of(shares[:, None])[0])


@dataclass(frozen=True)
class MixtureFit:
    """A law fitted to n mixtures of k parts, for t targets.

    Attributes
    ----------
    points
        (p, n) its predictors.
    targets
        (n, t).
    theta
        (q, t) the parameters of each target.
    residual
        log or linear.
    parts
        Position of the shares among the predictors.
    total
        Name of the sum of the parts, if they are amounts instead of shares.
    known
        (rows,) which rows of the table are complete; these are the n mixtures.
    """

    law: Law
    points: Array
    targets: Array
    theta: Array
    residual: str
    parts: slice
    known: NDArray[np.bool_]
    total: str = ""

    @property
    def shares(self) -> Array:
        """The shares (k, n)."""
        amounts = self.points[self.parts]
        return np.asarray(amounts / amounts.sum(axis=0)) if self.total else amounts

    @property
    def other_predictors(self) -> dict[str, Array]:
        """The predictors other than the shares, (n,) each."""
        found = {
            name: values
            for i, (name, values) in enumerate(zip(self.law.predictors, self.points, strict=True))
            if not self.parts.start <= i < self.parts.stop
        }
        return found | ({self.total: self.points[self.parts].sum(axis=0)} if self.total else {})

    @property
    def values(self) -> Array:
        """The fitted values (n, t)."""
        return self.law.value(self.theta, self.points[..., None])

    def resampled(self, draws: int, seed: int) -> Iterator[Array]:
        """The parameters (q, t) of each resample of the mixtures to which all targets could be fitted."""
        if draws < 2:
            return
        resampled = resampled_counts(len(self.targets), draws, np.random.default_rng(seed))
        of_target = [
            estimate(
                self.law,
                self.points,
                self.targets[:, j],
                weights=resampled,
                residual=self.residual,
                starts=self.theta[:, j][None],
                tolerance=OF_A_DRAW,
            ).theta
            for j in range(self.targets.shape[1])
        ]
        for d in range(draws):
            parameters = np.stack([theta[:, d] for theta in of_target], axis=1)
            if np.isfinite(parameters).all():
                yield parameters

    def given(self, at: tuple[str, ...]) -> dict[str, float]:
        """Values of the predictors other than the shares: as given, or the table's if it is constant.

        Raises
        ------
        RelscaleError
            A value is not positive, of no such predictor, or missing while the table's rows differ.
        """
        values, in_data = fixed_parameters(at, "at"), self.other_predictors
        unknown = [name for name in values if name not in in_data]
        if unknown:
            raise RelscaleError(
                f"at: law {self.law.name} has no predictor {unknown[0]!r} other than the shares; "
                + (f"it has {', '.join(in_data)}" if in_data else "it has none")
            )
        for name, known in in_data.items():
            if name not in values and known.min() != known.max():
                raise RelscaleError(
                    f"at: {name} differs between rows, from {known.min():g} to {known.max():g}; give one"
                )
            if not values.setdefault(name, float(known[0])) > 0:
                raise RelscaleError(f"at: {name} is {values[name]:g}, not positive")
        return {name: values[name] for name in in_data}

    def mean(self, weights: Array, given: Mapping[str, float]) -> MeanTarget:
        """The weighted mean of the targets, where the predictors other than the shares have the given values."""
        values = np.array(list(given.values()))
        amount, around = (float(values[-1]), values[:-1]) if self.total else (1.0, values)
        first = self.parts.start
        return MeanTarget(self.law, self.theta, around[:first], around[first:], weights, amount)


def fitted_mixtures(
    table: Columns, x: tuple[str, ...], y: tuple[str, ...], law: str, residual: str
) -> MixtureFit:
    """Fit a law of mixtures to the complete rows of a table.

    Parameters
    ----------
    x, y
        Columns of the shares, and of the targets.
    residual
        log or linear.

    Raises
    ------
    RelscaleError
        There is no such law or column, the parts are not shares or amounts, or there are fewer mixtures than
        parameters.
    """
    if law not in (*LAWS, *OF_AMOUNTS):
        raise RelscaleError(f"law: {law!r} is not a mixture law; {suggestion(law, (*LAWS, *OF_AMOUNTS))}")
    family = law_or_family(law)
    assert isinstance(family, Family)
    fitted_law, first = family.make_law(x), len(family.first_predictors)
    parts = slice(first, first + len(x))
    points = np.stack([table.numbers(column) for column in family.columns(x)])
    targets = np.stack([table.numbers(column) for column in y], 1)
    known = np.asarray(np.isfinite(points).all(axis=0) & np.isfinite(targets).all(axis=1))
    points, targets = points[:, known], targets[known]
    if len(targets) <= len(fitted_law.names):
        raise RelscaleError(
            f"{len(targets)} mixtures, but {law} has {len(fitted_law.names)} parameters; more mixtures are needed"
        )
    sums, negative = points[parts].sum(axis=0), (points[parts] < 0).any()
    if family.total and (negative or not (sums > 0).all()):
        raise RelscaleError(
            f"{', '.join(x)}: these are not amounts, none negative and one positive in every row"
        )
    if not family.total:
        check_shares(x, points[parts])
    if (np.delete(points, parts, axis=0) <= 0).any():
        raise RelscaleError(f"law {law}: its predictors other than the shares are not positive in every row")
    theta = estimate(fitted_law, points, targets, residual=residual).theta
    if not np.isfinite(theta).all():
        raise RelscaleError(f"law {law}: it could not be fitted to these mixtures")
    return MixtureFit(fitted_law, points, targets, theta, residual, parts, known, family.total)
