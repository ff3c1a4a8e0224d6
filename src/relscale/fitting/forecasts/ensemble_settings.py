"""What could have been decided otherwise in an ensemble and its intervals."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EnsembleSettings:
    """The numbers behind weights and widths; ``benchmarks/forecasts.py`` holds the default against others.

    The rule by which the default was chosen: of the weights, the least RMSE over the data sets there; then of the
    widths, the least interval score among those that cover at least 94% in each family of data sets with a dozen
    origins. How such choices do on families that they were not made on: ``docs/explanation/forecast_trials.md``.

    Attributes
    ----------
    skill_prior
        Origins' worth of evidence for equal weights; infinite gives equal weights.
    near
        In ln F, how like two distances must be to count for one another.
    recency
        In ln F, how far an origin lies behind the last when its errors count 1/e of the last one's, in weights and
        widths; infinite where all count alike.
    trim
        The share of the weight that is cut off at either end before the mean is taken; just below 1/2 it is the median.
    growth
        The variance of a forecast grows as this power of log distance.
    bound
        Past errors beyond this many standard deviations are taken for as many.
    width
        Half widths over those that follow from past errors, which were made from less data than is known now.
    curve_prior
        Origins' worth of evidence that a curve misses no more than its pool does; infinite gives all the same width.
    least_growth
        The variance at the largest distance tried is at least 1 + this times that next to the data.
    overlap
        Whether forecasts that cross the same stretch of compute count as independent.
    sharpness
        The power of the inverse mean squared errors that the weights become with many origins.
    surface
        Weight of each law of N and D beside 1 of the others, where errors depend on both.
    shape_evidence
        Whether laws of compute alone lose weight where the known errors depend on D/N.
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
