"""Outcomes of trials: for many data sets, whether an interval contains the true value."""

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
        How the data are generated, and at which points.
    quantity, interval
        The estimated quantity, and the method of its interval.
    default
        Whether relscale reports this interval by default.
    level
        Nominal level.
    hit
        (M,) 1 if the interval contains the true value, 0 if not, nan if there is no interval.
    """

    generator: str
    design: str
    quantity: str
    interval: str
    default: bool
    level: float
    hit: Floats


def covered(low: ArrayLike, high: ArrayLike, truth: ArrayLike) -> Floats:
    """1 if the interval contains the true value, 0 if not, nan if a limit is nan."""
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    return np.where(np.isnan(low) | np.isnan(high), np.nan, (low <= truth) & (truth <= high))


def monte_carlo_error(hit: Floats, level: float) -> float:
    """Standard error of the coverage if it is nominal."""
    known = int(np.isfinite(hit).sum())
    return math.sqrt(level * (1 - level) / known) if known else math.nan


def verdict(hit: Floats, level: float) -> str:
    """Whether the coverage is nominal within Monte Carlo error: "yes", "below" or "above"."""
    if not np.isfinite(hit).any():
        return "—"
    away = float(np.nanmean(hit) - level) / monte_carlo_error(hit, level)
    return "yes" if abs(away) <= SURPRISING else "below" if away < 0 else "above"


def table(outcomes: Iterable[Outcome]) -> list[Row]:
    """A row per generator, design and interval: the coverage of every quantity."""
    together: dict[tuple[str, str, str, bool], list[Outcome]] = {}
    for one in outcomes:
        together.setdefault((one.generator, one.design, one.interval, one.default), []).append(one)
    rows: list[Row] = []
    for (generator, design, interval, default), members in together.items():
        verdicts = [verdict(one.hit, one.level) for one in members]
        failing = [f"{v}: {m.quantity}" for v, m in zip(verdicts, members, strict=True) if v != "yes"]
        rows.append(
            {
                "simulated data": generator,
                "design": design,
                "interval": f"**{interval}**" if default else interval,
                "coverage": ", ".join(f"{one.quantity} {shown(one.hit)}" for one in members),
                "±": f"{max(monte_carlo_error(one.hit, one.level) for one in members):.1%}",
                "nominal": "; ".join(failing) or "yes",
                "no interval": f"{np.mean([np.isnan(one.hit).mean() for one in members]):.1%}",
            }
        )
    return rows


def shown(hit: Floats) -> str:
    """The coverage in percent, with one decimal."""
    return f"{np.nanmean(hit):.1%}" if np.isfinite(hit).any() else "—"


def markdown(rows: Sequence[Row]) -> str:
    """A Markdown table; numbers with two digits."""
    names = list(rows[0])
    cells = [[_cell(name, row[name]) for name in names] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in [names, ["---"] * len(names), *cells])


PERCENT = ("coverage", "Monte Carlo error", "budgets flagged", "no interval")


def _cell(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1%}" if name in PERCENT else f"{value:.2g}"
    return str(value)
