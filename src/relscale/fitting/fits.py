"""What fitting gives: four tables."""

from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa

from relscale.atomic import atomic_path
from relscale.tables import read_table, write_table

_TEXT, _NUMBER, _COUNT = pa.string(), pa.float64(), pa.int64()

_LADDER = {"experiment": _TEXT, "corpus": _TEXT, "optimizer": _TEXT}
_SERIES = {"suite": _TEXT, "prompt": _TEXT, "metric": _TEXT, "group": _TEXT}
_POINT = {"budget": _NUMBER, "run": _TEXT, "training_flops": _NUMBER}

FRONTIER = pa.schema(
    _LADDER
    | _POINT
    | {
        "log_tokens": _NUMBER,
        "tokens": _NUMBER,
        "params": _NUMBER,
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
    | {"baseline": _TEXT}
    | _POINT
    | {"ratio": _NUMBER, "log_ratio": _NUMBER, "stderr_log": _NUMBER, "status": _TEXT}
)

FITS = pa.schema(
    _LADDER
    | _SERIES
    | {
        "baseline": _TEXT,
        "law": _TEXT,
        "parameter": _TEXT,
        "predictor": _TEXT,
        "value": _NUMBER,
        "stderr": _NUMBER,
        "low": _NUMBER,
        "high": _NUMBER,
        "level": _NUMBER,
        "df": _NUMBER,
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


@dataclass(frozen=True)
class Fits:
    """The results of a fit; a number that is null has a status that says why.

    Attributes
    ----------
    frontier
        A row for each ladder (experiment, corpus, optimizer) and budget, or run where each run is a point: the
        compute-optimal tokens, params and loss (nats a token), and the parabola behind them.
    errors
        A row for each series and point of the frontier: the error at the compute-optimal tokens, with standard errors
        from the runs' scatter and from the items.
    gaps
        A row for each target, baseline and point: ``ratio = E_t / E_b``; ``stderr_log`` is that of its logarithm over
        the items.
    fits
        A row for each fitted parameter and estimand, with interval, p-value and the p-values adjusted over the family
        (all groups, corpora and optimizers of one suite, prompt and metric). ``direction`` of a ``delta_beta`` is that
        of the gap over ``flops_low`` to ``flops_high``.
    """

    frontier: pa.Table
    errors: pa.Table
    gaps: pa.Table
    fits: pa.Table


def write(fits: Fits, folder: str | Path) -> None:
    """Write the four tables as ``<folder>/<name>.parquet``, all or none."""
    with atomic_path(folder) as partial:
        partial.mkdir()
        for field in fields(Fits):
            write_table(getattr(fits, field.name), partial / f"{field.name}.parquet")


def read(folder: str | Path) -> Fits:
    """The tables that ``write`` wrote."""
    return Fits(*(read_table(Path(folder) / f"{field.name}.parquet") for field in fields(Fits)))
