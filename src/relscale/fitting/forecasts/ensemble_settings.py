"""What could have been decided otherwise in an ensemble and its intervals."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EnsembleSettings:
    """The numbers behind weights and widths; ``benchmarks/forecasts.py`` holds the default against others.

    The rule by which the default was chosen, over all data sets there: intervals cover what they claim on every data
    set, as far as its origins can tell; among the designs that do, the least interval score.

    Attributes
    ----------
    skill_prior
        Origins' worth of evidence for equal weights; infinite gives equal weights.
    near
        In ln F, how like two distances must be to count for one another.
    growth
        The variance of a forecast grows as this power of log distance.
    bound
        TrackRecord errors beyond this many standard deviations are taken for as many.
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
    scatter
        Whether the scatter of a curve around its best law is a floor of the variance.
    """

    skill_prior: float = 2.0
    near: float = 1.0
    growth: float = 1.0
    bound: float = 3.0
    curve_prior: float = 4.0
    overlap: bool = False
    least_growth: float = 1.0
    sharpness: float = 2.0
    scatter: bool = True
    surface: float = 4.0


DEFAULT = EnsembleSettings()
