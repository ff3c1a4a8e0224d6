"""What fitting gives: its tables and their columns."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from relscale.atomic import atomic_path
from relscale.errors import RelscaleError
from relscale.tables import read_table, write_table

_TEXT, _NUMBER, _COUNT, _YES = pa.string(), pa.float64(), pa.int64(), pa.bool_()

_LADDER = {"experiment": _TEXT, "corpus": _TEXT, "optimizer": _TEXT}
_SERIES = {"suite": _TEXT, "prompt": _TEXT, "metric": _TEXT, "group": _TEXT}
_PAIR = {"baseline": _TEXT, "contrast": _TEXT}
_POINT = {"budget": _NUMBER, "run": _TEXT, "training_flops": _NUMBER}

FRONTIER = pa.schema(
    _LADDER
    | _POINT
    | {
        "log_tokens": _NUMBER,
        "tokens": _NUMBER,
        "tokens_low": _NUMBER,
        "tokens_high": _NUMBER,
        "params": _NUMBER,
        "params_low": _NUMBER,
        "params_high": _NUMBER,
        "level": _NUMBER,
        "loss": _NUMBER,
        "curvature": _NUMBER,
        "c0": _NUMBER,
        "c1": _NUMBER,
        "c2": _NUMBER,
        "x_mean": _NUMBER,
        "runs": _COUNT,
        "left_out": _COUNT,
        "residual_sd": _NUMBER,
        "run_sd": _NUMBER,
        "run_sd_df": _COUNT,
        "status": _TEXT,
    }
)

ERRORS = pa.schema(
    _LADDER
    | _SERIES
    | _POINT
    | {
        "value": _NUMBER,
        "stderr_runs": _NUMBER,
        "stderr_items": _NUMBER,
        "runs": _COUNT,
        "left_out": _COUNT,
        "status": _TEXT,
    }
)

GAPS = pa.schema(
    _LADDER
    | _SERIES
    | _PAIR
    | _POINT
    | {"ratio": _NUMBER, "log_ratio": _NUMBER, "stderr_log": _NUMBER, "status": _TEXT}
)

SIZES = pa.schema(
    _LADDER
    | _SERIES
    | _PAIR
    | {
        "budget": _NUMBER,
        "training_flops": _NUMBER,
        "params": _NUMBER,
        "tokens": _NUMBER,
        "ratio": _NUMBER,
        "log_ratio": _NUMBER,
        "stderr_log": _NUMBER,
        "status": _TEXT,
    }
)

FITS = pa.schema(
    _LADDER
    | _SERIES
    | _PAIR
    | {
        "fit": _TEXT,
        "law": _TEXT,
        "parameter": _TEXT,
        "predictor": _TEXT,
        "value": _NUMBER,
        "stderr": _NUMBER,
        "low": _NUMBER,
        "high": _NUMBER,
        "level": _NUMBER,
        "df": _NUMBER,
        "correlation": _NUMBER,
        "scheme": _TEXT,
        "estimand": _TEXT,
        "p_value": _NUMBER,
        "p_bh": _NUMBER,
        "p_by": _NUMBER,
        "n": _COUNT,
        "reference_flops": _NUMBER,
        "flops_low": _NUMBER,
        "flops_high": _NUMBER,
        "direction": _TEXT,
        "status": _TEXT,
    }
)


PREDICTIONS = pa.schema(
    _LADDER
    | _SERIES
    | {
        "fit": _TEXT,
        "law": _TEXT,
        "run": _TEXT,
        "training_flops": _NUMBER,
        "params": _NUMBER,
        "tokens": _NUMBER,
        "observed": _NUMBER,
        "predicted": _NUMBER,
        "low": _NUMBER,
        "high": _NUMBER,
        "level": _NUMBER,
        "relative_error": _NUMBER,
        "scheme": _TEXT,
        "status": _TEXT,
    }
)

FORECASTS = pa.schema(
    _LADDER
    | _SERIES
    | _PAIR
    | {
        "quantity": _TEXT,
        "training_flops": _NUMBER,
        "params": _NUMBER,
        "tokens": _NUMBER,
        "candidate": _TEXT,
        "weight": _NUMBER,
        "value": _NUMBER,
        "low": _NUMBER,
        "high": _NUMBER,
        "level": _NUMBER,
        "df": _NUMBER,
        "origins": _COUNT,
        "log_distance": _NUMBER,
        "spread_low": _NUMBER,
        "spread_high": _NUMBER,
        "direction": _TEXT,
        "data": _TEXT,
        "code": _TEXT,
        "status": _TEXT,
    }
)

BACKTESTS = pa.schema(
    _LADDER
    | _SERIES
    | _PAIR
    | {
        "quantity": _TEXT,
        "candidate": _TEXT,
        "origin": _TEXT,
        "origin_flops": _NUMBER,
        "origin_params": _NUMBER,
        "training_flops": _NUMBER,
        "log_distance": _NUMBER,
        "observed": _NUMBER,
        "predicted": _NUMBER,
        "log_error": _NUMBER,
        "low": _NUMBER,
        "high": _NUMBER,
        "level": _NUMBER,
        "covered": _YES,
        "interval_score": _NUMBER,
        "status": _TEXT,
    }
)

INFLUENCE = pa.schema(
    _LADDER
    | _SERIES
    | _PAIR
    | {
        "parameter": _TEXT,
        "left_out": _TEXT,
        "training_flops": _NUMBER,
        "value": _NUMBER,
        "low": _NUMBER,
        "high": _NUMBER,
        "level": _NUMBER,
        "p_value": _NUMBER,
        "direction": _TEXT,
        "change": _NUMBER,
        "carries": _YES,
        "status": _TEXT,
    }
)

FORMS = pa.schema(
    _LADDER
    | _SERIES
    | _PAIR
    | {
        "quantity": _TEXT,
        "form": _TEXT,
        "n_fitted": _COUNT,
        "n_held_out": _COUNT,
        "held_out_from": _NUMBER,
        "rmse_log": _NUMBER,
        "bias_log": _NUMBER,
        "rmse_log_fitted": _NUMBER,
        "rank": _COUNT,
        "status": _TEXT,
    }
)

POWER = pa.schema(
    _LADDER
    | _SERIES
    | _PAIR
    | {
        "delta_beta": _NUMBER,
        "resource": _TEXT,
        "count": _NUMBER,
        "power": _NUMBER,
        "stderr": _NUMBER,
        "level": _NUMBER,
        "enough": _YES,
        "status": _TEXT,
    }
)

SPECIFICATIONS = pa.schema(
    _LADDER
    | _SERIES
    | _PAIR
    | {
        "specification": _COUNT,
        "frontier": _TEXT,
        "flops": _TEXT,
        "degree": _COUNT,
        "window": _TEXT,
        "bytes": _TEXT,
        "pooling": _TEXT,
        "subjects": _TEXT,
        "form": _TEXT,
        "value": _NUMBER,
        "low": _NUMBER,
        "high": _NUMBER,
        "level": _NUMBER,
        "p_value": _NUMBER,
        "direction": _TEXT,
        "n": _COUNT,
        "chosen": _YES,
        "status": _TEXT,
    }
)

PROMPT_FORMS = pa.schema(
    _LADDER
    | _SERIES
    | _POINT
    | {
        "quantity": _TEXT,
        "reference": _TEXT,
        "points": _TEXT,
        "scale": _TEXT,
        "value": _NUMBER,
        "stderr": _NUMBER,
        "low": _NUMBER,
        "high": _NUMBER,
        "level": _NUMBER,
        "df": _NUMBER,
        "n": _COUNT,
        "scheme": _TEXT,
        "estimand": _TEXT,
        "status": _TEXT,
    }
)

REPRODUCTION = pa.schema(
    {
        "quantity": _TEXT,
        "data": _TEXT,
        "unit": _TEXT,
        "published": _NUMBER,
        "published_stderr": _NUMBER,
        "reproduced": _NUMBER,
        "low": _NUMBER,
        "high": _NUMBER,
        "level": _NUMBER,
        "scheme": _TEXT,
        "difference": _NUMBER,
        "within": _YES,
        "agrees": _YES,
        "source": _TEXT,
        "status": _TEXT,
    }
)

ANSWERS = ("value", "low", "high", "ratio")
TOO_LARGE = "beyond what a number can hold"

SCHEMAS = {
    "frontier": FRONTIER,
    "errors": ERRORS,
    "gaps": GAPS,
    "sizes": SIZES,
    "fits": FITS,
    "predictions": PREDICTIONS,
    "forecasts": FORECASTS,
    "backtests": BACKTESTS,
    "influence": INFLUENCE,
    "forms": FORMS,
    "power": POWER,
    "specifications": SPECIFICATIONS,
    "prompt_forms": PROMPT_FORMS,
    "reproduction": REPRODUCTION,
}


@dataclass(frozen=True)
class Fits:
    """The results of a fit; a number that is null has a status that says why.

    In all of them ``baseline`` is what ``group`` (``contrast`` "group"), ``corpus`` or ``optimizer`` is compared with;
    it is null for traditional laws.

    Attributes
    ----------
    frontier
        A row for each matrix (experiment, corpus, optimizer) and budget, or run where each run is a point: the
        compute-optimal tokens, params and loss (nats a token), and the parabola behind them.
    errors
        A row for each series and point of the frontier: the error at the compute-optimal tokens, with standard errors
        from the runs' scatter and from the items.
    gaps
        A row for each target, baseline and point: ``ratio = E_t / E_b``; ``stderr_log`` is that of its logarithm over
        the items.
    sizes
        A row for each target, baseline and run: the ratio between two optimizers at equal parameters and tokens.
    fits
        A row for each fitted parameter and estimand, with interval, p-value and the p-values adjusted over the family
        (all groups, corpora and optimizers of one suite, prompt and metric). ``direction`` of a ``delta_beta`` is that
        of the gap over ``flops_low`` to ``flops_high``. ``fit`` names a law that the config asked for.
    predictions
        A row for each law of the config and each run that it was to predict without having seen it.
    forecasts
        A row for each curve, compute and candidate, the ``ensemble`` among them: error or ratio with a prediction
        interval; ``data`` and ``code`` are digests of what the forecast rests on.
    backtests
        A row for each forecast that was made inside the data, from smaller budgets to larger ones (``origin``
        "compute"), or from smaller models to larger ones ("size"); ``origin_flops`` and ``origin_params`` are the
        largest known then.
    influence
        A row for each curve and point: what is fitted without it. ``carries``: the gap's direction is clear with it and
        not without it.
    forms
        A row for each curve and form of law: its error on the largest budgets, fitted on the others; rank 1 is best.
    power
        A row for each curve, Δβ, resource ("budgets", "runs", "items") and count of it: the share of simulated
        experiments in which the interval of Δβ leaves 0 out; ``enough`` from 80% on.
    specifications
        A row for each target and way to analyse it: its Δβ, the choices behind it, and which of them is the default
        (``chosen``).
    prompt_forms
        Of suites with several prompt forms. ``quantity`` "r_squared": a row for each series, the share of its variance
        that a line on ln compute explains. "difference": for each accuracy, its value under a form less that under the
        ``reference`` form, a row for each point of the frontier, and one for all of them together without a ``run`` and
        ``budget``.
    reproduction
        A row for each published number that the config's answers name: published, ours with its interval, difference;
        and for each of ours that there is no published number for.
    """

    frontier: pa.Table
    errors: pa.Table
    gaps: pa.Table
    sizes: pa.Table
    fits: pa.Table
    predictions: pa.Table
    forecasts: pa.Table
    backtests: pa.Table
    influence: pa.Table
    forms: pa.Table
    power: pa.Table
    specifications: pa.Table
    prompt_forms: pa.Table
    reproduction: pa.Table


def from_rows(rows: Mapping[str, list[dict[str, Any]]]) -> Fits:
    """Rows of each table as tables; a table without rows is empty, and a missing key, nan and infinity are null."""
    return Fits(**{name: _table(rows.get(name, []), schema) for name, schema in SCHEMAS.items()})


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    for row in rows:
        if row.get("status") == "ok" and any(abs(row.get(name) or 0.0) == np.inf for name in ANSWERS):
            row["status"] = TOO_LARGE
    return pa.table(
        [_column([row.get(field.name) for row in rows], field.type) for field in schema], schema=schema
    )


def _column(cells: list[Any], kind: pa.DataType) -> pa.Array:
    if kind != _NUMBER:
        return pa.array(cells, kind)
    numbers = np.array(cells, dtype=float)  # None is nan
    return pa.array(numbers, kind, mask=~np.isfinite(numbers))


def write(fits: Fits, folder: str | Path) -> None:
    """Write the tables as ``<folder>/<name>.parquet``, all or none; what an earlier fit wrote there is replaced.

    Raises
    ------
    RelscaleError
        The folder holds something else, which would be lost with it.
    """
    folder = Path(folder).resolve()  # "." has no name to rename to
    own = {f"{field.name}.parquet" for field in fields(Fits)}
    others = sorted(path.name for path in folder.glob("[!.]*") if path.name not in own)
    if others:
        raise RelscaleError(
            f"{folder}: holds {others[0]}, which is no table of a fit; name a folder of its own"
        )
    with atomic_path(folder) as partial:
        partial.mkdir()
        for field in fields(Fits):
            write_table(getattr(fits, field.name), partial / f"{field.name}.parquet")


def read(folder: str | Path) -> Fits:
    """The tables that ``write`` wrote."""
    return Fits(*(read_table(Path(folder) / f"{field.name}.parquet") for field in fields(Fits)))
