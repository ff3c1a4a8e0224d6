"""Rows of the tables that have one for each point of the frontier."""

from typing import Any

import numpy as np
from scipy.special import stdtrit

from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier import Point
from relscale.fitting.curves.optimal_errors import Errors
from relscale.fitting.inference.spread import spread

Row = dict[str, Any]


def frontier_row(point: Point, level: float) -> Row:
    """A point of the frontier and the parabola behind it, with t limits for its compute-optimal tokens and params."""
    df = len(point.rows) - 3
    far = float(stdtrit(df, (1 + level) / 2)) if df > 0 else np.nan
    return {
        "budget": point.budget,
        "run": point.run,
        "training_flops": point.training_flops,
        "log_tokens": point.log_tokens,
        "tokens": point.tokens,
        "tokens_low": point.tokens * np.exp(-far * point.log_tokens_stderr),
        "tokens_high": point.tokens * np.exp(far * point.log_tokens_stderr),
        "params": point.params,
        "params_low": point.params * np.exp(-far * point.log_params_stderr),
        "params_high": point.params * np.exp(far * point.log_params_stderr),
        "level": level,
        "loss": point.loss,
        "curvature": point.curvature,
        "c0": point.c[0],
        "c1": point.c[1],
        "c2": point.c[2],
        "x_mean": point.x_mean,
        "runs": len(point.rows),
        "left_out": point.left_out,
        "residual_sd": point.residual_sd,
        "run_sd": point.run_sd,
        "run_sd_df": point.run_sd_df,
        "status": point.status,
    }


def _point_key(point: Point) -> Row:
    return {"budget": point.budget, "run": point.run, "training_flops": point.training_flops}


def error_rows(points: list[Point], read: Errors, i: int) -> list[Row]:
    """Series ``i`` at every point."""
    spread = read.stderr_items[:, i]
    return [
        _point_key(point)
        | {
            "value": read.value[p, i],
            "stderr_runs": read.stderr_runs[p, i],
            "stderr_items": spread[p],
            "runs": int(read.runs[p, i]),
            "left_out": int(read.left_out[p, i]),
            "status": read.status[p, i],
        }
        for p, point in enumerate(points)
    ]


def gap_rows(ratios: Curves, j: int) -> list[Row]:
    """Pair ``j`` at every point."""
    stderr = spread(ratios.replicates[:, j])
    return [
        ratios.keys[j]
        | _point_key(point)
        | {
            "training_flops": np.exp(ratios.log_flops[p]),
            "ratio": np.exp(ratios.value[p, j]),
            "log_ratio": ratios.value[p, j],
            "stderr_log": stderr[p],
            "status": ratios.status[p, j],
        }
        for p, point in enumerate(ratios.points)
    ]
