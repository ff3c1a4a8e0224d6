"""Forecast targets of a law on a table: as options of a line, and as rows that other laws predict."""

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import RelscaleError
from relscale.fitting.core_options import Where
from relscale.measurements.status import Status
from relscale.suggestions import suggestion

At = float | Mapping[str, float]  # compute, or a value per predictor

DEFAULT_FACTOR = 10  # default target of a line, in multiples of the largest x
TARGET_COLUMNS = ("training_flops", "params", "tokens")  # allowed in the target of a line


def as_targets(at: At | Sequence[At]) -> list[Mapping[str, float]]:
    """Targets as mappings from predictor to value; a number is training compute.

    Raises
    ------
    RelscaleError
        A value is not a positive number.
    """
    points = list(at) if isinstance(at, Sequence) and not isinstance(at, str) else [at]
    targets: list[Mapping[str, float]] = [
        dict(point) if isinstance(point, Mapping) else {"training_flops": point} for point in points
    ]
    for target in targets:
        for name, value in target.items():
            if not isinstance(value, Real) or not 0 < value < np.inf:
                raise RelscaleError(f"at: {name} is {value!r}, which is not a positive number")
    return targets


def line_options(
    measurements: pa.Table,
    law: str,
    baseline: str | None,
    suite: str,
    level: float,
    bootstrap: int,
    targets: Sequence[Mapping[str, float]] = (),
) -> Mapping[str, object]:
    """The options of the config's section ``fit`` that fit and forecast a line.

    Raises
    ------
    RelscaleError
        A target has other names than compute, parameters and tokens, or no compute.
    """
    return {
        "frontier": "all",
        "level": level,
        "bootstrap": bootstrap,
        "baselines": {suite: baseline} if law == "relative" else {},
        "metrics": {suite: [measurements["metric"][0].as_py()]},
        "specifications": [],
        "forecast": [_target(target) for target in targets]
        or [{"training_flops": DEFAULT_FACTOR * pc.max(measurements["training_flops"]).as_py()}],
    }


def _target(target: Mapping[str, float]) -> dict[str, float]:
    """A target as an entry of ``fit.forecast``."""
    if "training_flops" not in target:
        raise RelscaleError("at: a forecast needs training_flops; give it in addition to params and tokens")
    for name in target:
        if name not in TARGET_COLUMNS:
            raise RelscaleError(f"at: no {name!r}; {suggestion(name, TARGET_COLUMNS, 'a forecast has')}")
    return dict(target)


def with_targets(
    measurements: pa.Table,
    targets: Sequence[Mapping[str, float]],
    predictors: Sequence[str],
    law: str,
    is_measured: bool,
) -> tuple[pa.Table, dict[str, Where]]:
    """Measurements with an added row per group and target, without a value, and the conditions that select them.

    Raises
    ------
    RelscaleError
        The predictor of the law is measured, or a target lacks a predictor.
    """
    if is_measured:
        raise RelscaleError(
            f"at: the predictor of the law {law!r} is measured, and there is no measurement at the targets"
        )
    for target in targets:
        missing = [name for name in predictors if name not in target]
        if missing:
            raise RelscaleError(
                f"at: the law {law!r} has the predictors {', '.join(predictors)}; give {missing[0]} too, as in "
                f"{','.join(f'{name}=…' for name in predictors)}"
            )
    curves = measurements.group_by(["experiment", "corpus", "suite", "prompt", "metric", "group"]).aggregate(
        []
    )
    labels = [", ".join(f"{name}={value:g}" for name, value in target.items()) for target in targets]
    rows = [
        {**curve, **target, "run": run, "block": run, "status": str(Status.OK)}
        for curve in curves.to_pylist()
        for run, target in zip(labels, targets, strict=True)
    ]
    runs = sorted(set(measurements["run"].to_pylist()))
    added = pa.Table.from_pylist(rows, schema=measurements.schema)
    return pa.concat_tables([measurements, added]), {
        "only": {"run": tuple(runs)},
        "predict": {"run": tuple(labels)},
    }
