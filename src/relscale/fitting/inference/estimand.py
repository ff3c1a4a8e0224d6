"""What an estimate and its interval are statements about."""

from enum import StrEnum


class Estimand(StrEnum):
    """What an interval covers: models of the same kind on these items, or on others of their population."""

    THESE_ITEMS = "these items"
    ITEM_POPULATION = "item population"
    ITEM_POPULATION_AT_POINT = "item population, of this point alone"
    VALIDATION_LOSS = "validation loss"
