"""The table ``fits``: one row per fitted parameter and estimand."""

from dataclasses import dataclass

from relscale.fitting.inference.direction import Direction
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import Method
from relscale.fitting.keys import CurveKey
from relscale.fitting.status import Status
from relscale.rows import column


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterRow(CurveKey):
    """One row per fitted parameter and estimand, with interval and p-value."""

    fit: str | None = column("Name of a further law that the config asks for, else null.", default=None)
    law: str = column("Name of the law.")
    parameter: str | None = column("Name of the parameter.", default=None)
    predictor: str | None = column("Predictor of the law.", default=None)
    value: float | None = column("The estimate.", default=None)
    stderr: float | None = column("Its standard error.", default=None)
    low: float | None = column(
        "Lower limit of the interval of this number alone, not adjusted for how many there are.", default=None
    )
    high: float | None = column("Its upper limit.", default=None)
    level: float | None = column("Confidence level of the interval.", default=None)
    df: float | None = column("Degrees of freedom of the interval.", default=None)
    share: float | None = column(
        "Share of the variance that is known to these degrees of freedom only, that of the runs; the interval is "
        "value ∓ stderr · (k + (t at df − k) · share), k being t at items_df.",
        default=None,
    )
    items_df: float | None = column(
        "Degrees of freedom of the rest of the variance, clusters of items − 1; null where it is known well.",
        default=None,
    )
    correlation: float | None = column(
        "Correlation of the line's level at the reference compute and its slope.", default=None
    )
    method: Method | None = column("How the interval was made.", default=None)
    method_note: str | None = column("Details of the method, such as the number of draws.", default=None)
    estimand: Estimand | None = column("What the interval generalises over.", default=None)
    p_value: float | None = column("Two-sided p-value of no effect: Δβ = 0, β = 0 or G = 1.", default=None)
    p_bh: float | None = column(
        "Benjamini–Hochberg's p-value over the family: all groups, corpora and optimizers of one suite, "
        "prompt, metric and method.",
        default=None,
    )
    p_by: float | None = column("Benjamini–Yekutieli's, over the same family.", default=None)
    n: int | None = column("Points that the law is fitted to.", default=None)
    reference_flops: float | None = column(
        "Compute at which the level is given: the geometric mean of the fitted points.",
        "FLOPs",
        default=None,
    )
    flops_low: float | None = column("Least compute of the fitted points.", "FLOPs", default=None)
    flops_high: float | None = column("Largest compute of the fitted points.", "FLOPs", default=None)
    interval_direction: Direction | None = column(
        "For Δβ: whether the gap closes or widens from the least to the largest compute, by the limits of this row "
        "alone; the verdicts account for how many gaps were tested.",
        default=None,
    )
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.", default=None)
