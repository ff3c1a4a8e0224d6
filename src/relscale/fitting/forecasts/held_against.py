"""What happened, held against what was forecast."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from relscale.fitting.curves.curves import Curves
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.interval_score import interval_score

Row = dict[str, Any]

SAME = ("corpus", "optimizer", "suite", "prompt", "metric", "group", "baseline", "contrast")
NEAR = 0.1  # ln F between a forecast and the model that is held against it


def held_against(forecasts: pa.Table, measured: Iterable[Curves]) -> list[Row]:
    """Rows of ``fits.BACKTESTS``: each ensemble forecast against the new model nearest to its compute.

    A forecast that nothing was measured for keeps its row, ``observed`` null and a status. Experiments need not have
    the same name.

    Parameters
    ----------
    forecasts
        With the columns of ``fits.FORECASTS``.
    measured
        Curves of the new measurements, errors and ratios.
    """
    observed: dict[tuple[Any, ...], list[tuple[float, float]]] = {}
    for curves in measured:
        for j, key in enumerate(curves.keys):
            points = zip(curves.log_flops.tolist(), curves.value[:, j].tolist(), strict=True)
            observed.setdefault(_name(key | {"quantity": curves.quantity}), []).extend(
                (x, y) for x, y in points if np.isfinite(y)
            )
    rows = []
    for row in forecasts.to_pylist():
        if row["candidate"] == ENSEMBLE and row["value"] is not None:
            rows.append(_held(row, observed.get(_name(row), [])))
    return rows


def _held(row: Row, points: list[tuple[float, float]]) -> Row:
    at = float(np.log(row["training_flops"]))
    kept = (
        "experiment",
        *SAME,
        "quantity",
        "candidate",
        "training_flops",
        "log_distance",
        "low",
        "high",
        "level",
    )
    result = {name: row.get(name) for name in kept} | {
        "origin_flops": row["training_flops"] * float(np.exp(-row["log_distance"])),
        "predicted": row["value"],
    }
    x, y = min(points, key=lambda point: abs(point[0] - at), default=(np.inf, np.nan))
    if abs(x - at) > NEAR:
        return result | {"status": "nothing was measured at this compute"}
    result |= {"observed": float(np.exp(y)), "log_error": float(np.log(row["value"]) - y)}
    if row["low"] is None:
        return result | {"status": "the forecast has no interval"}
    low, high = np.log(row["low"]), np.log(row["high"])
    return result | {
        "covered": bool(low <= y <= high),
        "interval_score": float(interval_score(low, high, y, row["level"])),
        "status": "ok",
    }


def _name(key: Row) -> tuple[Any, ...]:
    return tuple(key.get(name) for name in (*SAME, "quantity"))
