"""What a trial gives: for many data sets, whether an interval held the truth."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Row = dict[str, str | float]

SURPRISING = 3.0  # Monte Carlo errors between coverage and level that chance rarely gives in a hundred rows


@dataclass(frozen=True)
class Outcome:
    """Coverage of one interval of one quantity over M data sets.

    Attributes
    ----------
    generator, design
        What is true, and where it is measured.
    quantity, interval
        Whose interval, and which.
    default
        Whether it is the interval that the software reports unless told otherwise.
    level
        Nominal.
    hit
        (M,) 1 where the interval held the truth, 0 where not, nan where there was none.
    """

    generator: str
    design: str
    quantity: str
    interval: str
    default: bool
    level: float
    hit: Floats


def covered(low: ArrayLike, high: ArrayLike, truth: ArrayLike) -> Floats:
    """1 where the interval holds the truth, 0 where not, nan where a limit is nan."""
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    return np.where(np.isnan(low) | np.isnan(high), np.nan, (low <= truth) & (truth <= high))


def monte_carlo_error(hit: Floats, level: float) -> float:
    """Standard error of the coverage, were it nominal."""
    known = int(np.isfinite(hit).sum())
    return math.sqrt(level * (1 - level) / known) if known else math.nan


def verdict(hit: Floats, level: float) -> str:
    """Whether the coverage is nominal within Monte Carlo error: "yes", "below" or "above"."""
    if not np.isfinite(hit).any():
        return "—"
    away = float(np.nanmean(hit) - level) / monte_carlo_error(hit, level)
    return "yes" if abs(away) <= SURPRISING else "below" if away < 0 else "above"


def table(outcomes: Iterable[Outcome]) -> list[Row]:
    """A row for each generator, design and interval: the coverage of every quantity."""
    together: dict[tuple[str, str, str, bool], list[Outcome]] = {}
    for one in outcomes:
        together.setdefault((one.generator, one.design, one.interval, one.default), []).append(one)
    rows: list[Row] = []
    for (generator, design, interval, default), members in together.items():
        verdicts = [verdict(one.hit, one.level) for one in members]
        failing = [f"{v}: {m.quantity}" for v, m in zip(verdicts, members, strict=True) if v != "yes"]
        rows.append(
            {
                "what is true": generator,
                "measured at": design,
                "interval": f"**{interval}**" if default else interval,
                "coverage": ", ".join(f"{one.quantity} {shown(one.hit)}" for one in members),
                "±": f"{max(monte_carlo_error(one.hit, one.level) for one in members):.1%}",
                "nominal": "; ".join(failing) or "yes",
                "no interval": f"{np.mean([np.isnan(one.hit).mean() for one in members]):.1%}",
            }
        )
    return rows


def shown(hit: Floats) -> str:
    """The coverage, to a tenth of a percent."""
    return f"{np.nanmean(hit):.1%}" if np.isfinite(hit).any() else "—"


def markdown(rows: Sequence[Row]) -> str:
    """Rows as a table; floats to two digits."""
    names = list(rows[0])
    cells = [[_cell(name, row[name]) for name in names] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in [names, ["---"] * len(names), *cells])


PERCENT = ("coverage", "Monte Carlo error", "budgets flagged", "no interval")


def _cell(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1%}" if name in PERCENT else f"{value:.2g}"
    return str(value)
