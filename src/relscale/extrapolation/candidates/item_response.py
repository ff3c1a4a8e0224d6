"""Item response: answers of models to items, from a line of abilities in ln compute and the ease of each item.

    P(model of compute C answers item j) = 1 / (1 + exp(−(level + slope · ln C + z_j)))

A curve is an item here, and y an answer, 1 if right and 0 if wrong. One line serves all items, so that the answers to
other items say how those to one item change with compute. The line is that of a latent regression; the ease of items is
that of Rasch's model. Several answers of a model to one item count as their mean, and models of one compute as one
model unless the table names its models.

Source: the line of abilities in ln compute of item response scaling laws; Rasch (1960).
"""

import numpy as np

from relscale.extrapolation.candidate import Candidate
from relscale.extrapolation.table import Labels, Table
from relscale.fitting.items.latent_regression import latent_regression
from relscale.fitting.items.rasch import calibrated
from relscale.laws.law import Array

FEWEST_ITEMS = 5


def answers_of(known: Table) -> tuple[Array, Array, Labels]:
    """Mean answers of n models to k items (n, k), NaN if missing; computes (n,); and the items' groups (k,)."""
    alone = len(np.unique(known.model)) == len(known)  # no model is named, or none has two rows
    names = known.x if alone else np.vstack([known.x, known.model])
    models, row = np.unique(names, axis=1, return_inverse=True)
    items, column = np.unique(known.group, return_inverse=True)
    right, asked = np.zeros((2, models.shape[1], len(items)))
    np.add.at(right, (row.ravel(), column), known.y)
    np.add.at(asked, (row.ravel(), column), 1)
    answers = np.divide(right, asked, out=np.full_like(right, np.nan), where=asked > 0)
    return answers, models[0], np.asarray(items, dtype=np.int64)


def item_response(known: Table, at: Table) -> Array:
    """Probabilities (m,) of right answers at the target rows, nan for an item without an answer."""
    from scipy.special import expit

    answers, compute, items = answers_of(known)
    line = latent_regression(answers, compute)
    ease = calibrated(answers)[0].ease
    ability = line.level + line.slope * np.log(at.x[0])
    position = np.minimum(np.searchsorted(items, at.group), len(items) - 1)
    probability = expit(ability + (ease - ease.mean())[position])
    return np.where(items[position] == at.group, probability, np.nan)


def candidates(known: Table) -> list[Candidate]:
    """Candidates for right and wrong answers of several models, by one positive predictor, to several items."""
    if len(known.names) != 1 or known.names[0].startswith("log_") or not (known.x > 0).all():
        return []
    if not known.of_answers or len(np.unique(known.group)) < FEWEST_ITEMS:
        return []
    return [Candidate("item response", item_response)]
