"""The number format of the weights that suites were scored with: a column ``quantization`` beside measurements."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import RelscaleError
from relscale.measurements.metric import VALIDATION

COLUMN = "quantization"
NONE = "none"


def with_quantization(rows: pa.Table, quantization: str, logged: Sequence[str] = ()) -> pa.Table:
    """Measurements with the column; validation losses, which the training measured, have ``none``.

    Nothing is added where weights were not quantized.

    Parameters
    ----------
    rows
        The measurements.
    quantization
        The format of the weights in scoring.
    logged
        Runs whose samples others logged, with weights that were not quantized here.
    """
    if quantization == NONE:
        return rows
    elsewhere = pc.equal(rows["suite"], VALIDATION.suite)
    if logged:
        elsewhere = pc.or_(elsewhere, pc.is_in(rows["run"], pa.array(logged)))
    return rows.append_column(
        pa.field(COLUMN, pa.string()), pc.if_else(elsewhere, NONE, pa.scalar(quantization))
    )


def refuse_mixed(rows: pa.Table) -> None:
    """Refuse measurements of suites that were scored with weights of several formats.

    Raises
    ------
    RelscaleError
        They were.
    """
    if COLUMN not in rows.column_names:
        return
    suites = rows.filter(pc.not_equal(rows["suite"], VALIDATION.suite))
    formats = sorted(set(pc.unique(pc.fill_null(suites[COLUMN], NONE)).to_pylist()))
    if len(formats) > 1:
        raise RelscaleError(
            f"measurements: suites were scored with weights of {' and '.join(formats)} (column {COLUMN}), whose "
            f"errors are not comparable; fit the tables separately"
        )
