"""Which grouping of models explains the scatter around a line? Nested regressions with F tests.

    ln y = a_g + b_g · ln x,    g the group of a model; nested lines, with an F test of the sums of squares

Each factor is tested alone and in addition to all others. Checkpoints of one training run are not independent: name the
run as ``block``, and p is from permutations of the factor between runs.

Source: Mayilvahanan et al., *LLMs on the Line*, arXiv 2502.12120: the training corpus determines the curve from loss to
loss, architecture and size hardly affect it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.laws.law import Array
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

EXCHANGES = 2000
EQUAL = 1e-12  # of the sum of squares; arrangements that explain the same differ by rounding
ROUNDING = 1e-20  # residual sums of squares below this share of that of ln y count as 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedRow:
    """One row per factor, alone and beyond the others."""

    factor: str = column("The grouping.")
    beyond: str = column("Groupings that are already in the model; empty for a single line.")
    groups: int = column("Number of lines with the factor.")
    n: int = column("Models.")
    rms_without: float = column("Root mean square of the residuals without the factor.", "ln of y")
    rms_with: float = column("Root mean square of the residuals with the factor.", "ln of y")
    share: float = column("Share of the residual variance explained by the factor.")
    f: float | None = column("F of the sums of squares.", default=None)
    df: int | None = column("Residual degrees of freedom.", default=None)
    p_value: float | None = column("p-value of F; with blocks, from permutations of blocks.", default=None)
    note: str | None = column("Why there is no p-value.", default=None)


ROW = ExplainedRow


def rows(
    table: Columns, *, x: str, y: str, by: tuple[str, ...], block: str = "", seed: int = 0
) -> Iterator[ExplainedRow]:
    """The share of the scatter of ln y over ln x that each grouping explains.

    Parameters
    ----------
    x, y
        Columns of the predictor loss, or any positive number, and of the response.
    by
        Columns of the groupings, such as corpus,architecture.
    block
        Column of the training run of checkpoints.
    seed
        Seed of the permutations.

    Raises
    ------
    RelscaleError
        A column is missing, or a number not positive, or there are fewer than three rows.
    """
    log_x, log_y = np.log(table.positive(x)), np.log(table.positive(y))
    known = np.isfinite(log_x) & np.isfinite(log_y)
    if known.sum() < 3:
        raise RelscaleError(f"{known.sum()} rows have both {x} and {y}; a line needs three")
    log_x, log_y, complete = log_x[known], log_y[known], table.where(known)
    labels = {name: complete.labels(name) for name in by}
    blocks = np.unique(complete.labels(block), return_inverse=True)[1] if block else None
    rng, none = np.random.default_rng(seed), ROUNDING * float(((log_y - log_y.mean()) ** 2).sum())
    for factor in by:
        for others in dict.fromkeys([(), tuple(name for name in by if name != factor)]):
            before = _groups([labels[name] for name in others], len(log_y))
            after = _groups([labels[name] for name in (*others, factor)], len(log_y))
            without, with_it = residuals(log_x, log_y, before), residuals(log_x, log_y, after)
            free = len(log_y) - _rank(log_x, after)
            gained = _rank(log_x, after) - _rank(log_x, before)
            unexplained, taken = float(with_it @ with_it), float(without @ without - with_it @ with_it)
            f = taken / gained / (unexplained / free) if gained and free > 0 and unexplained > none else None
            fixed = None if blocks is None else _not_exchangeable(before, labels[factor], blocks)
            yield ExplainedRow(
                factor=factor,
                beyond=", ".join(others),
                groups=int(after.max()) + 1,
                n=len(log_y),
                rms_without=_rms(without),
                rms_with=_rms(with_it),
                share=taken / float(without @ without) if without @ without > none else 0.0,
                f=f,
                df=free if f is not None else None,
                p_value=None
                if f is None or fixed
                else _p_of_f(f, gained, free)
                if blocks is None
                else _p_of_exchanges(log_x, log_y, before, labels[factor], blocks, taken, rng),
                note=fixed
                if free
                else "nothing can be tested: the lines have as many parameters as there are models",
            )


def residuals(log_x: Array, log_y: Array, group: NDArray[np.int64]) -> Array:
    """Residuals of one line per group; of the mean for a group with a single x."""
    residual = np.empty_like(log_y)
    for index in range(int(group.max()) + 1):
        members = group == index
        dx, dy = log_x[members] - log_x[members].mean(), log_y[members] - log_y[members].mean()
        residual[members] = dy - dx * (dx @ dy) / (dx @ dx) if dx @ dx > 0 else dy
    return residual


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _rank(log_x: Array, group: NDArray[np.int64]) -> int:
    return sum(1 + (np.ptp(log_x[group == index]) > 0) for index in range(int(group.max()) + 1))


def _groups(labels: list[NDArray[np.object_]], n: int) -> NDArray[np.int64]:
    together = ["\x1f".join(row) for row in zip(*labels, strict=True)] if labels else [""] * n
    return np.asarray(np.unique(together, return_inverse=True)[1], dtype=np.int64)


def _p_of_f(f: float, gained: int, free: int) -> float:
    from scipy.stats import f as f_distribution

    return float(f_distribution.sf(f, gained, free))


def _not_exchangeable(
    before: NDArray[np.int64], label: NDArray[np.object_], blocks: NDArray[np.int64]
) -> str | None:
    """Why permutations of the factor between training runs cannot test it; None if they can."""
    first = np.unique(blocks, return_index=True)[1]
    if (label != label[first][blocks]).any():
        return "the factor varies within a training run, which permutations of runs cannot test"
    runs = [label[first][before[first] == index] for index in np.unique(before[first])]
    if not any(1 < len(np.unique(levels)) < len(levels) for levels in runs):
        return (
            "permutations of the runs leave the groups as they are: no two runs share one of several levels"
        )
    return None


def _p_of_exchanges(
    log_x: Array,
    log_y: Array,
    before: NDArray[np.int64],
    label: NDArray[np.object_],
    blocks: NDArray[np.int64],
    taken: float,
    rng: np.random.Generator,
) -> float:
    """p-value: share of permutations of the factor between blocks, within groups, that explain as much variance."""
    first = np.unique(blocks, return_index=True)[1]
    without = residuals(log_x, log_y, before)
    total, as_extreme = float(without @ without), 0
    for _ in range(EXCHANGES):
        order = np.arange(len(first))
        for index in np.unique(before[first]):
            members = np.flatnonzero(before[first] == index)
            order[members] = rng.permutation(members)
        exchanged = label[first][order][blocks]
        residual = residuals(
            log_x, log_y, _groups([before.astype(str).astype(object), exchanged], len(log_y))
        )
        as_extreme += total - float(residual @ residual) >= taken - EQUAL * total
    return (1 + as_extreme) / (1 + EXCHANGES)
