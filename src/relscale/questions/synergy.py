"""What does training on another language, or domain, give? The gain over as much more of one's own.

    gain of i by j = 1 − L(i + j) / L(i + i)        L the loss on i; positive is better

One row per pair, and the means by target and by auxiliary. With several trainings of a pair (seeds) a gain has a
standard error, p of no gain is Welch's, and p adjusted over all pairs is Benjamini and Hochberg's; without, gains are
numbers without a noise to hold them against. A gain need not be the same the other way round.

Source: *Scaling Laws for Code: Every Programming Language Matters*, arXiv 2512.13472, equation 2.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from relscale.column_arrays import Columns
from relscale.errors import RelscaleError
from relscale.fitting.inference.multiplicity import adjusted
from relscale.laws.law import Array
from relscale.rows import column

MEAN = "(mean)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SynergyRow:
    """One row per target and auxiliary, and one for each of their means."""

    target: str = column("What the loss is of.")
    auxiliary: str = column("What is trained on besides.")
    trainings: int = column("Trainings of the pair, or pairs of a mean.")
    gain_percent: float = column(
        "How much lower the loss is than with as much more of the target itself.", "%"
    )
    stderr: float | None = column("Standard error, of the trainings' scatter.", "%", default=None)
    p_value: float | None = column("p of no gain.", default=None)
    p_bh: float | None = column("The same, adjusted over all pairs.", default=None)
    reverse_percent: float | None = column("The gain of the auxiliary by the target.", "%", default=None)


ROW = SynergyRow


def rows(
    table: Columns, *, y: str = "loss", target: str = "target", auxiliary: str = "auxiliary"
) -> Iterator[SynergyRow]:
    """The gain of every pair.

    Parameters
    ----------
    y
        Column of the loss on the target.
    target
        Column of the language that the loss is of.
    auxiliary
        Column of the one that is trained on besides; where it is the target itself the row is what gains are over.

    Raises
    ------
    RelscaleError
        A column is missing or not positive, or a target has no row with itself.
    """
    loss, of, by = table.positive(y), table.labels(target), table.labels(auxiliary)
    known = np.isfinite(loss)
    losses: dict[tuple[str, str], list[float]] = {}
    for pair, value in zip(zip(of[known], by[known], strict=True), loss[known], strict=True):
        losses.setdefault(pair, []).append(float(value))
    for each in dict.fromkeys(of):
        if (each, each) not in losses:
            raise RelscaleError(f"{target}: {each} has no row with {auxiliary} {each}, to compare with")
    pairs = [pair for pair in losses if pair[0] != pair[1]]
    if not pairs:
        raise RelscaleError(f"no row has a {auxiliary} that is not the {target}")
    found = {pair: _gain(np.array(losses[pair]), np.array(losses[pair[0], pair[0]])) for pair in pairs}
    p_bh = dict(zip(pairs, adjusted([found[pair][2] for pair in pairs], [()] * len(pairs))[0], strict=True))
    for pair in pairs:
        gain, stderr, p = found[pair]
        reverse = found.get((pair[1], pair[0]))
        yield SynergyRow(
            target=pair[0],
            auxiliary=pair[1],
            trainings=len(losses[pair]),
            gain_percent=gain,
            stderr=stderr if np.isfinite(stderr) else None,
            p_value=p if np.isfinite(p) else None,
            p_bh=float(p_bh[pair]) if np.isfinite(p) else None,
            reverse_percent=None if reverse is None else reverse[0],
        )
    for side in (0, 1):
        for name in dict.fromkeys(pair[side] for pair in pairs):
            own = [found[pair][0] for pair in pairs if pair[side] == name]
            labels = (name, MEAN) if side == 0 else (MEAN, name)
            yield SynergyRow(
                target=labels[0], auxiliary=labels[1], trainings=len(own), gain_percent=float(np.mean(own))
            )


def _gain(pair: Array, single: Array) -> tuple[float, float, float]:
    """The gain, its standard error and p of none, by Welch; nan where there is one training or no scatter."""
    from scipy.special import stdtr

    ratio = pair.mean() / single.mean()
    gain = 100 * (1 - ratio)
    if min(len(pair), len(single)) < 2:
        return gain, np.nan, np.nan
    each = [(ratio * side.std(ddof=1) / side.mean()) ** 2 / len(side) for side in (pair, single)]
    variance = sum(each)
    if not variance > 0:
        return gain, np.nan, np.nan
    df = variance**2 / sum(part**2 / (len(side) - 1) for part, side in zip(each, (pair, single), strict=True))
    t = (1 - ratio) / np.sqrt(variance)
    return gain, float(100 * np.sqrt(variance)), float(2 * stdtr(df, -abs(t)))
