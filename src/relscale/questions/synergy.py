"""What is the gain of training on another language, or domain, over more data of the target?

    gain of i by j = 1 − L(i + j) / L(i + i)        L the loss on i; positive is better

One row per pair, and the means by target and by auxiliary. With several runs per pair (seeds), a gain has a standard
error, a p-value by Welch's test, and a p-value adjusted over all pairs by Benjamini–Hochberg; otherwise the noise is
unknown. Gains are not symmetric.

Source: *Scaling Laws for Code: Every Programming Language Matters*, arXiv 2512.13472, equation 2.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from relscale.errors import RelscaleError
from relscale.fitting.inference.multiplicity import adjusted
from relscale.laws.law import Array
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

MEAN = "(mean)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SynergyRow:
    """One row per target and auxiliary, and one per mean over each."""

    target: str = column("Language or domain of the loss.")
    auxiliary: str = column("Additional training language or domain.")
    trainings: int = column("Number of runs of the pair, or of pairs in a mean.")
    gain_percent: float = column(
        "Relative reduction of the loss compared with more data of the target itself.", "%"
    )
    stderr: float | None = column("Standard error, from the scatter of runs.", "%", default=None)
    p_value: float | None = column("p-value of no gain.", default=None)
    p_bh: float | None = column("p-value adjusted over all pairs.", default=None)
    reverse_percent: float | None = column(
        "Gain in the opposite direction: of the auxiliary by the target.", "%", default=None
    )


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
        Column of the language of the loss.
    auxiliary
        Column of the additional language; rows in which it equals the target are the reference.

    Raises
    ------
    RelscaleError
        A column is missing or not positive, or a target has no row with itself.
    """
    table = table.without_blanks((y,), (target, auxiliary))
    loss, of, by = table.positive(y), table.labels(target), table.labels(auxiliary)
    known = np.isfinite(loss)
    losses: dict[tuple[str, str], list[float]] = {}
    for pair, value in zip(zip(of[known], by[known], strict=True), loss[known], strict=True):
        losses.setdefault(pair, []).append(float(value))
    for language in dict.fromkeys(of):
        if (language, language) not in losses:
            raise RelscaleError(
                f"{target}: {language} has no row with {auxiliary} {language} as the reference"
            )
    pairs = [pair for pair in losses if pair[0] != pair[1]]
    if not pairs:
        raise RelscaleError(f"no row has a {auxiliary} that is not the {target}")
    gains = {pair: _gain(np.array(losses[pair]), np.array(losses[pair[0], pair[0]])) for pair in pairs}
    p_bh = dict(zip(pairs, adjusted([gains[pair][2] for pair in pairs], [()] * len(pairs))[0], strict=True))
    for pair in pairs:
        gain, stderr, p = gains[pair]
        reverse = gains.get((pair[1], pair[0]))
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
            pair_gains = [gains[pair][0] for pair in pairs if pair[side] == name]
            labels = (name, MEAN) if side == 0 else (MEAN, name)
            yield SynergyRow(
                target=labels[0],
                auxiliary=labels[1],
                trainings=len(pair_gains),
                gain_percent=float(np.mean(pair_gains)),
            )


def _gain(pair: Array, single: Array) -> tuple[float, float, float]:
    """The gain, its standard error and p-value by Welch's test; nan for a single run or without scatter."""
    from scipy.special import stdtr

    ratio = pair.mean() / single.mean()
    gain = 100 * (1 - ratio)
    if min(len(pair), len(single)) < 2:
        return gain, np.nan, np.nan
    variances = [(ratio * side.std(ddof=1) / side.mean()) ** 2 / len(side) for side in (pair, single)]
    variance = sum(variances)
    if not variance > 0:
        return gain, np.nan, np.nan
    df = variance**2 / sum(
        part**2 / (len(side) - 1) for part, side in zip(variances, (pair, single), strict=True)
    )
    t = (1 - ratio) / np.sqrt(variance)
    return gain, float(100 * np.sqrt(variance)), float(2 * stdtr(df, -abs(t)))
