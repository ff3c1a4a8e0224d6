"""A law of a table as entries of the config's section ``fit.laws``, and their fit."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from relscale.fitting.core_options import FurtherLaw
from relscale.fitting.estimation.law_fits import law_fits
from relscale.fitting.fits import Fits, from_rows
from relscale.fitting.inference.bootstrap.schemes import Floats
from relscale.fitting.settings import Settings
from relscale.laws.law import Law
from relscale.table_fit.measurements import error_metric
from relscale.table_fit.targets import with_targets

DELTA = 1e-3  # of Huber's loss: in ln y, or as a share of the median y
OBSERVED_LOSS = "loss_seen"  # the metric of a measured predictor


def law_entry(
    law: str,
    error: str,
    predictors: Sequence[str],
    values: Floats,
    *,
    residual: str,
    loss: str,
    delta: float | None,
    grouped: bool,
    fixed: Mapping[str, float],
    anchors: Iterable[tuple[float, ...]],
    baseline: str | None,
) -> FurtherLaw:
    """The entry of a law of one error.

    ``delta`` is by default ``DELTA``, or for linear residuals that share of the median of ``values``.
    """
    unit = 1.0 if residual == "log" else float(np.nanmedian(np.abs(values)))
    threshold = DELTA * unit if delta is None else delta
    return FurtherLaw.model_validate(
        {
            "name": law,
            "law": law,
            "residual": residual,
            "loss": loss,
            "by": ("corpus", "group") if grouped else ("corpus",),
            "x": tuple(predictors),
            "fixed": dict(fixed),
            "anchor": tuple(anchors),
            "baseline": baseline,
            "where": {"metric": error_metric(error)},
            **({"delta": threshold} if threshold > 0 else {}),
        }
    )


def entries_of_groups(entry: FurtherLaw, groups: Iterable[str]) -> list[FurtherLaw]:
    """An entry per group, whose predictor is the group's own observed loss."""
    return [
        entry.model_copy(
            update={
                "where": {**(entry.where or {}), "group": group},
                "predictor": {"metric": OBSERVED_LOSS, "group": group},
            }
        )
        for group in sorted(groups)
    ]


def fit_entries(
    entries: Sequence[FurtherLaw],
    measurements: pa.Table,
    law: Law | str,
    targets: Sequence[Mapping[str, float]],
    settings: Settings,
    *,
    predictable: bool,
) -> Fits:
    """The parameters of these entries, and predictions at the targets.

    Raises
    ------
    RelscaleError
        There are targets, and the law is not ``predictable`` without measurements there.
    """
    if targets:
        predictors = entries[0].x or ()
        measurements, ahead = with_targets(
            measurements, targets, predictors, entries[0].name, not predictable
        )
        entries = [entry.model_copy(update=ahead) for entry in entries]
    user_laws = {law.name: law} if isinstance(law, Law) else {}
    settings = settings.model_copy(update={"laws": tuple(entries), "user_laws": user_laws})
    parameters, predictions = law_fits(measurements, settings)
    return from_rows({"fits": parameters, "predictions": predictions})
