"""A law of a table as entries of the config's section ``fit.laws``, and their fit."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from relscale.fitting.core_options import FurtherLaw
from relscale.fitting.estimation.law_fits import law_fits
from relscale.fitting.fits import Fits, from_rows
from relscale.fitting.settings import Settings
from relscale.laws.catalogue import law as found_law
from relscale.laws.law import Law
from relscale.table_fit.columns import Columns
from relscale.table_fit.law_rows import OBSERVED_LOSS, LawRows
from relscale.table_fit.measurements import error_metric
from relscale.table_fit.targets import with_targets

DELTA = 1e-3  # of Huber's loss: in ln y, or as a share of the median y


def law_entry(
    shown: str,
    law: Law,
    columns: Columns,
    rows: LawRows,
    delta: float | None,
    estimation: Mapping[str, object],
) -> FurtherLaw:
    """The entry of a law of the column of errors.

    Parameters
    ----------
    delta
        By default ``DELTA``, or for linear residuals that share of the median error.
    estimation
        The entry's residual, loss, fixed parameters and anchors.
    """
    values = rows.measurements["value"].to_numpy()
    unit = 1.0 if estimation["residual"] == "log" else float(np.nanmedian(np.abs(values)))
    threshold = DELTA * unit if delta is None else delta
    return FurtherLaw.model_validate(
        {
            "name": shown,
            "law": shown,
            "by": ("corpus", "group") if columns.group else ("corpus",),
            "x": law.input_columns,
            "baseline": columns.baseline,
            "where": {"metric": error_metric(columns.y[0])},
            **({"delta": threshold} if threshold > 0 else {}),
            **estimation,
        }
    )


def fit_rows(
    entry: FurtherLaw,
    rows: LawRows,
    law: Law | str,
    targets: Sequence[Mapping[str, float]],
    settings: Settings,
) -> Fits:
    """The parameters of a law of these rows, and predictions at the targets.

    A measured predictor is a group's own, so that each group has an entry of its own.

    Raises
    ------
    RelscaleError
        There are targets, and the law cannot be predicted without measurements there.
    """
    entries, measurements = [entry], rows.measurements
    is_of_trainings = found_law(law, entry.x or ()).make_predictors is not None
    if is_of_trainings:
        measurements = rows.usable
    elif rows.observed is not None:
        measurements = pa.concat_tables([measurements, rows.observed])
        entries = [
            entry.model_copy(
                update={
                    "where": {**(entry.where or {}), "group": group},
                    "predictor": {"metric": OBSERVED_LOSS, "group": group},
                }
            )
            for group in sorted(set(measurements["group"].to_pylist()))
        ]
    if targets:
        is_measured = is_of_trainings or rows.observed is not None
        measurements, ahead = with_targets(measurements, targets, entry.x or (), entry.name, is_measured)
        entries = [entry.model_copy(update=ahead) for entry in entries]
    user_laws = {law.name: law} if isinstance(law, Law) else {}
    settings = settings.model_copy(update={"laws": tuple(entries), "user_laws": user_laws})
    parameters, predictions = law_fits(measurements, settings)
    return from_rows({"fits": parameters, "predictions": predictions})
