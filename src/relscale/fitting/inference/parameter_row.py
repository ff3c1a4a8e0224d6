"""The table ``fits``: one row per fitted parameter and estimand."""

from dataclasses import dataclass

from relscale.fitting.inference.direction import Direction
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import Method
from relscale.fitting.keys import CurveKey
from relscale.fitting.status import Status
from relscale.storage.rows import column


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterRow(CurveKey):
    """One row per fitted parameter and estimand, with interval and p-value."""

    fit: str | None = column(
        "Name of the further law in the config; null for the standard laws.", default=None
    )
    law: str = column("Name of the law.")
    parameter: str | None = column("Name of the parameter.", default=None)
    predictor: str | None = column("Predictor of the law.", default=None)
    value: float | None = column("The estimate.", default=None)
    stderr: float | None = column("Its standard error.", default=None)
    low: float | None = column("Lower limit of the interval, not adjusted for multiplicity.", default=None)
    high: float | None = column("Upper limit.", default=None)
    level: float | None = column("Confidence level of the interval.", default=None)
    df: float | None = column("Degrees of freedom of the interval.", default=None)
    share: float | None = column(
        "Share of the variance that has df degrees of freedom, which is that of the runs; the interval is value ∓ "
        "stderr · (k + (t at df − k) · share), where k is t at items_df.",
        default=None,
    )
    items_df: float | None = column(
        "Degrees of freedom of the remaining variance, clusters of items − 1; null if it is taken as known.",
        default=None,
    )
    correlation: float | None = column(
        "Correlation between the line's level at the reference compute and its slope.", default=None
    )
    method: Method | None = column("How the interval was made.", default=None)
    method_note: str | None = column("Details of the method, such as the number of draws.", default=None)
    estimand: Estimand | None = column("What the interval generalises over.", default=None)
    p_value: float | None = column("Two-sided p-value of no effect: Δβ = 0, β = 0 or G = 1.", default=None)
    p_bh: float | None = column(
        "p-value adjusted by Benjamini–Hochberg over the family: all groups, corpora and optimizers of one suite, "
        "prompt, metric and method.",
        default=None,
    )
    p_by: float | None = column("p-value adjusted by Benjamini–Yekutieli over the same family.", default=None)
    n: int | None = column("Number of points that the law is fitted to.", default=None)
    reference_flops: float | None = column(
        "Reference compute of the level: the geometric mean of the fitted points.",
        "FLOPs",
        default=None,
    )
    flops_low: float | None = column("Smallest compute of the fitted points.", "FLOPs", default=None)
    flops_high: float | None = column("Largest compute of the fitted points.", "FLOPs", default=None)
    interval_direction: Direction | None = column(
        "For Δβ: whether the gap closes or widens from the smallest to the largest compute, by the limits of this "
        "row alone; verdicts account for multiplicity.",
        default=None,
    )
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.", default=None)
