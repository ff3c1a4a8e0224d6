"""Settings of the ensemble and of its intervals."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EnsembleSettings:
    """The numbers behind weights and widths; ``benchmarks/forecasts.py`` compares the default with others.

    The rule by which the default was chosen: of the weights, the least RMSE over the data sets there; then of the
    widths, the least interval score among those that cover at least 94% in each family of data sets with a dozen
    origins. Such choices tested on other families: ``docs/explanation/forecast_trials.md``.

    Attributes
    ----------
    skill_prior
        Origins' worth of evidence for equal weights; infinite gives equal weights.
    near
        In ln F, the difference between two distances at which errors of one have half the weight for the other.
    recency
        In ln F, the distance behind the last origin at which an origin's errors have 1/e of its weight, in weights and
        widths; infinite gives all origins equal weight.
    trim
        The share of the weight that is cut off at either end before the mean is taken; just below 1/2 it is the median.
    growth
        The variance of a forecast grows as this power of log distance.
    bound
        Past errors are clipped at this many standard deviations.
    width
        Factor on the half widths that follow from past errors, since past forecasts used less data.
    curve_prior
        Origins' worth of evidence that a curve's errors are as large as its pool's; infinite gives all the same width.
    least_growth
        The variance at the largest distance tried is at least 1 + this times that next to the data.
    overlap
        Whether forecasts over overlapping ranges of compute count as independent.
    sharpness
        With many origins, weights are the inverse mean squared errors to this power.
    surface
        Prior weight of each law of N and D, relative to 1 of other candidates, if errors depend on both.
    shape_evidence
        Whether laws of compute alone have less weight if the known errors depend on D/N.
    scatter
        Whether the scatter of a curve around its best law is a floor of the variance.
    """

    skill_prior: float = 2.0
    near: float = 1.0
    recency: float = 2.0
    trim: float = 0.25
    growth: float = 1.0
    bound: float = 3.0
    width: float = 0.85
    curve_prior: float = 2.0
    overlap: bool = False
    least_growth: float = 1.0
    sharpness: float = 2.0
    scatter: bool = True
    surface: float = 4.0
    shape_evidence: bool = True


DEFAULT = EnsembleSettings()
