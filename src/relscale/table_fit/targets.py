"""Where a law on a table forecasts: targets as the options of a line, and as rows that a law predicts."""

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import RelscaleError
from relscale.fitting.core_options import Where
from relscale.measurements.status import Status
from relscale.suggestions import suggestion

At = float | Mapping[str, float]  # compute alone, or a value per predictor

AHEAD = 10  # how far ahead of the data a line is forecast, as a factor of x
OF_A_MODEL = ("training_flops", "params", "tokens")  # what may be said of a model that is forecast


def as_targets(at: At | Sequence[At]) -> list[Mapping[str, float]]:
    """Where to predict: mappings from predictor to value; a number alone is training compute.

    Raises
    ------
    RelscaleError
        One is no positive number.
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
    """The section ``fit`` of an experiment by which a law that is a line is fitted and forecast.

    Raises
    ------
    RelscaleError
        A target names something else than compute, parameters and tokens, or no compute.
    """
    return {
        "frontier": "all",
        "level": level,
        "bootstrap": bootstrap,
        "baselines": {suite: baseline} if law == "relative" else {},
        "metrics": {suite: [measurements["metric"][0].as_py()]},
        "specifications": [],
        "forecast": [_target(target) for target in targets]
        or [{"training_flops": AHEAD * pc.max(measurements["training_flops"]).as_py()}],
    }


def _target(target: Mapping[str, float]) -> dict[str, float]:
    """A target as the section ``fit.forecast`` has it."""
    if "training_flops" not in target:
        raise RelscaleError("at: a forecast needs training_flops; name it beside params and tokens")
    for name in target:
        if name not in OF_A_MODEL:
            raise RelscaleError(f"at: a forecast knows no {name!r}; {suggestion(name, OF_A_MODEL)}")
    return dict(target)


def with_targets(
    measurements: pa.Table,
    targets: Sequence[Mapping[str, float]],
    predictors: Sequence[str],
    law: str,
    is_measured: bool,
) -> tuple[pa.Table, dict[str, Where]]:
    """Measurements with one row per group and target, without a value; and the columns that identify them.

    Raises
    ------
    RelscaleError
        The law starts from a measured number, or a target lacks a predictor.
    """
    if is_measured:
        raise RelscaleError(
            f"at: the law {law!r} starts from what was measured, and nothing was measured there"
        )
    for target in targets:
        missing = [name for name in predictors if name not in target]
        if missing:
            raise RelscaleError(
                f"at: the law {law!r} is of {', '.join(predictors)}; give {missing[0]} too, as in "
                f"{','.join(f'{name}=…' for name in predictors)}"
            )
    curves = measurements.group_by(["experiment", "corpus", "suite", "prompt", "metric", "group"]).aggregate(
        []
    )
    ahead = [", ".join(f"{name}={value:g}" for name, value in target.items()) for target in targets]
    rows = [
        {**curve, **target, "run": run, "block": run, "status": str(Status.OK)}
        for curve in curves.to_pylist()
        for run, target in zip(ahead, targets, strict=True)
    ]
    runs = sorted(set(measurements["run"].to_pylist()))
    added = pa.Table.from_pylist(rows, schema=measurements.schema)
    return pa.concat_tables([measurements, added]), {
        "only": {"run": tuple(runs)},
        "predict": {"run": tuple(ahead)},
    }
