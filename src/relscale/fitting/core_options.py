"""Options of a fit other than those of single analyses: curves, lines, forecasts and further laws."""

from typing import Annotated, Literal

from pydantic import Field

from relscale.confidence import LEVEL
from relscale.experiments.section import (
    NULLABLE,
    Count,
    Fraction,
    Names,
    PathText,
    Positive,
    Section,
)

Value = str | int | float
Where = dict[str, Value | Annotated[tuple[Value, ...], Field(min_length=1)]]
"""Conditions on columns of the measurements: a value, or a list of allowed values."""


class LawBootstrap(Section):
    """Intervals of a further law from bootstrap draws."""

    scheme: Literal["pairs", "block", "residual", "parametric"] | None = Field(
        default=None, description="What is resampled."
    )
    limits: Literal["percentile", "studentised", "bca"] | None = Field(
        default=None, description="How limits are read from the draws."
    )


class MixtureOptimum(Section):
    """Mixture that minimises the weighted mean of a mixture law's predictions for its targets."""

    kl: float = Field(
        default=0.0,
        ge=0,
        description="Weight of the divergence from the prior, in the targets' unit per nat.",
    )
    prior: str | None = Field(
        default=None, description="Corpus whose shares are the prior; by default the mean of all mixtures."
    )
    within: Literal["data", "simplex"] = Field(
        default="data", description="data: no share above the largest in the data; simplex: any mixture."
    )
    draws: Count = Field(default=100, description="Resamples of the mixtures for intervals; 0 for none.")


class FurtherLaw(Section):
    """A law that is fitted to some of the measurements."""

    law: str = Field(description="A module of relscale.laws.")
    name: str = Field(
        default_factory=lambda values: str(values.get("law", "")),
        description="Name of this fit, in the column `fit` of the tables (default: that of the law).",
    )
    x: Names = Field(
        default=(),
        description="Columns of the predictors, in the law's order, if they differ from the law's names; any numeric "
        "column is allowed.",
    )
    fixed: dict[str, float] = Field(
        default={}, description="Parameters that are held fixed, and their values."
    )
    baseline: str | None = Field(
        default=None,
        description="For a law of gaps (relative, difference), the group that each other group is compared with; "
        "by default the baseline of the suite under `where`.",
    )
    where: Where | None = Field(
        default=None, description="Conditions on the measurements: columns and their values."
    )
    only: Where | None = Field(default=None, description="The subset of these measurements that is fitted.")
    predict: Where | None = Field(
        default=None, description="Held-out measurements, which are predicted and not fitted."
    )
    predictor: Where | None = Field(
        default=None,
        description="The metric of the same run that is the law's predictor, for laws from one metric to "
        "another.",
    )
    predictor_from: str | None = Field(
        default=None,
        description="For predictions, an earlier fit whose predictions of that metric are used in place "
        "of measurements.",
    )
    by: Names = Field(default=(), description="One fit per distinct value of these columns.")
    residual: Literal["log", "linear"] = Field(default="log", description="Fit residuals of log y, or of y.")
    loss: Literal["squares", "huber"] = Field(default="squares", description="Loss of the residuals.")
    delta: Positive = Field(default=1e-3, description="Threshold of Huber's loss, above which it is linear.")
    anchor: tuple[tuple[float, ...], ...] = Field(
        default=(),
        description="Further points that are known without a measurement, each with the predictors in the law's order "
        "and the value: [[0, 1]] for an accuracy of 1 at a loss of 0.",
    )
    leave_out_highest: Count = Field(
        default=0, description="Number of points with the highest values to exclude."
    )
    weights: Literal["none", "stderr"] = Field(
        default="none", description="Weights of the points: equal, or from standard errors."
    )
    method: Literal["levenberg-marquardt", "variable-projection"] = Field(
        default="levenberg-marquardt", description="The solver of least squares."
    )
    bootstrap: LawBootstrap | None = Field(
        default=None,
        description="Intervals from bootstrap draws. Without it, least squares have the t interval of the "
        "Jacobian, Huber's loss has draws of pairs, and points that share trainings have draws of "
        "trainings, all percentile.",
    )
    optimum: MixtureOptimum | None = Field(
        default=None,
        description="For a mixture law, find the optimal mixture too (tables mixtures and mixture_points); each value "
        "of `by` is a target.",
    )


