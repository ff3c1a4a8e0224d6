"""Contrasts between runs that differ in a column: ratios between the arms of an experiment at matched compute."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import RelscaleError
from relscale.fitting.curves.contrasts import BY, contrast
from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier_curves import FrontierCurves, frontier_curves
from relscale.fitting.curves.replicate_array import Replicates
from relscale.fitting.curves.run_matrix import run_matrices
from relscale.fitting.settings import Settings
from relscale.suggestions import suggestion

Arms = dict[str, list[FrontierCurves]]


def arm_contrasts(
    measurements: pa.Table, replicates: "Replicates | None", settings: Settings
) -> Iterator[Curves]:
    """Curves of ln E of the runs with each value of a column, minus ln E of those with the baseline's value.

    Each arm has its own frontier; points are matched as between corpora (``relscale.fitting.curves.contrasts``).

    Raises
    ------
    RelscaleError
        A column is missing, or no run has the baseline's value.
    """
    for column, baseline in settings.contrasts.columns.items():
        arms = _arms(measurements, replicates, column, settings)
        name = _text(baseline)
        if name not in arms:
            raise RelscaleError(
                f"fit.contrasts.columns.{column}: no run has {name}; values: {', '.join(arms) or 'none'}"
            )
        others = {_shared_key(frontier, column): frontier for frontier in arms[name]}
        for arm, frontiers in arms.items():
            for frontier in frontiers:
                against = others.get(_shared_key(frontier, column))
                if arm != name and against is not None:
                    yield from contrast(frontier.errors, against.errors, column, name, arm)


def _arms(measurements: pa.Table, replicates: "Replicates | None", column: str, settings: Settings) -> Arms:
    """The frontiers of the runs with each value of a column, by that value as text."""
    key = f"fit.contrasts.columns.{column}"
    if column in BY:
        raise RelscaleError(f"{key}: use the option fit.contrasts.{column}")
    if column not in measurements.column_names:
        raise RelscaleError(f"{key}: no such column; {suggestion(column, measurements.column_names)}")
    arms: Arms = {}
    for value in sorted(measurements[column].drop_null().unique().to_pylist()):
        of_arm = measurements.filter(pc.equal(measurements[column], value))
        drawn = None
        if replicates is not None:
            in_arm = pc.field("run").isin(of_arm["run"].unique())
            if column in replicates.schema.names:
                in_arm &= pc.field(column) == value
            drawn = replicates.filter(in_arm)
        arms[_text(value)] = [frontier_curves(matrix, settings) for matrix in run_matrices(of_arm, drawn)]
    return arms


def _shared_key(frontier: FrontierCurves, column: str) -> tuple[str | None, ...]:
    """The key that the runs of two arms must share to be compared."""
    matrix = frontier.matrix
    return (None if column == "experiment" else matrix.experiment, matrix.corpus, matrix.optimizer)


def _text(value: str | float) -> str:
    """A value as text: a whole number without a decimal point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
