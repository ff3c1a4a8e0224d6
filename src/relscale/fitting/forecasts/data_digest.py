"""A digest of the data used for a forecast, so that forecasts can be scored later."""

import hashlib
import json
from typing import Any

import numpy as np

from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.forecast_data import ForecastData
from relscale.fitting.keys import CurveKey
from relscale.storage.rows import fields_of


def data_digest(curves: Curves, data: ForecastData) -> str:
    """The sha256, in hexadecimal, of every curve's key and values, with compute, parameters and tokens, and responses.

    It does not depend on the order of curves and points. All bits of the numbers are included.
    """
    coordinates = (data.scales.log_flops, data.scales.log_params, data.scales.log_tokens)
    parts = [
        json.dumps([curves.quantity, _name(key)], sort_keys=True, default=str).encode()
        + _rows(*coordinates, curves.value[:, j], curves.target[:, j])
        for j, key in enumerate(curves.keys)
    ]
    if data.runs is not data.scales:
        runs = (data.runs.log_flops, data.runs.log_params, data.runs.log_tokens)
        parts += [_rows(*runs, series) for series in data.run_errors.T]
    if data.answered is not None:
        answered = (
            data.answered.scales.log_flops,
            data.answered.scales.log_params,
            data.answered.scales.log_tokens,
        )
        for responses in data.answered.responses.values():
            parts += [_rows(*answered, *responses.right.T), responses.weight.tobytes()]
    digest = hashlib.sha256()
    for part in sorted(parts):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _name(key: CurveKey) -> dict[str, Any]:
    """The cells of a key; those of an error do not name a baseline."""
    cells = fields_of(key)
    return {
        name: cell
        for name, cell in cells.items()
        if cell is not None or name not in ("baseline", "contrast", "arm")
    }


def _rows(*columns: Floats) -> bytes:
    """The bytes of the rows, little-endian, sorted."""
    table = np.stack([np.asarray(column, dtype="<f8") for column in columns], axis=1)
    return b"".join(sorted(row.tobytes() for row in np.where(np.isnan(table), np.nan, table + 0.0)))
