"""Estimand: the population that an estimate and its interval generalise to."""

from enum import StrEnum


class Estimand(StrEnum):
    """What an interval covers: models of the same kind on these items, or on others of their population.

    Items that come in clusters, such as questions on one file, are resampled by cluster. ``INDEPENDENT_ITEMS`` is the
    second opinion: what the interval would be were they independent.
    """

    THESE_ITEMS = "these items"
    ITEM_POPULATION = "item population"
    INDEPENDENT_ITEMS = "independent items"
    ITEM_POPULATION_AT_POINT = "item population, of this point alone"
    VALIDATION_LOSS = "validation loss"
