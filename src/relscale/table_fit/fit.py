"""Fit one law to a table (CSV, JSON lines or parquet); the result has a summary, tables and figures.

>>> import relscale
>>> result = relscale.fit("table.csv", x="training_flops", y="bpb", group="subgroup", baseline="stem")  # doctest: +SKIP

The table is converted to measurements and fitted in the same way as an experiment.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.arguments import typed
from relscale.confidence import LEVEL
from relscale.errors import RelscaleError
from relscale.fitting.curves.gaps import MEAN
from relscale.fitting.estimation.law_columns import along_trainings
from relscale.fitting.estimation.law_points import MEASURED, SPENT
from relscale.fitting.fit import fit as fit_measurements
from relscale.fitting.fits import Fits
from relscale.fitting.inference.bootstrap.schemes import Floats
from relscale.fitting.settings import Settings
from relscale.laws.catalogue import law as found_law
from relscale.laws.catalogue import law_or_family
from relscale.laws.law import Family, Law
from relscale.laws.own_law import law_of
from relscale.measurements.lm_eval_results import (
    NO_ITEMS,
    check_equal_tasks,
    check_one_metric,
    names_results,
    with_scores,
)
from relscale.measurements.quantization import refuse_mixed_formats
from relscale.measurements.status import Status, joined
from relscale.storage.columns import numbers, words
from relscale.storage.tables import listed
from relscale.table_fit.checks import (
    anchor_points,
    check_baseline,
    check_fixed,
    check_options,
    gap_of,
    is_line,
    log_lines,
)
from relscale.table_fit.known_columns import (
    Guess,
    check_no_logarithm,
    guess_baseline,
    guess_column,
    guess_x,
    guess_y,
    higher_is_better,
    long_table,
)
from relscale.table_fit.law_entries import OBSERVED_LOSS, entries_of_groups, fit_entries, law_entry
from relscale.table_fit.measurements import (
    check_columns,
    check_names,
    check_once,
    error_metric,
    joined_words,
    measurements_of,
    read_source,
    statuses_of,
    whole_steps,
)
from relscale.table_fit.result import TableFit
from relscale.table_fit.row_filter import filter_rows
from relscale.table_fit.targets import At, as_targets, line_options

CLUSTERED = (
    "cluster: a table of measurements has one number per run and group and no items to cluster; results of a suite "
    "are resampled by the cluster in its suite.yaml, and block identifies checkpoints of one training run"
)
ALL = "all"  # the group of a table without groups


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
    arguments = {key: value for key, value in locals().items() if key != "table"}
    if cluster is not None:
        raise RelscaleError(CLUSTERED)
    targets = as_targets(at)
    if law is not None and not isinstance(law, str | Law) and callable(law):
        law = law_of(law)
    xs: list[Any] = [] if x is None else list(x) if isinstance(x, list | tuple) else [x]
    ys: list[Any] = [] if y is None else list(y) if isinstance(y, list | tuple) else [y]
    runs: list[Any] = list(run) if isinstance(run, list | tuple) else [run]
    options = [column for column in (group, corpus, block, tokens, params) if column is not None]
    check_names([*xs, *ys, *runs, *options])
    source, name = read_source(table)
    if source.num_rows == 0:
        raise RelscaleError(f"{name}: no rows")
    folder = Path(table).parent if isinstance(table, str | Path) else Path()
    is_of_lm_eval = names_results(source, folder)
    if is_of_lm_eval:
        source = with_scores(source, folder, name)
    check_columns(source, [*xs, *runs, *options], name)
    source = filter_rows(source, [where] if isinstance(where, str) else where, name)
    if "suite" in source.column_names:
        refuse_mixed_formats(source)
    guessed: list[Guess] = []
    notes: list[str] = []
    if is_of_lm_eval:
        check_one_metric(source, name)
        check_equal_tasks(source, name, [column for column in (group, corpus) if column])
        notes.append(NO_ITEMS)
    if len(ys) == 1 and ys[0] not in source.column_names and "," in ys[0]:
        ys = [column.strip() for column in ys[0].split(",")]
    check_columns(source, ys, name)
    is_wide = len(ys) > 1
    if is_wide:
        if group is not None:
            raise RelscaleError(
                f"{name}: y: several columns mean one group per column, but group is {group!r}; give one of them"
            )
        notes += [note for note in map(higher_is_better, ys) if note][:1]
        unused = {"column", "error"}.intersection(source.column_names) - {*xs, *ys, *runs, *options}
        source = source.drop_columns(sorted(unused))
        source, ys, group = long_table(source, ys, "column", "error", name), ["error"], "column"
    if group is None and (law is None or (not isinstance(law, Law) and gap_of(law) == "ratio")):
        group = guess_column(source, "group", [*xs, *ys])
        guessed += [Guess("group", group)] if group else []
    if law is None:
        law = "relative" if group else "power"
        guessed += [] if group else [Guess("law", law, "no column of groups")]
    check_options(law, residual, loss, delta, level, bootstrap, seed, baseline)
    if not xs:
        general = law_or_family(law)
        if isinstance(general, Family):
            raise RelscaleError(
                f"{name}: x: the law {law!r} has any number of columns, such as {general.pattern}; name them, from "
                f"{listed(source.column_names)}"
            )
        needed = general.source_columns or general.predictors
        xs = guess_x(source, needed, str(getattr(law, "name", law)), name, ys)
        guessed.append(Guess("x", ", ".join(xs)))
    if group is None and not run and "run" not in source.column_names and _repeats(source, xs):
        group = guess_column(source, "group", [*xs, *ys])
        guessed += [Guess("group", group)] if group else []
    if not ys:
        ys = [guess_y(source, [*xs, *([group] if group else [])], name)]
        guessed.append(Guess("y", ys[0]))
    error = str(ys[0])
    if gap_of(law) == "ratio" and group is not None and baseline is None:
        baseline = guess_baseline(source, group, error, name)
        guessed.append(Guess("baseline", baseline, "the largest error"))
    if gap_of(law) == "ratio" or baseline is not None:
        check_baseline(source, group, baseline, law, name)
    for key, option in (("tokens", tokens), ("params", params)):
        if option is None and key in source.column_names and key not in xs and _is_numeric(source, key):
            tokens, params = (key, params) if key == "tokens" else (tokens, key)
    block = block or ("block" if "block" in source.column_names else None)
    law_object = found_law(law, xs)
    shown_law = law_object.name if isinstance(law, Law) else law
    resolved = {"law": law, "x": xs, "baseline": baseline}
    resolved |= {} if is_wide else {"y": error, "group": group}
    refit = partial(fit, table, **{**arguments, **resolved})
    check_fixed(law_object, fixed or {})
    anchors = anchor_points(law_object, anchor, xs, error, residual)
    notes += [f"anchor: {place}" for place in anchors.values()]
    line = not nonlinear and is_line(law, residual, loss) and not fixed and not anchors
    if baseline == MEAN and not line and group and MEAN not in words(source[group], name):
        raise RelscaleError(
            f"{name}: baseline: the mean of the other groups requires the relative law as a line in logarithms; "
            f"name a group"
        )
    is_training_law = law_object.make_predictors is not None  # a law of the steps of a training run
    if not runs:
        runs = ["run"] if "run" in source.column_names else [] if is_training_law else xs
    trainings = [block] if block else runs
    if is_training_law:
        runs = list(dict.fromkeys([*trainings, xs[0]]))
    predictors = law_object.source_columns or law_object.predictors
    if len(xs) != len(predictors):
        raise RelscaleError(
            f"{name}: x: the law {shown_law!r} has the predictors {', '.join(predictors)}, but {len(xs)} columns "
            "are given"
        )
    check_columns(source, [*runs, *trainings], name)

    def floats(column: str) -> Floats:
        floats: Floats = numbers(source[column], f"{name}: column {column!r}").to_numpy()
        return floats

    rows = source.num_rows
    columns = {
        "corpus": joined_words(source, [corpus], name) if corpus else pa.repeat(name, rows),
        "run": joined_words(source, runs, name, xs),
        "block": joined_words(source, trainings, name, xs) if trainings else pa.repeat(name, rows),
        "suite": pa.repeat(name, rows),
        "group": joined_words(source, [group], name) if group else pa.repeat(ALL, rows),
        "metric": pa.repeat(error_metric(error), rows),
        "value": floats(error),
    }
    predictor_columns = {
        to: floats(column) for to, column in (("tokens", tokens), ("params", params)) if column
    }
    predictor_columns |= {to: floats(column) for to, column in zip(predictors, xs, strict=True)}
    for to, column in zip(predictors, xs, strict=True):
        if to == "training_flops":
            check_no_logarithm(column, predictor_columns[to], name)
    measured = predictor_columns.pop(MEASURED, None)  # of a law whose predictor is measured
    columns |= predictor_columns
    if "step" in predictor_columns:
        columns["step"] = whole_steps(predictor_columns["step"], xs[0], name)
    x_statuses = statuses_of(
        {column: (floats(column), to in SPENT) for to, column in zip(predictors, xs, strict=True)}
    )
    y_statuses = statuses_of({error: (columns["value"], residual == "log")})
    columns["status"] = pa.array([joined(pair) for pair in zip(x_statuses, y_statuses, strict=True)])
    measurements = measurements_of(columns, name)
    usable_rows = measurements.filter(pa.array([status == Status.OK for status in x_statuses]))
    if usable_rows.num_rows == 0 or pc.all(pc.not_equal(usable_rows["status"], Status.OK)).as_py():
        negative = (
            usable_rows.num_rows
            and residual == "log"
            and (floats(error)[np.isfinite(floats(error))] <= 0).all()
        )
        hint = "; residual linear fits such values" if negative else ""
        raise RelscaleError(
            f"{name}: no row can be fitted, the first is {columns['status'][0].as_py()}{hint}"
        )
    check_once(usable_rows, name, runs)
    if is_training_law:
        try:
            usable_rows = along_trainings(usable_rows, law_object, predictors)
        except RelscaleError as reason:
            raise RelscaleError(f"{name}: {reason}") from reason
    title = _title(shown_law, xs, error, usable_rows, baseline, steps=is_training_law)
    if line:
        line_settings = line_options(usable_rows, shown_law, baseline, name, level, bootstrap, targets)
        fitted = _of_law(fit_measurements(usable_rows, None, line_settings, seed=seed), shown_law)
    else:
        entry = law_entry(
            shown_law,
            error,
            predictors,
            floats(error),
            residual=residual,
            loss=loss,
            delta=delta,
            grouped=bool(group),
            fixed=fixed or {},
            anchors=anchors,
            baseline=baseline,
        )
        entries, fitted_table = [entry], usable_rows if is_training_law else measurements
        if measured is not None:
            observed = {
                "value": measured,
                "metric": pa.repeat(OBSERVED_LOSS, rows),
                "status": pa.array(x_statuses),
            }
            entries = entries_of_groups(entry, set(columns["group"].to_pylist()))
            fitted_table = pa.concat_tables([measurements, measurements_of(columns | observed, name)])
        settings = Settings(level=level, bootstrap=bootstrap, seed=seed)
        predictable = not is_training_law and measured is None
        fitted = fit_entries(entries, fitted_table, law, targets, settings, predictable=predictable)
    if fitted.fits["value"].null_count == fitted.fits.num_rows:
        rows = fitted.fits.select(["status", "note"]).to_pylist()
        reasons = [row["note"] or row["status"] for row in rows if row["status"] != Status.OK]
        raise RelscaleError(f"{name}: nothing could be fitted: {next(iter(reasons), 'no value')}")
    return TableFit(
        measurements,
        fitted,
        title,
        shown_law,
        residual,
        loss,
        xs[0],
        error,
        line,
        tuple(guessed),
        level,
        refit,
        tuple(notes),
    )


def _repeats(table: pa.Table, columns: Sequence[str]) -> bool:
    """Whether several rows have equal values in these columns."""
    known = [column for column in columns if column in table.column_names]
    return bool(table.group_by(known).aggregate([]).num_rows < table.num_rows)


def _is_numeric(table: pa.Table, column: str) -> bool:
    kind = table[column].type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _title(
    law: str, xs: Sequence[str], y: str, measurements: pa.Table, baseline: str | None, steps: bool
) -> str:
    """The title of the fit: law, columns, number of runs, and range of compute."""
    runs = measurements.group_by(["corpus", "run"]).aggregate([]).num_rows
    points = "steps" if steps else "runs"
    title = f"{law} law of {y} over {', '.join(xs)}, {runs} {points}"
    if law in log_lines():
        limits = pc.min_max(measurements["training_flops"]).as_py()
        title += f" from {limits['min']:.3g} to {limits['max']:.3g}"
    return f"{title}, against {baseline}" if law == "relative" else title


def _of_law(results: Fits, law: str) -> Fits:
    """Without the rows of gaps, for a law that compares no groups."""
    if law == "relative":
        return results
    return results.with_table("fits", results.fits.filter(pc.is_null(results.fits["contrast"])))
