"""What was found, for a terminal: the frontier's exponents, and each group's law and gap, with intervals."""

from collections.abc import Iterable, Mapping
from typing import Any

from tabulate import tabulate

from relscale.fitting.fits import Fits
from relscale.laws import compute_optimal, power, relative

Row = dict[str, Any]

FRONTIER = "nats_per_token"  # the metric of the loss that the frontier is found by


def summary(fits: Fits, shown: Mapping[str, tuple[str, str]]) -> str:
    """Two text tables: the exponents of the frontier, and β, G at the reference compute, Δβ and the gap's direction.

    Intervals are for the population of items where items were resampled, else for these items; the column ``estimand``
    says which. p-values are Benjamini–Hochberg's.

    Parameters
    ----------
    fits
        What to show.
    shown
        The metric and the prompt form of each suite; a suite that is not named is shown with all that it has.
    """
    rows = [row for row in fits.fits.to_pylist() if _is_shown(row, shown)]
    slopes = {compute_optimal.TOKENS.slope, power.LINE.slope}
    frontier = [
        {
            "corpus": row["corpus"],
            "optimizer": row["optimizer"],
            "law": row["law"],
            "exponent": _interval(row),
        }
        for row in rows
        if row["metric"] == FRONTIER and row["parameter"] in slopes
    ]
    groups: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        if row["suite"] != "validation":
            key = tuple(row[name] for name in ("corpus", "optimizer", "suite", "prompt", "metric", "group"))
            parameters = groups.setdefault(key, {})
            known = parameters.get(row["parameter"])
            # The rows of the population follow those of these items; they count where they have a value.
            if known is None or row["value"] is not None:
                parameters[row["parameter"]] = row
    laws = [_line(parameters) for parameters in groups.values() if power.LINE.slope in parameters]
    return "\n\n".join(_table(rows) for rows in (frontier, laws) if rows)


def _is_shown(row: Row, shown: Mapping[str, tuple[str, str]]) -> bool:
    return row["suite"] not in shown or (row["metric"], row["prompt"]) == shown[row["suite"]]


def _line(parameters: Mapping[str, Row]) -> Row:
    law = parameters[power.LINE.slope]
    gap = parameters.get(relative.LINE.slope, {})
    ratio = parameters.get(relative.LINE.level, {}).get("value")
    p_value = gap.get("p_bh")
    return {
        "corpus": law["corpus"],
        "suite": law["suite"],
        "group": law["group"],
        "β": _interval(law),
        "against": gap.get("baseline") or "",
        "G": "" if ratio is None else f"{ratio:.3f}",
        "Δβ": _interval(gap) if gap else "",
        "p": "" if p_value is None else f"{p_value:.3f}",
        "gap": gap.get("direction") or "",
        "estimand": law["estimand"],
        "status": gap.get("status") or law["status"],
    }


def _interval(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return "none"
    bounds = "" if row["low"] is None else f" [{row['low']:.4f}, {row['high']:.4f}]"
    return f"{row['value']:.4f}{bounds}"


def _table(rows: Iterable[Row]) -> str:
    return tabulate(list(rows), headers="keys", disable_numparse=True)
