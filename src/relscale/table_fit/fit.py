"""Fit one law to a table (CSV, JSON lines or parquet); the result has a summary, tables and figures.

>>> import relscale
>>> result = relscale.fit("table.csv", x="training_flops", y="bpb", group="subgroup", baseline="stem")  # doctest: +SKIP

The table is converted to measurements and fitted in the same way as an experiment.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from relscale.arguments import typed
from relscale.confidence import LEVEL
from relscale.errors import RelscaleError
from relscale.fitting.fit import fit as fit_measurements
from relscale.fitting.fits import Fits
from relscale.fitting.settings import Settings
from relscale.laws.catalogue import law as found_law
from relscale.laws.law import Law
from relscale.laws.own_law import law_of
from relscale.lookalikes import remarks_on_case
from relscale.measurements.lm_eval_results import (
    NO_ITEMS,
    check_equal_tasks,
    check_one_metric,
    names_results,
    with_scores,
)
from relscale.measurements.quantization import refuse_mixed_formats
from relscale.measurements.status import Status
from relscale.table_fit.checks import (
    anchor_points,
    check_fixed,
    check_no_amounts,
    check_no_mean,
    check_options,
    is_line,
    log_lines,
)
from relscale.table_fit.columns import (
    Columns,
    as_long,
    as_names,
    guessed,
    guesses,
    with_errors,
    with_groups,
)
from relscale.table_fit.known_columns import (
    higher_is_better,
    names_of_groups,
    shares_and_percentages,
    steps_of_a_training,
)
from relscale.table_fit.law_entries import fit_rows, law_entry
from relscale.table_fit.law_rows import law_rows
from relscale.table_fit.measurements import check_columns, read_source
from relscale.table_fit.result import TableFit
from relscale.table_fit.row_filter import filter_rows
from relscale.table_fit.targets import At, as_targets, line_options

CLUSTERED = (
    "cluster: a table of measurements has one number per run and group and no items to cluster; results of a suite "
    "are resampled by the cluster in its suite.yaml, and block identifies checkpoints of one training run"
)


@typed
def fit(
    table: Any,
    law: str | Law | Callable[..., Any] | None = None,
    *,
    x: str | Sequence[str] | None = None,
    y: str | Sequence[str] | None = None,
    group: str | None = None,
    baseline: str | None = None,
    corpus: str | None = None,
    run: str | Sequence[str] = (),
    block: str | None = None,
    cluster: str | None = None,
    tokens: str | None = None,
    params: str | None = None,
    residual: str = "log",
    loss: str = "squares",
    delta: float | None = None,
    fixed: Mapping[str, float] | None = None,
    anchor: Sequence[Sequence[float]] = (),
    level: float = LEVEL,
    bootstrap: int = 1000,
    seed: int = 0,
    at: At | Sequence[At] = (),
    where: str | Sequence[str] = (),
    nonlinear: bool = False,
) -> TableFit:
    """Fit one law to a table.

    Arguments that are not given are guessed from the column names, and the guesses are reported.

    Parameters
    ----------
    table
        A path to CSV, TSV, JSON lines or parquet, a pandas or polars frame, or another Arrow table; one row per
        measurement. Instead of values, a column ``results`` can name lm-eval's ``results_*.json``, one row per model.
    law
        "relative", ``G = E_group / E_baseline = γ·x^Δβ``; "power", ``E = α·x^−β`` for each group; another of
        ``relscale.laws()``, fitted to each group separately; or a user-defined law, a ``Law`` or a function ``f(x,
        a, b)``. By default "relative" if there are groups, else "power".
    x
        The column of training compute, or another measure of scale; for other laws one column per predictor; for the
        annealing law step and learning rate.
    y
        The column of the error, which must be positive; lower is better. Several columns are read as a wide table, one
        group per column.
    group, baseline
        The column of test distributions, and the group that the others are compared with; ``"mean"`` compares each
        group with the geometric mean of the others, so that the ratios do not depend on a single baseline.
    corpus
        A column; each of its values is fitted separately.
    run
        Columns that identify a model; by default the column ``run`` if there is one, else ``x``. Groups of the same run
        are paired, because they are measured on the same model.
    block
        A column that identifies the training run of checkpoints, which are not independent points; by default the
        column ``block`` if there is one.
    cluster
        Clusters of items are rejected, because a table of measurements has no items. For a scored suite, ``suite.yaml``
        names the clusters.
    tokens, params
        Columns of training tokens and parameters, for analyses and laws that need them.
    residual, loss
        "log" (residuals of ln y) or "linear" (of y); "squares" or "huber". With log residuals and squares, the
        relative law and the power law are lines in logarithms with a closed-form solution.
    delta
        Threshold of Huber's loss, in the unit of the residuals: by default 0.001, or 0.001 times the median of y for
        linear residuals.
    fixed
        Fixed parameters, such as ``{"E": 1.87}``.
    anchor
        Points known without a measurement, added to every group, each with the law's predictors and the value: ``[(0,
        1)]`` for an accuracy of 1 at a loss of 0.
    level
        Confidence level of the intervals.
    bootstrap
        Number of bootstrap draws.
    seed
        Random seed of the draws.
    at
        Forecast targets: training compute, or mappings with ``training_flops`` and optionally ``params`` and
        ``tokens``; for other laws values of their predictors. By default 10 times the largest x of the data.
    where
        Conditions on columns that select rows: ``"model=7B"``, ``"step>=1000"``, ``"seed!=3"``.
    nonlinear
        Fit a line in logarithms with the nonlinear solver like any other law, without the analyses specific to lines.

    Returns
    -------
    TableFit
        The fitted law; printing it shows a summary.

    Raises
    ------
    RelscaleError
        The table, a column or the baseline is missing, a measurement is duplicated, there is no such law, or an option
        is out of range or does not apply to the law.

    Examples
    --------
    >>> import relscale as rs
    >>> fit = rs.fit(rs.datasets.olmo_ladder(), x="training_flops", y="bpb", group="subgroup", baseline="stem")
    >>> fit.table()["verdict"]
    ['widens', 'widens', 'widens']
    """
    refit = partial(fit, **locals())
    if cluster is not None:
        raise RelscaleError(CLUSTERED)
    targets = as_targets(at)
    if law is not None and not isinstance(law, str | Law) and callable(law):
        law = law_of(law)
    columns = Columns(as_names(x), as_names(y), as_names(run), group, baseline, corpus, block, tokens, params)
    source, name, notes = _read(table, columns, where)
    named, given_rows = with_errors(source, columns, name), source.num_rows
    if len(named.y) > 1:
        notes += list(filter(None, map(higher_is_better, named.y)))[:1]
        source, named = as_long(source, named, name)
    law_is_named = law is not None
    law, columns = with_groups(source, named, law)
    check_options(law, residual, loss, delta, level, bootstrap, seed, baseline)
    columns = guessed(source, columns, law, name)
    law_object = found_law(law, columns.x)
    shown_law = law_object.name if isinstance(law, Law) else law
    (error,) = columns.y
    check_fixed(law_object, fixed or {})
    anchors = anchor_points(law_object, anchor, columns.x, error, residual)
    line = not nonlinear and is_line(law, residual, loss) and not fixed and not anchors
    if not line:
        check_no_mean(source, columns.group, columns.baseline, name)
    rows = law_rows(source, columns, law_object, residual, name, given_rows)
    check_no_amounts(law, columns.x, rows.usable, name)
    units = shares_and_percentages(named.y or columns.y, rows.usable)
    notes += [units] if units else []
    if columns.block is None and law_object.make_predictors is None:
        notes += list(filter(None, [steps_of_a_training(columns.x)]))
    for kind, column in (("group", columns.group), ("corpus", columns.corpus)):
        if column is not None:
            notes += remarks_on_case(rows.measurements[kind].unique().to_pylist(), f"column {column!r}")
    if line:
        line_settings = line_options(
            rows.usable, shown_law, columns.baseline, name, level, bootstrap, targets
        )
        fitted = _of_law(fit_measurements(rows.usable, None, line_settings, seed=seed), shown_law)
    else:
        estimation = {"residual": residual, "loss": loss, "fixed": fixed or {}, "anchor": tuple(anchors)}
        entry = law_entry(shown_law, law_object, columns, rows, delta, estimation)
        settings = Settings(level=level, bootstrap=bootstrap, seed=seed)
        fitted = fit_rows(entry, rows, law, targets, settings)
    _check_any_fitted(fitted, f"{name} ({notes[0]})" if where else name)
    if targets:
        _ = fitted.forecasts  # refuses targets in other units than the table's
    return TableFit(
        rows.measurements,
        fitted,
        _title(shown_law, columns, rows.usable, steps=law_object.make_predictors is not None),
        law_object,
        shown_law,
        residual,
        loss,
        columns.x[0],
        error,
        line,
        guesses(named, columns, None if law_is_named else shown_law),
        level,
        refit,
        (*notes, *(f"anchor: {place}" for place in anchors.values())),
    )


def _read(table: Any, columns: Columns, where: str | Sequence[str]) -> tuple[pa.Table, str, list[str]]:
    """The rows that satisfy the conditions, the name of the table, and remarks on it."""
    source, name = read_source(table, [columns.group, columns.corpus, *names_of_groups()])
    if source.num_rows == 0:
        raise RelscaleError(f"{name}: no rows")
    folder = Path(table).parent if isinstance(table, str | Path) else Path()
    is_of_lm_eval = names_results(source, folder)
    if is_of_lm_eval:
        source = with_scores(source, folder, name)
    check_columns(source, columns.but_errors, name)
    conditions = [where] if isinstance(where, str) else where
    source, remark, _ = filter_rows(source, conditions, name)
    notes = [remark] if remark else []
    if "suite" in source.column_names:
        refuse_mixed_formats(source)
    if not is_of_lm_eval:
        return source, name, notes
    check_one_metric(source, name)
    check_equal_tasks(source, name, [column for column in (columns.group, columns.corpus) if column])
    return source, name, [*notes, NO_ITEMS]


def _check_any_fitted(results: Fits, name: str) -> None:
    if results.fits["value"].null_count == results.fits.num_rows:
        failed = results.fits.filter(pc.not_equal(results.fits["status"], Status.OK)).to_pylist()
        reason = next((row["note"] or row["status"] for row in failed), "no value")
        raise RelscaleError(f"{name}: nothing could be fitted: {reason}")


def _title(law: str, columns: Columns, measurements: pa.Table, steps: bool) -> str:
    """The title of the fit: law, columns, number of runs, and range of compute."""
    runs = len(set(zip(*(measurements[name].to_pylist() for name in ("corpus", "run")), strict=True)))
    points = "steps" if steps else "runs"
    title = f"{law} law of {columns.y[0]} over {', '.join(columns.x)}, {runs} {points}"
    if law in log_lines():
        limits = pc.min_max(measurements["training_flops"]).as_py()
        title += f" from {limits['min']:.3g} to {limits['max']:.3g}"
    return f"{title}, against {columns.baseline}" if law == "relative" else title


def _of_law(results: Fits, law: str) -> Fits:
    """Without the rows of gaps, for a law that compares no groups."""
    if law == "relative":
        return results
    return results.with_table("fits", results.fits.filter(pc.is_null(results.fits["contrast"])))
