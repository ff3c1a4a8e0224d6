"""Which metric between ln p(right) and accuracy loses predictability? Correlations with compute per item.

    r_i = corr(ln compute, score of item i) over models;    ∫ S(r) dr over [−1, 1] = 1 + mean r,    S survival of r_i

Limits of the mean are percentiles of resampled items, widened for few items; they are of these models, whose own
scatter they do not include. An item with the same score for all models has no correlation; the share of such items is
reported. The order of metrics is empirical. Checkpoints of one training run are not independent models.

Source: Schaeffer et al., *Why Has Predicting Downstream Capabilities … Remained Elusive?*, arXiv 2406.04391.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from relscale.compute_columns import check_no_logarithm, of_each
from relscale.errors import RelscaleError
from relscale.laws.law import Array
from relscale.questions.limits import factor_of_few, percentiles, widened
from relscale.questions.options import check_choice
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column
from relscale.suggestions import suggestion

RESAMPLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricChainRow:
    """One row per metric."""

    metric: str = column("The column.")
    models: int = column("Number of models with known compute.")
    items: int = column("Number of items whose score varies over models.")
    undefined: float = column("Share of the items whose score does not vary.")
    mean: float | None = column("Mean correlation of an item's score with compute.", default=None)
    low: float | None = column(
        "Lower limit of its 95% bootstrap interval over items, of these models.", default=None
    )
    high: float | None = column("Upper limit of its 95% interval.", default=None)
    median: float | None = column("Median correlation.", default=None)
    negative: float | None = column("Share of the correlations below 0.", default=None)


ROW = MetricChainRow


def rows(
    table: Columns,
    *,
    metrics: tuple[str, ...],
    item: str,
    model: str,
    compute: str,
    correlation: str = "spearman",
    lower_is_better: tuple[str, ...] = (),
    seed: int = 0,
) -> Iterator[MetricChainRow]:
    """Correlations with compute of each metric.

    Parameters
    ----------
    metrics
        Columns of an item's scores, in the order of the chain.
    item, model
        Columns of the item and of the model.
    compute
        Column of the model's training compute.
    correlation
        spearman or pearson, the latter with ln compute.
    lower_is_better
        Metrics for which lower is better, such as a Brier score.
    seed
        Seed of the resampling.

    Raises
    ------
    RelscaleError
        A column is missing, a model has two scores for an item, or fewer than three models have compute.
    """
    check_choice("correlation", correlation, "spearman", "pearson")
    unknown = [name for name in lower_is_better if name not in metrics]
    if unknown:
        raise RelscaleError(
            f"lower_is_better: {unknown[0]!r} is not one of the metrics; {suggestion(unknown[0], metrics)}"
        )
    spent = table.numbers(compute)
    check_no_logarithm(compute, spent)
    with_compute = table.where(spent > 0)
    models, row = np.unique(with_compute.labels(model).astype(str), return_inverse=True)
    items, place = np.unique(with_compute.labels(item).astype(str), return_inverse=True)
    if len(models) < 3:
        raise RelscaleError(f"{len(models)} models have compute; a correlation needs three")
    if len(set(zip(row, place, strict=True))) < len(row):
        raise RelscaleError("a model has several scores for an item; select rows with --where")
    at = np.log(of_each(with_compute.numbers(compute), row, [str(model) for model in models], compute))
    rng = np.random.default_rng(seed)
    for metric in metrics:
        scores = np.full((len(models), len(items)), np.nan)
        scores[row, place] = with_compute.numbers(metric) * (-1 if metric in lower_is_better else 1)
        r = correlations(at, scores, correlation)
        known = r[np.isfinite(r)]
        draws = RESAMPLES if len(known) else 0
        drawn = [known[rng.integers(0, len(known), len(known))].mean() for _ in range(draws)]
        limits = percentiles(drawn, draws)
        if len(known) > 1:
            factor = factor_of_few(len(known), len(known) - 1)
            limits = widened(limits, float(known.mean()), factor, "linear", -1, 1)
        yield MetricChainRow(
            metric=metric,
            models=len(models),
            items=len(known),
            undefined=1 - len(known) / len(items),
            mean=float(known.mean()) if len(known) else None,
            low=limits.low,
            high=limits.high,
            median=float(np.median(known)) if len(known) else None,
            negative=float(np.mean(known < 0)) if len(known) else None,
        )


def correlations(at: Array, scores: Array, kind: str = "spearman") -> Array:
    """Correlation of each item's scores (models, items) with ``at`` (models,); nan if constant or for fewer than 3."""
    from scipy.stats import rankdata

    correlation = np.full(scores.shape[1], np.nan)
    for j, column_ in enumerate(scores.T):
        known = np.isfinite(column_)
        x, y = at[known], column_[known]
        if kind == "spearman":
            x, y = rankdata(x), rankdata(y)
        if known.sum() > 2 and np.ptp(x) > 0 and np.ptp(y) > 0:
            correlation[j] = np.corrcoef(x, y)[0, 1]
    return correlation


def area(r: Array) -> float:
    """Area under the survival function of correlations over [−1, 1], which equals 1 + their mean."""
    steps = np.concatenate([[-1.0], np.sort(r)])
    survival = 1 - np.arange(len(r)) / len(r)
    return float((np.diff(steps) * survival).sum())
