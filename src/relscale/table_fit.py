"""One law on one table: any CSV, JSON lines or parquet in, a readable table, a parquet table and a figure out.

>>> import relscale
>>> result = relscale.fit("table.csv", law="relative", group="subgroup", baseline="stem", x="training_flops", y="bpb")
>>> print(result)  # doctest: +SKIP

The table becomes measurements, under the names that they have here, and is fitted as an experiment is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.columns import numbers, words
from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import LOSSES, RESIDUALS
from relscale.fitting.estimation.law_columns import along_trainings
from relscale.fitting.estimation.law_fits import law_fits
from relscale.fitting.estimation.law_points import MEASURED, SPENT
from relscale.fitting.fit import fit as fit_measurements
from relscale.fitting.fits import Fits, from_rows, write
from relscale.fitting.inference.bootstrap.schemes import Floats
from relscale.fitting.report.summary import summary
from relscale.fitting.settings import Settings
from relscale.frames import arrow_table
from relscale.laws.catalogue import law as found_law
from relscale.laws.catalogue import law_names, law_or_family
from relscale.laws.law import Family, Gap, Law
from relscale.measurements.measurement import MEASUREMENTS
from relscale.measurements.metric import VALIDATION, is_error
from relscale.measurements.status import Status, together
from relscale.suggestions import suggestion
from relscale.tables import listed, read_table, table_name, write_table

AHEAD = 10  # how far ahead of the data a line is forecast, as a factor of x
SPELLED = {"bpb": "bits_per_byte"}
DELTA = 1e-3  # of Huber's loss: in ln y, or as a share of the median y
SEEN = "loss_seen"  # the metric of a measured number that a law starts from
MOST_STEPS = 1e8
MOST_DRAWS = 100_000
ALL = "all"  # the group of a table without groups


@dataclass(frozen=True)
class TableFit:
    """A law fitted to a table; printing it shows what was found.

    Attributes
    ----------
    measurements
        The table as it was fitted.
    results
        All tables that a fit gives (``relscale.fitting.fits``); ``fits`` is the one of the parameters.
    title
        What was fitted to what, in a line.
    law, residual, loss, x
        As they were asked for; of several x the first.
    line
        Whether it is a line in logarithms, fitted in closed form and with every question that is asked of one.
    """

    measurements: pa.Table
    results: Fits
    title: str
    law: str
    residual: str
    loss: str
    x: str
    line: bool

    @property
    def fits(self) -> pa.Table:
        """One row per parameter, with interval, p-value and status."""
        return self.results.fits

    def __str__(self) -> str:
        told = [name for name in ("corpus", "group") if len(self.measurements[name].unique()) < 2]
        at = self.fits["reference_flops"].unique().drop_null().to_pylist()
        where = f"; E and G at {self.x} = {at[0]:.4g}" if self.line and len(at) == 1 else ""
        found = summary(self.results, {}, ["suite", "fit", "law", *told], self.measurements, self.x)
        return f"{self.title}{where}\n\n{found}"

    def write(self, output: str | Path) -> None:
        """Write ``fits`` to a ``.parquet`` or ``.csv``, or all tables into a folder where ``output`` has no ending."""
        if Path(output).suffix:
            write_table(self.fits, output)
        else:
            write(self.results, output)

    def report(self, output: str | Path) -> None:
        """Write the report: one HTML file with verdicts, curves and forecasts.

        Parameters
        ----------
        output
            A file ending in ``.html``.

        Raises
        ------
        RelscaleError
            The law compares no groups, so there is no gap to report.
        """
        check_reported(self.law, Path(output))
        from relscale.report.page import write_report
        from relscale.report.provenance import facts_of_machine
        from relscale.report.report_data import ReportData

        name = self.measurements["suite"][0].as_py()
        write_report(ReportData(name, self.results, facts=tuple(facts_of_machine()), x=self.x), Path(output))

    def plot(self, output: str | Path | None = None) -> Any:
        """The figure, a plotly ``Figure``: errors over ``x``, and below them what they are relative to the baseline.

        Parameters
        ----------
        output
            Where to write it too, ending in ``.html``; the other formats go beside it.

        Raises
        ------
        RelscaleError
            The law is no line in logarithms, which the figure is of.
        """
        check_drawn(self.law, self.residual, self.loss, fixed=not self.line)
        from relscale.figures.data import FigureData
        from relscale.figures.plot import make_figure, plot

        measurements = self.measurements.filter(pc.equal(self.measurements["status"], Status.OK))
        shown = {name: self.measurements[name][0].as_py() for name in ("suite", "metric")} | {"x": self.x}
        with TemporaryDirectory() as folder:
            data = FigureData(measurements=Path(folder, "measurements.parquet"), fits=Path(folder, "fits"))
            write_table(measurements, data.measurements)
            write(self.results, data.fits)
            if output is not None:
                plot("relative-law", data, Path(output), shown)
            return make_figure("relative-law", data, shown)


def check_reported(law: str, output: Path) -> None:
    """Refuse a report that cannot be written.

    Raises
    ------
    RelscaleError
        The law compares no groups, or the file is no HTML.
    """
    if law != "relative":
        raise RelscaleError(
            f"--report: is of gaps, and the law {law!r} compares none; it is for the law 'relative'"
        )
    if output.suffix != ".html":
        raise RelscaleError(f"--report: {output} does not end in .html")


def fit(
    table: Any,
    law: str = "relative",
    *,
    x: str | Sequence[str],
    y: str,
    group: str | None = None,
    baseline: str | None = None,
    corpus: str | None = None,
    run: str | Sequence[str] = (),
    block: str | None = None,
    tokens: str | None = None,
    params: str | None = None,
    residual: str = "log",
    loss: str = "squares",
    delta: float | None = None,
    fixed: Mapping[str, float] | None = None,
    level: float = 0.95,
    bootstrap: int = 1000,
    seed: int = 0,
) -> TableFit:
    """Fit one law to a table.

    Parameters
    ----------
    table
        A path to CSV, TSV, JSON lines or parquet, a pandas or polars frame, or another Arrow table; one row
        per number.
    law
        "relative", ``G = E_group / E_baseline = γ·x^Δβ``; "power", ``E = α·x^−β`` for each group; or another of
        ``relscale.laws``, each group for itself.
    x
        The column of training compute, or another measure of scale; of other laws one for each of their predictors; of
        the annealing law step and learning rate.
    y
        The column of the error: lower is better, and positive.
    group, baseline
        The column of the test distributions, and the one that the others are compared with.
    corpus
        A column; each of its values is fitted separately.
    run
        Columns that identify a model; by default the column ``run`` where there is one, else ``x``. All groups of a
        run are measured on one model, which pairs them.
    block
        A column that ties checkpoints of one training, which are no independent points; by default the column ``block``
        where there is one.
    tokens, params
        Columns of training tokens and parameters, for the questions and laws that ask for them.
    residual, loss
        "log" (residuals of ln y) or "linear" (of y); "squares" or "huber". With log residuals and squares the relative
        law and the power law are lines in logarithms, with a closed form.
    delta
        Where Huber's loss goes over from squares to absolute values, in the unit of the error: by default 0.001, with
        linear residuals times the median of y.
    fixed
        Parameters that are given, not fitted, such as ``{"E": 1.87}``.
    level
        Confidence level of the intervals.
    bootstrap
        Draws.
    seed
        Of the draws.

    Raises
    ------
    RelscaleError
        The table, a column or the baseline is not there, a number stands twice, there is no such law, or an option is
        out of its range or not of that law.
    """
    _check_options(law, residual, loss, delta, level, bootstrap, seed, baseline)
    xs: list[Any] = list(x) if isinstance(x, list | tuple) else [x]
    runs: list[Any] = list(run) if isinstance(run, list | tuple) else [run]
    options = [column for column in (group, corpus, block, tokens, params) if column is not None]
    _check_names([*xs, y, *runs, *options])
    source, name = _read(table)
    if source.num_rows == 0:
        raise RelscaleError(f"{name}: no rows")
    _check_columns(source, [*xs, y, *runs, *options], name)
    if _gap(law) == "ratio" or baseline is not None:
        _check_baseline(source, group, baseline, law, name)
    block = block or ("block" if "block" in source.column_names else None)
    one = found_law(law, xs)
    _check_fixed(one, fixed or {})
    line = is_line(law, residual, loss) and not fixed
    along = one.make is not None  # a law along one training
    if not runs:
        runs = ["run"] if "run" in source.column_names else [] if along else xs
    trainings = [block] if block else runs
    if along:
        runs = list(dict.fromkeys([*trainings, xs[0]]))
    predictors = one.made_of or one.predictors
    if len(xs) != len(predictors):
        raise RelscaleError(
            f"{name}: the law {law!r} has {len(predictors)} x ({', '.join(predictors)}), not {len(xs)}"
        )
    _check_columns(source, [*runs, *trainings], name)

    def of(column: str) -> Floats:
        found: Floats = numbers(source[column], f"{name}: column {column!r}").to_numpy()
        return found

    rows = source.num_rows
    columns = {
        "corpus": _words(source, [corpus], name) if corpus else pa.repeat(name, rows),
        "run": _words(source, runs, name, xs),
        "block": _words(source, trainings, name, xs) if trainings else pa.repeat(name, rows),
        "suite": pa.repeat(name, rows),
        "group": _words(source, [group], name) if group else pa.repeat(ALL, rows),
        "metric": pa.repeat(_metric(y), rows),
        "value": of(y),
    }
    spent = {to: of(column) for to, column in (("tokens", tokens), ("params", params)) if column}
    spent |= {to: of(column) for to, column in zip(predictors, xs, strict=True)}
    measured = spent.pop(MEASURED, None)  # a law from one measured number to another
    columns |= spent
    if "step" in spent:
        columns["step"] = _steps(spent["step"], xs[0], name)
    of_x = _statuses({column: (of(column), to in SPENT) for to, column in zip(predictors, xs, strict=True)})
    of_y = _statuses({y: (columns["value"], residual == "log")})
    columns["status"] = pa.array([together(both) for both in zip(of_x, of_y, strict=True)])
    measurements = _measurements(columns, name)
    placed = measurements.filter(pa.array([status == Status.OK for status in of_x]))
    if placed.num_rows == 0 or pc.all(pc.not_equal(placed["status"], Status.OK)).as_py():
        raise RelscaleError(f"{name}: no row can be fitted, the first is {columns['status'][0].as_py()}")
    _check_once(placed, name, runs)
    if along:
        try:
            placed = along_trainings(placed, one, predictors)
        except RelscaleError as reason:
            raise RelscaleError(f"{name}: {reason}") from reason
    title = _title(law, xs, y, placed, baseline, steps=along)
    if line:
        chosen = _line_options(placed, law, baseline, name, level, bootstrap)
        fitted = _of_law(fit_measurements(placed, None, chosen, seed=seed), law)
    else:
        unit = 1.0 if residual == "log" else np.nanmedian(np.abs(columns["value"]))
        chosen = {
            "law": law,
            "residual": residual,
            "loss": loss,
            "delta": DELTA * unit if delta is None else delta,
            "by": ["corpus", "group"] if group else ["corpus"],
            "x": predictors,
            "fixed": fixed or {},
        } | ({"baseline": baseline} if baseline is not None else {})
        own: dict[str, Any] = {"metric": _metric(y)}
        laws = [chosen | {"name": law, "where": own}]
        if measured is not None:
            seen = columns | {"value": measured, "metric": pa.repeat(SEEN, rows), "status": pa.array(of_x)}
            placed = pa.concat_tables([measurements, _measurements(seen, name)])
            laws = [
                chosen | {"name": law, "where": own | {"group": g}, "predictor": {"metric": SEEN, "group": g}}
                for g in sorted(set(columns["group"].to_pylist()))
            ]
        given = placed if along or measured is not None else measurements
        parameters, predictions = law_fits(
            given, Settings(level=level, bootstrap=bootstrap, seed=seed, laws=tuple(laws))
        )
        fitted = from_rows({"fits": parameters, "predictions": predictions})
    if fitted.fits["value"].null_count == fitted.fits.num_rows:
        rows = fitted.fits.select(["status", "note"]).to_pylist()
        reasons = [row["note"] or row["status"] for row in rows if row["status"] != Status.OK]
        raise RelscaleError(f"{name}: nothing could be fitted: {next(iter(reasons), 'no value')}")
    return TableFit(measurements, fitted, title, law, residual, loss, xs[0], line)


def is_line(law: str, residual: str, loss: str) -> bool:
    """Whether it is least squares of a line in logarithms, in closed form and with every question asked of a line."""
    return law in _lines() and (residual, loss) == ("log", "squares")


def check_drawn(law: str, residual: str, loss: str, fixed: bool = False) -> None:
    """Refuse what there is no figure of."""
    if fixed or not is_line(law, residual, loss):
        raise RelscaleError(
            f"no figure is drawn of the law {law!r} with {residual} residuals and {loss}; "
            f"there are figures of {' and '.join(_lines())} with log residuals and squares, and nothing fixed"
        )


def _lines() -> tuple[str, ...]:
    """The laws that are straight lines in logarithms."""
    found = {name: law_or_family(name) for name in law_names()}
    return tuple(name for name, one in found.items() if isinstance(one, Law) and one.line is not None)


def _check_fixed(law: Law, fixed: Mapping[str, float]) -> None:
    for name, value in fixed.items():
        if name not in law.names:
            raise RelscaleError(
                f"fixed: law {law.name} has no parameter {name!r}; it has {', '.join(law.names)}"
            )
        if not isinstance(value, Real) or not np.isfinite(value):
            raise RelscaleError(f"fixed: {name} is {value!r}, which is not a number")


def _check_options(
    law: str,
    residual: str,
    loss: str,
    delta: float | None,
    level: float,
    bootstrap: int,
    seed: int,
    baseline: str | None,
) -> None:
    known = law_names()
    if not isinstance(law, str) or law not in known:
        raise RelscaleError(f"no law {law!r}; {suggestion(str(law), known)}")
    for option, said, allowed in (("residual", residual, RESIDUALS), ("loss", loss, LOSSES)):
        if said not in allowed:
            raise RelscaleError(f"{option}: no {said!r}; {suggestion(str(said), allowed)}")
    if baseline is not None and _gap(law) is None:
        gaps = " and ".join(repr(name) for name in known if _gap(name))
        raise RelscaleError(f"baseline: the law {law!r} compares no groups; it is for the laws {gaps}")
    if delta is not None and (loss != "huber" or not isinstance(delta, Real) or not delta > 0):
        raise RelscaleError(f"delta: {delta!r}; it is a positive number, for the loss 'huber'")
    if not isinstance(level, Real) or not 0 < level < 1:
        raise RelscaleError(f"level: {level!r} is not between 0 and 1")
    for option, number in (("bootstrap", bootstrap), ("seed", seed)):
        if not isinstance(number, Integral) or number < 0:
            raise RelscaleError(f"{option}: {number!r} is not a whole number from 0 on")
    if bootstrap > MOST_DRAWS:
        raise RelscaleError(f"bootstrap: {bootstrap} draws; {MOST_DRAWS} are the most")


def _gap(law: str) -> Gap | None:
    found = law_or_family(law)
    return None if isinstance(found, Family) else found.gap


def _line_options(
    measurements: pa.Table, law: str, baseline: str | None, suite: str, level: float, bootstrap: int
) -> dict[str, Any]:
    return {
        "frontier": "all",
        "level": level,
        "bootstrap": bootstrap,
        "baselines": {suite: baseline} if law == "relative" else {},
        "metrics": {suite: [measurements["metric"][0].as_py()]},
        "specifications": [],
        "forecast": [{"training_flops": AHEAD * pc.max(measurements["training_flops"]).as_py()}],
    }


def _title(
    law: str, xs: Sequence[str], y: str, measurements: pa.Table, baseline: str | None, steps: bool
) -> str:
    """What was fitted to what."""
    runs = measurements.group_by(["corpus", "run"]).aggregate([]).num_rows
    points = "steps" if steps else "runs"
    title = f"{law} law of {y} over {', '.join(xs)}, {runs} {points}"
    if law in _lines():
        spent = pc.min_max(measurements["training_flops"]).as_py()
        title += f" from {spent['min']:.3g} to {spent['max']:.3g}"
    return f"{title}, against {baseline}" if law == "relative" else title


def _of_law(results: Fits, law: str) -> Fits:
    """Without the flags that a suite has no baseline, where none was asked for."""
    if law == "relative":
        return results
    return results.with_table("fits", results.fits.filter(pc.is_null(results.fits["contrast"])))


def _read(table: Any) -> tuple[pa.Table, str]:
    """The table, and a name for what is in it."""
    if not isinstance(table, str | Path):
        return arrow_table(table), "table"
    name = table_name(table)
    # A suite of that name would be the validation loss of an experiment.
    return read_table(table), Path(table).name if name == VALIDATION.suite else name


def _check_names(names: Sequence[Any]) -> None:
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        raise RelscaleError(
            f"{wrong[0]!r} is not the name of a column; name columns by text, several in a list"
        )


def _check_columns(source: pa.Table, named: Sequence[str], name: str) -> None:
    for column in named:
        count = source.column_names.count(column)
        if count == 0:
            raise RelscaleError(
                f"{name}: no column {column!r}; {suggestion(column, source.column_names, 'it has')}"
            )
        if count > 1:
            raise RelscaleError(f"{name}: {column!r} is the name of several columns; name them apart")


def _check_baseline(source: pa.Table, group: str | None, baseline: str | None, law: str, name: str) -> None:
    if group is None:
        raise RelscaleError(
            f"{name}: a {law} law compares groups; name their column, one of {listed(source.column_names)}"
        )
    groups = sorted(set(words(source[group], f"{name}: column {group!r}")))
    if len(groups) == 1 and baseline in groups:
        raise RelscaleError(f"{name}: column {group!r} has no group but the baseline {baseline!r}")
    if baseline not in groups:
        if baseline is None:
            raise RelscaleError(f"{name}: no baseline in column {group!r}; name one of {listed(groups)}")
        raise RelscaleError(f"{name}: no {baseline!r} in column {group!r}; {suggestion(baseline, groups)}")


def _check_once(columns: pa.Table, name: str, runs: Sequence[str]) -> None:
    keys = zip(*(columns[part].to_pylist() for part in ("corpus", "run", "group")), strict=True)
    (_, run, group), count = Counter(keys).most_common(1)[0]
    if count > 1:
        raise RelscaleError(
            f"{name}: {count} rows for group {group!r} where {', '.join(runs)} is {run}; "
            "name the columns that identify a run, as in --run model,seed"
        )


def _words(source: pa.Table, names: Sequence[str], table: str, numbers: Sequence[str] = ()) -> pa.Array:
    """Columns as text, joined; nothing may be missing but in the columns ``numbers``, whose rows are flagged then."""
    rows = list(
        zip(
            *(words(source[name], f"{table}: column {name!r}", name in numbers) for name in names),
            strict=True,
        )
    )
    for between in (" ", " / ", "\x1f"):  # as no two different rows become one text by it
        joined = [between.join(row) for row in rows]
        if len(set(joined)) == len(set(rows)):
            break
    return pa.array(joined)


def _statuses(columns: dict[str, tuple[Floats, bool]]) -> list[str]:
    """Of each row, which of its numbers cannot be used; of each column its numbers, and whether they are positive."""
    found = []
    for name, (values, positive) in columns.items():
        known = np.isfinite(values)
        status = np.full(len(values), str(Status.OK), dtype=object)
        for row in np.flatnonzero(~known | (positive & ~(values > 0))):
            kind = Status.NOT_POSITIVE if known[row] else Status.NO_NUMBER
            said = "missing" if np.isnan(values[row]) else f"{values[row]:g}"
            status[row] = f"{kind}: {name} is {said} in row {row + 1}"
        found.append(status)
    return [together(statuses) for statuses in zip(*found, strict=True)]


def _steps(steps: Floats, column: str, name: str) -> pa.Array:
    known = np.isfinite(steps)
    wrong = np.flatnonzero(known & ((steps != np.round(steps)) | (steps < 0) | (steps > MOST_STEPS)))
    if len(wrong):
        raise RelscaleError(
            f"{name}: column {column!r}, row {wrong[0] + 1}: {steps[wrong[0]]:g} is not an optimizer step, a whole "
            f"number from 0 to {MOST_STEPS:g}; divide tokens by the tokens of a batch"
        )
    return pa.array(np.where(known, steps, 0).astype(np.int64), mask=~known)


def _measurements(columns: dict[str, Any], name: str) -> pa.Table:
    constants = {"experiment": name, "prompt": "default"}
    rows = len(columns["value"])
    arrays = [
        columns[field.name]
        if field.name in columns
        else pa.array([constants.get(field.name)] * rows, field.type)
        for field in MEASUREMENTS
    ]
    table = pa.table(arrays, schema=MEASUREMENTS)
    for further in columns.keys() - set(
        MEASUREMENTS.names
    ):  # predictors of a law that measurements do not know
        table = table.append_column(further, pa.array(columns[further], pa.float64()))
    return table


def _metric(y: str) -> str:
    """A name by which a column is known to hold an error."""
    name = SPELLED.get(y, y)
    return name if is_error(name) else f"loss_{name}"
