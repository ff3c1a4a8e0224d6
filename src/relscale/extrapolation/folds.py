"""Folds that resemble the extrapolation: the same direction, a similar factor, and edges cut by the same factor.

A predictor moves if its mean over the target rows is more than ``MOVED`` standard deviations from that over the known
rows. Cells are rows with the same values of the moving predictors, in the order of the sum of their standardised
logarithms. A scale fold forecasts one of the last cells from all cells before it (or a stretch of rows, if cells have
few). If targets exceed the known range of another predictor by some factor, that factor is cut from the known rows of
each fold. If nothing moves, folds are random parts of the settings; shares of a mixture have no direction.

For curves of one predictor, each fold of a curve begins as far before its end as its targets are beyond it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from relscale.errors import RelscaleError
from relscale.extrapolation.table import Mask, Table
from relscale.laws.law import Array

MOVED = 1.0
EDGE, SLACK = 0.05, 0.02  # in ln x: minimum excess of an edge, and tolerance of its cut
FOLDS = 4
SMALL = 3  # minimum number of rows in a cell of a fold
FEWEST_POINTS = 5  # minimum number of points of a curve before a fold
FEWEST = 0.15  # minimum share of known rows in a fold


@dataclass(frozen=True)
class Fold:
    """Known rows and target rows of a fold, masks (n,), a description of the targets, whether they are random."""

    known: Mask
    targets: Mask
    meaning: str
    is_random: bool = False


def coordinates(names: Sequence[str], x: Array) -> Array:
    """ln x of each predictor (p, n), or x if it is a logarithm by its name or has values that are not positive."""
    is_log = np.array([name.startswith("log_") for name in names])
    with np.errstate(all="ignore"):
        has_log = (x > 0).all(axis=1) & ~is_log
        return np.where(has_log[:, None], np.log(x), x)


def both_coordinates(known: Table, at: Table) -> tuple[Array, Array]:
    """The coordinates of known rows (p, n) and of target rows (p, m), on one scale."""
    both = coordinates(known.names, np.hstack([known.x, at.x]))
    return both[:, : len(known)], both[:, len(known) :]


def make_folds(known: Table, at: Table) -> list[Fold]:
    """The folds, the nearest to the targets first."""
    if len(known.names) == 1:
        return _of_curves(known, at)
    z, to = both_coordinates(known, at)
    spread = np.maximum(z.std(axis=1), 1e-12)
    shift = (to.mean(axis=1) - z.mean(axis=1)) / spread
    moves: Mask = (np.abs(shift) > MOVED) & (z.std(axis=1) > 1e-9)
    moves = moves & np.array([not name.startswith("share_") for name in known.names])
    if not moves.any():
        return _random(known)
    along = (np.sign(shift[moves])[:, None] * z[moves] / spread[moves][:, None]).sum(axis=0)
    names = [name for name, moved in zip(known.names, moves, strict=True) if moved]
    result = []
    for targets, start in _stretches(np.round(z[moves], 9), along):
        before = (along < start - 1e-9) & _inside_edges(z, to, ~moves, targets)
        several = all(len(np.unique(row[before])) > 1 for row in z[moves])
        if before.sum() >= FEWEST * len(known) and several and _all_groups(known, before, targets):
            at_least = ", ".join(
                f"{name} {np.median(known.x[known.names.index(name), targets]):.4g}" for name in names
            )
            result.append(Fold(before, targets, at_least))
        if len(result) == FOLDS:
            break
    return result or _random(known)


def _of_curves(known: Table, at: Table) -> list[Fold]:
    """Folds that begin 1, 2, … times as far before each curve's end as its targets are beyond it."""
    (z,), (to,) = both_coordinates(known, at)
    result = []
    for step in range(1, FOLDS + 1):
        before, targets = np.zeros(len(known), dtype=bool), np.zeros(len(known), dtype=bool)
        for group in at.rows_of.keys() & known.rows_of.keys():
            rows = known.rows_of[group]
            end = z[rows].max()
            ahead = max(to[at.rows_of[group]].max() - end, 1e-9)
            origin = end - step * ahead
            early = z[rows] <= origin + 1e-9
            if len(np.unique(z[rows[early]])) >= FEWEST_POINTS:
                before[rows] = early
                targets[rows] = ~early & (z[rows] <= origin + ahead + 1e-9)
        if targets.any():
            result.append(
                Fold(before, targets, f"{step} times as far before the end as the forecast is beyond it")
            )
    if not result:
        raise RelscaleError(
            f"no curve has {FEWEST_POINTS} known points as far before its end as the forecast is beyond it; add "
            f"known rows, or forecast less far"
        )
    return result


def _all_groups(known: Table, before: Mask, targets: Mask) -> bool:
    return bool(np.isin(known.group[targets], known.group[before]).any())


def _stretches(cells: Array, along: Array) -> list[tuple[Mask, float]]:
    """Target rows of folds and their smallest value, from the last backwards."""
    _, which = np.unique(cells, axis=1, return_inverse=True)
    which = which.ravel()
    counts = np.bincount(which)
    if np.median(counts[which]) >= SMALL:
        position = np.array([along[which == i].mean() for i in range(len(counts))])
        order = [i for i in np.argsort(-position, kind="stable") if counts[i] >= SMALL]
        return [(which == i, float(position[i])) for i in order]
    starts = np.quantile(along, [0.88, 0.8, 0.7, 0.6])
    return [(along >= start, float(start)) for start in starts]


def _inside_edges(z: Array, to: Array, fixed: Mask, targets: Mask) -> Mask:
    """(n,) rows as far inside the edges of a fold's targets as the actual targets are beyond the known rows."""
    inside = np.ones(z.shape[1], dtype=bool)
    for j in np.flatnonzero(fixed):
        above, below = float(to[j].max() - z[j].max()), float(z[j].min() - to[j].min())
        if above > EDGE:
            inside &= z[j] <= z[j][targets].max() - above + SLACK
        if below > EDGE:
            inside &= z[j] >= z[j][targets].min() + below - SLACK
    return inside


def _random(known: Table) -> list[Fold]:
    """Random fifths of the distinct settings, the same for all groups."""
    _, which = np.unique(np.round(known.x, 9), axis=1, return_inverse=True)
    which = which.ravel()
    part = np.random.default_rng(0).permutation(which.max() + 1) % 5
    return [Fold(part[which] != k, part[which] == k, f"settings, part {k + 1} of 5", True) for k in range(5)]