class Multiplier(Section):
    """Factor of unique text that would have helped as much as mixing in other text (relscale ask multiplier)."""

    name: str = Field(description="Name of this estimate, in the column `fit` of the table multipliers.")
    where: Where = Field(default={}, description="Conditions on the measurements: columns and their values.")
    share: str = Field(description="Column of the share of the other text; 0 for runs without it.")
    unique: str = Field(default="unique_tokens", description="Column of the unique text.")
    at: str = Field(default="tokens", description="Column whose value is equal for compared runs.")
    unique_in_mixtures: float = Field(
        default=0.0,
        ge=0,
        description="Unique text of the target in every mixture, if the column includes the other text.",
    )
    noise: float = Field(
        default=0.0, ge=0, description="Standard error of the logarithm of the metric, for intervals."
    )


class ForecastTarget(Section):
    """A target of forecasts of errors and gaps."""

    training_flops: Positive = Field(description="Training compute, in FLOPs.")
    tokens_per_param: Positive | None = Field(
        default=None, description="Training tokens per parameter; parameters and tokens follow by F = 6ND."
    )
    params: Positive | None = Field(
        default=None, description="Parameters of the model, if known; they take precedence."
    )
    tokens: Positive | None = Field(
        default=None, description="Its training tokens, if known; they take precedence."
    )
    corpus: str | None = Field(default=None, description="A corpus; all by default.")


class Contrasts(Section):
    """Comparisons besides groups; each names its baseline."""

    corpus: str | None = Field(default=None, description="The corpus that the others are compared with.")
    optimizer: str | None = Field(
        default=None, description="The optimizer that the others are compared with."
    )
    columns: dict[str, Value] = Field(
        default={},
        description="Any other column of the runs, such as batch_tokens, and its baseline value; other values are "
        "compared with it within each corpus and optimizer.",
    )


class CoreOptions(Section):
    """Options of the fits to the measurements."""

    level: Fraction = Field(default=LEVEL, description="Confidence level of the intervals.")
    frontier: Literal["auto", "parabola", "all"] = Field(
        default="auto",
        description="Where a group's error is estimated: at the minima of the parabolas, or at every run.",
    )
    baselines: dict[str, str] = Field(
        default={},
        description="Per suite, the group that the others are compared with, in place of the suite's own "
        "choice; mean compares each group with the geometric mean of the others.",
    )
    metrics: dict[str, tuple[str, ...]] = Field(
        default={},
        description="Per suite, the metrics that laws and all analyses (forecasts, influence, forms, "
        "power) are computed for. By default laws are fitted to every error metric of a suite, and "
        "analyses are of the metric in its manifest. An empty list fits none.",
    )
    contrasts: Contrasts = Contrasts()
    bootstrap: Count = Field(default=1000, description="Number of draws of each bootstrap.")
    frontier_bootstrap: Annotated[Literal["pairs", "residual"] | None, NULLABLE] = Field(
        default=None,
        description="Fit the laws along the minima of the parabolas with the runs of each budget resampled "
        "too, besides the t interval.",
    )
    forecast: tuple[ForecastTarget, ...] = Field(
        default=(), description="Targets of forecasts of errors and gaps, beyond the data."
    )
    laws: tuple[FurtherLaw, ...] = Field(
        default=(), description="Further laws, each fitted to a subset of the measurements."
    )
    multipliers: tuple[Multiplier, ...] = Field(
        default=(), description="Estimates of the unique text that is worth as much as mixing in other text."
    )
    answers: Annotated[PathText | None, NULLABLE] = Field(
        default=None, description="A table of published numbers to compare the fits with."
    )
