"""Estimand: the population that an estimate and its interval generalise to."""

from enum import StrEnum


class Estimand(StrEnum):
    """The scope of an interval: models of the same kind on these items, or on others of their population.

    Items that come in clusters, such as questions on one file, are resampled by cluster. ``INDEPENDENT_ITEMS`` is for
    comparison: the interval if they were independent.
    """

    THESE_ITEMS = "these items"
    ITEM_POPULATION = "item population"
    INDEPENDENT_ITEMS = "independent items"
    ITEM_POPULATION_AT_POINT = "item population, of this point alone"
    VALIDATION_LOSS = "validation loss"
