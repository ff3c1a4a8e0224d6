"""Number format of the weights in scoring: a column ``quantization`` of the measurements."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import RelscaleError
from relscale.measurements.metric import VALIDATION

COLUMN = "quantization"
NONE = "none"


def with_quantization(rows: pa.Table, quantization: str, logged: Sequence[str] = ()) -> pa.Table:
    """Measurements with the column; validation losses, which were measured in training, have ``none``.

    Nothing is added if weights were not quantized.

    Parameters
    ----------
    rows
        The measurements.
    quantization
        The format of the weights in scoring.
    logged
        Runs with samples logged by lm-eval, whose weights were not quantized here.
    """
    if quantization == NONE:
        return rows
    unquantized = pc.equal(rows["suite"], VALIDATION.suite)
    if logged:
        unquantized = pc.or_(unquantized, pc.is_in(rows["run"], pa.array(logged)))
    return rows.append_column(
        pa.field(COLUMN, pa.string()), pc.if_else(unquantized, NONE, pa.scalar(quantization))
    )


def refuse_mixed_formats(rows: pa.Table) -> None:
    """Refuse measurements of suites that were scored with weights in several formats."""
    if COLUMN not in rows.column_names:
        return
    suites = rows.filter(pc.not_equal(rows["suite"], VALIDATION.suite))
    formats = sorted(set(pc.unique(pc.fill_null(suites[COLUMN], NONE)).to_pylist()))
    if len(formats) > 1:
        raise RelscaleError(
            f"measurements: suites were scored with weights of {' and '.join(formats)} (column {COLUMN}), whose "
            f"errors are not comparable; fit the tables separately"
        )
