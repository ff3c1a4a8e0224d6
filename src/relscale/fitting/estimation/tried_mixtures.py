"""The mixtures that a law of the config is fitted to: shares of parts, and a target for each value of its ``by``."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from relscale.errors import RelscaleError, keyed
from relscale.fitting.core_options import FurtherLaw
from relscale.fitting.estimation.law_columns import law_columns
from relscale.fitting.estimation.law_points import ModelKey, Points, distinct, held_in, points, select
from relscale.laws.catalogue import law_or_family
from relscale.laws.law import Family
from relscale.storage.column_arrays import Columns
from relscale.suggestions import suggestion

# Options of a law's fit that the optimal mixture does not support.
OTHER_FITS = ("fixed", "anchor", "loss", "weights", "leave_out_highest")
MODEL = ["experiment", "corpus", "optimizer", "run", "step"]  # the columns of ``ModelKey``


@dataclass(frozen=True)
class TriedMixtures:
    """The mixtures that models were trained on, one row per model.

    Attributes
    ----------
    columns
        The law's predictors, and a column per target.
    incomplete
        Number of further models that lack a target or a predictor.
    metric
        Metric of the targets; None if they differ.
    """

    columns: Columns
    shares: tuple[str, ...]
    targets: tuple[str, ...]
    runs: tuple[str, ...]
    incomplete: int
    metric: str | None


def check_equal_points(law: FurtherLaw) -> None:
    """Refuse a law with an option that requires another fit than unweighted least squares."""
    others = [
        option for option in OTHER_FITS if getattr(law, option) != FurtherLaw.model_fields[option].default
    ]
    if others:
        raise RelscaleError(
            f"fit.laws.{law.name}: the optimal mixture is computed by unweighted least squares, without "
            f"{', '.join(others)}; remove these, or add a law without them"
        )


def tried_mixtures(measurements: pa.Table, entry: FurtherLaw, called: Sequence[str] = ()) -> TriedMixtures:
    """The models that a law of the config is fitted to and that have all targets.

    Parameters
    ----------
    entry
        The law; each value of its ``by`` is a target.
    called
        Names of targets as in ``targets_called``; by default all targets.

    Raises
    ------
    RelscaleError
        Columns or measurements are missing, a model has several values of a target, or no target has such a name.
    """
    place = f"fit.laws.{entry.name}"
    with keyed(place):
        of = law_columns(entry.law, entry.x, measurements)
    family = law_or_family(entry.law)
    assert isinstance(family, Family)
    first = len(family.first_predictors)
    shares = of.columns[first : first + (len(of.columns) - first) // (1 + len(family.extra_prefixes))]
    rows_by_target = _rows_by_target(measurements, entry, called, place)
    targets = {
        name: points(of.law, of.columns, rows, None, entry.residual == "log")
        for name, rows in rows_by_target.items()
    }
    by_model = {name: _by_model(target, f"{place}: {name}") for name, target in targets.items()}
    first_target = next(iter(targets))
    models = [key for key in by_model[first_target] if all(key in values for values in by_model.values())]
    index_of = {row.model: i for i, row in enumerate(targets[first_target].rows)}
    x = targets[first_target].x[:, [index_of[key] for key in models]]
    columns = dict(zip(family.columns(shares), x, strict=True))
    if alike := columns.keys() & by_model.keys():
        raise RelscaleError(f"{place}: {alike.pop()!r} is both a predictor and a target; rename one")
    columns |= {name: np.array([values[key] for key in models]) for name, values in by_model.items()}
    key = [name for name in MODEL if name in measurements.column_names]
    measured = pa.concat_tables([rows.select(key) for rows in rows_by_target.values()])
    incomplete = measured.group_by(key).aggregate([]).num_rows - len(models)
    runs = tuple(str(key[3]) for key in models)
    metrics = {row.metric for target in targets.values() for row in target.rows}
    metric = metrics.pop() if len(metrics) == 1 else None
    return TriedMixtures(Columns(columns), shares, tuple(targets), runs, incomplete, metric)


def _rows_by_target(
    measurements: pa.Table, entry: FurtherLaw, called: Sequence[str], place: str
) -> dict[str, pa.Table]:
    """The measurements that a law is fitted to, by the names of its targets; ``called`` limits these."""
    measured = select(measurements, entry.where or {}, place)
    fitted = held_in(measured, entry, place)
    values_of = {
        ", ".join(map(str, values.values())) or "value": values
        for values in distinct(select(measured, entry.only or {}, f"{place}.only"), entry.by, place)
    }
    values_fitted = distinct(fitted, entry.by, place)
    rows: dict[str, pa.Table] = {}
    for name in targets_called(called, tuple(values_of)) if called else values_of:
        values = values_of[name]
        if values not in values_fitted:
            raise RelscaleError(
                f"{place}: all measurements of the target {name!r} are held out for prediction; none is left to fit; "
                f"restrict predict to corpora or runs, or exclude the target under where"
            )
        rows[name] = select(fitted, values, place) if values else fitted
    return rows


def targets_called(names: Sequence[str], targets: Sequence[str]) -> tuple[str, ...]:
    """The targets that have one of these names, or one of them as a value of their ``by``, such as a suite.

    Raises
    ------
    RelscaleError
        A name matches no target and no value of one.
    """
    for name in names:
        if not any(name == target or name in target.split(", ") for target in targets):
            values = dict.fromkeys(value for target in targets for value in (target, *target.split(", ")))
            raise RelscaleError(f"--target: no target {name!r}; {suggestion(name, values)}")
    return tuple(target for target in targets if {target, *target.split(", ")} & set(names))


def _by_model(target: Points, place: str) -> dict[ModelKey, float]:
    values: dict[ModelKey, float] = {}
    for row, value in zip(target.rows, target.y, strict=True):
        if row.model in values:
            raise RelscaleError(
                f"{place}: run {row.run!r} has several values; set suite and metric under where"
            )
        values[row.model] = float(value)
    return values
