"""One law on one table: any CSV, JSON lines or parquet in, a readable table, a parquet table and a figure out.

>>> import relscale
>>> result = relscale.fit("table.csv", law="relative", group="subgroup", baseline="stem", x="training_flops", y="bpb")
>>> print(result)  # doctest: +SKIP

The table becomes measurements, under the names that they have here, and is fitted as an experiment is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import ERRORS, LOSSES
from relscale.fitting.fit import fit as fit_measurements
from relscale.fitting.fits import Fits, from_rows, write
from relscale.fitting.law_fits import law_fits
from relscale.fitting.metrics import is_error
from relscale.fitting.settings import Settings
from relscale.fitting.summary import summary
from relscale.laws.catalogue import law as found_law
from relscale.laws.catalogue import law_names
from relscale.laws.law import Law
from relscale.measurements.schema import MEASUREMENTS
from relscale.tables import numbers, read_table, write_table

LINES = ("relative", "power")  # fitted in closed form, with every question that is asked of a line
AHEAD = 10  # how far ahead of the data a line is forecast, as a factor of x
SPELLED = {"bpb": "bits_per_byte"}
DELTA = 1e-3  # of Huber's loss: in ln y, or as a share of the median y
SEEN = "loss_seen"  # the metric of a measured number that a law starts from
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
    law, error, loss, x
        As they were asked for; of several x the first.
    """

    measurements: pa.Table
    results: Fits
    title: str
    law: str
    error: str
    loss: str
    x: str

    @property
    def fits(self) -> pa.Table:
        """A row a parameter, with interval, p-value and status."""
        return self.results.fits

    def __str__(self) -> str:
        told = [name for name in ("corpus", "group") if len(self.measurements[name].unique()) < 2]
        at = self.fits["reference_flops"].unique().drop_null().to_pylist()
        where = f"; E and G at {self.x} = {at[0]:.4g}" if self.law in LINES and len(at) == 1 else ""
        return f"{self.title}{where}\n\n{summary(self.results, {}, ['suite', 'fit', 'law', *told], x=self.x)}"

    def write(self, output: str | Path) -> None:
        """Write ``fits`` to a ``.parquet`` or ``.csv``, or all tables into a folder where ``output`` has no ending."""
        if Path(output).suffix:
            write_table(self.fits, output)
        else:
            write(self.results, output)

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
        check_drawn(self.law, self.error, self.loss)
        from relscale.figures.data import FigureData
        from relscale.figures.plot import make_figure, plot

        shown = {name: self.measurements[name][0].as_py() for name in ("suite", "metric")} | {"x": self.x}
        with TemporaryDirectory() as folder:
            data = FigureData(measurements=Path(folder, "measurements.parquet"), fits=Path(folder, "fits"))
            write_table(self.measurements, data.measurements)
            write(self.results, data.fits)
            if output is not None:
                plot("relative-law", data, Path(output), shown)
            return make_figure("relative-law", data, shown)


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
    error: str = "log",
    loss: str = "squares",
    delta: float | None = None,
    level: float = 0.95,
    bootstrap: int = 1000,
    seed: int = 0,
) -> TableFit:
    """Fit one law to a table.

    Parameters
    ----------
    table
        A path to CSV, TSV, JSON lines or parquet, a pandas or polars frame, or another table that speaks Arrow; a row
        a number.
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
        A column whose values are fitted apart.
    run
        Columns that tell models apart; by default the column ``run`` where there is one, else ``x``. All groups of a
        run are measured on one model, which pairs them.
    block
        A column that ties checkpoints of one training, which are no independent points; by default the column ``block``
        where there is one.
    tokens, params
        Columns of training tokens and parameters, for the questions and laws that ask for them.
    error, loss
        "log" or "linear" error, "squares" or "huber". The relative law is a line in logarithms: it has log error and
        squares, as the power law has by default.
    delta
        Where Huber's loss goes over from squares to absolute values, in the unit of the error: by default 0.001, with
        linear error times the median of y.
    level
        Of the intervals.
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
    _check_options(law, error, loss, delta, level, bootstrap, seed, baseline)
    source, name = _read(table)
    xs = [x] if isinstance(x, str) else list(x)
    runs = [run] if isinstance(run, str) else list(run)
    if source.num_rows == 0:
        raise RelscaleError(f"{name}: no rows")
    named = [*xs, y, *runs, *(c for c in (group, corpus, block, tokens, params) if c)]
    missing = [column for column in named if column not in source.column_names]
    if missing:
        raise RelscaleError(f"{name}: no column {missing[0]!r}; it has {', '.join(source.column_names)}")
    if law == "relative":
        _check_baseline(source, group, baseline, name)
    block = block or ("block" if "block" in source.column_names else None)
    line = is_line(law, error, loss)
    along = None if line else found_law(law).make  # a law along one training
    if not runs:
        runs = ["run"] if "run" in source.column_names else [] if along else xs
    trainings = [block] if block else runs
    if along:
        runs = list(dict.fromkeys([*trainings, xs[0]]))
    columns = {
        "corpus": _words(source, [corpus], name) if corpus else pa.array([name] * source.num_rows),
        "run": _words(source, runs, name),
        "suite": pa.array([name] * source.num_rows),
        "group": _words(source, [group], name) if group else pa.array([ALL] * source.num_rows),
        "metric": pa.array([_metric(y)] * source.num_rows),
        "value": _numbers(source, y, name),
    }
    columns["block"] = _words(source, trainings, name) if trainings else pa.repeat(name, source.num_rows)
    spent = {"tokens": tokens, "params": params}
    predictors = ("training_flops",) if line else found_law(law).made_of or found_law(law).predictors
    if len(xs) != len(predictors):
        raise RelscaleError(
            f"{name}: the law {law!r} has {len(predictors)} x ({', '.join(predictors)}), not {len(xs)}"
        )
    spent |= dict(zip(predictors, xs, strict=True))
    measured = spent.pop("loss", None)  # a law from one measured number to another
    columns |= {to: _numbers(source, column, name) for to, column in spent.items() if column}
    _check_once(columns, name, runs)
    measurements = _measurements(columns, name)
    if along:
        measurements = _along(measurements, columns, found_law(law), name)
    title = _title(law, xs, y, measurements, baseline, steps=along is not None)
    if line:
        options = _line_options(measurements, law, baseline, name, level, bootstrap)
        fitted = _of_law(fit_measurements(measurements, None, options, seed=seed), law)
        return TableFit(measurements, fitted, title, law, error, loss, xs[0])
    unit = 1.0 if error == "log" else np.nanmedian(np.abs(columns["value"].to_numpy()))
    chosen = {
        "law": law,
        "error": error,
        "loss": loss,
        "delta": DELTA * unit if delta is None else delta,
        "by": ["corpus", "group"] if group else ["corpus"],
    }
    own: dict[str, Any] = {"metric": _metric(y)}
    laws = [chosen | {"name": law, "where": own}]
    if measured:
        seen = columns | {
            "value": _numbers(source, measured, name),
            "metric": pa.repeat(SEEN, source.num_rows),
        }
        measurements = pa.concat_tables([measurements, _measurements(seen, name)])
        laws = [
            chosen | {"name": law, "where": own | {"group": g}, "predictor": {"metric": SEEN, "group": g}}
            for g in sorted(set(columns["group"].to_pylist()))
        ]
    parameters, predictions = law_fits(
        measurements, Settings(level=level, bootstrap=bootstrap, seed=seed, laws=tuple(laws))
    )
    fitted = from_rows({"fits": parameters, "predictions": predictions})
    return TableFit(measurements, fitted, title, law, error, loss, xs[0])


def is_line(law: str, error: str, loss: str) -> bool:
    """Whether it is least squares of a line in logarithms, in closed form and with every question asked of a line."""
    return law in LINES and (error, loss) == ("log", "squares")


def check_drawn(law: str, error: str, loss: str) -> None:
    """Refuse what there is no figure of."""
    if not is_line(law, error, loss):
        raise RelscaleError(
            f"no figure is drawn of the law {law!r} with {error} error and {loss}; "
            f"there are figures of {' and '.join(LINES)} with log error and squares"
        )


def _check_options(
    law: str,
    error: str,
    loss: str,
    delta: float | None,
    level: float,
    bootstrap: int,
    seed: int,
    baseline: str | None,
) -> None:
    known = sorted({*LINES, *law_names()})
    if law not in known:
        raise RelscaleError(f"no law {law!r}; there are {', '.join(known)}")
    for option, said, allowed in (("error", error, ERRORS), ("loss", loss, LOSSES)):
        if said not in allowed:
            raise RelscaleError(f"{option}: no {said!r}; there are {', '.join(allowed)}")
    if law == "relative" and not is_line(law, error, loss):
        raise RelscaleError(f"a relative law has log error and squares, not {error} error and {loss}")
    if law != "relative" and baseline is not None:
        raise RelscaleError(f"baseline: the law {law!r} compares no groups; it is for the law 'relative'")
    if delta is not None and (loss != "huber" or not delta > 0):
        raise RelscaleError(f"delta: {delta!r}; it is a positive number, for the loss 'huber'")
    if not 0 < level < 1:
        raise RelscaleError(f"level: {level!r} is not between 0 and 1")
    for option, number in (("bootstrap", bootstrap), ("seed", seed)):
        if not isinstance(number, Integral) or number < 0:
            raise RelscaleError(f"{option}: {number!r} is no whole number from 0 on")


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


def _along(measurements: pa.Table, columns: dict[str, Any], law: Law, name: str) -> pa.Table:
    """The measurements with the predictors that a law makes of the columns of each training."""
    curve = np.array([columns[column].to_numpy() for column in law.made_of])
    training = np.array(
        [
            " ".join(words)
            for words in zip(*(columns[c].to_pylist() for c in ("corpus", "block", "group")), strict=True)
        ]
    )
    made = np.full((len(law.predictors), curve.shape[1]), np.nan)
    for one in np.unique(training):
        rows = np.flatnonzero(training == one)
        rows = rows[np.argsort(curve[0, rows], kind="stable")]
        try:
            made[:, rows] = law.make(curve[:, rows]) if law.make else np.nan
        except RelscaleError as error:
            raise RelscaleError(f"{name}: {error}") from error
    for predictor, values in zip(law.predictors, made, strict=True):
        measurements = measurements.append_column(predictor, pa.array(values))
    return measurements


def _title(
    law: str, xs: Sequence[str], y: str, measurements: pa.Table, baseline: str | None, steps: bool
) -> str:
    """What was fitted to what."""
    runs = measurements.group_by(["corpus", "run"]).aggregate([]).num_rows
    points = "steps" if steps else "runs"
    title = f"{law} law of {y} over {', '.join(xs)}, {runs} {points}"
    if law in LINES:
        spent = pc.min_max(measurements["training_flops"]).as_py()
        title += f" from {spent['min']:.3g} to {spent['max']:.3g}"
    return f"{title}, against {baseline}" if law == "relative" else title


def _of_law(results: Fits, law: str) -> Fits:
    """Without the flags that a suite has no baseline, where none was asked for."""
    if law == "relative":
        return results
    return replace(results, fits=results.fits.filter(pc.is_null(results.fits["contrast"])))


def _read(table: Any) -> tuple[pa.Table, str]:
    """The table, and a name for what is in it."""
    name = "table"
    if isinstance(table, str | Path):
        table, name = read_table(table), table_name(table)
    elif hasattr(table, "iloc"):  # a pandas frame, without a need for pandas
        try:
            table = pa.Table.from_pandas(table, preserve_index=False)
        except (pa.ArrowException, ValueError) as error:
            raise RelscaleError(f"table: a column has no one type ({_line(error)})") from error
    elif hasattr(table, "__arrow_c_stream__"):  # a polars frame, or whatever else speaks Arrow
        table = pa.table(table)
    else:
        raise RelscaleError(
            f"a table is a path, an Arrow table, a pandas or polars frame, not {type(table).__name__}"
        )
    twice = [column for column, count in Counter(table.column_names).items() if count > 1]
    if twice:
        raise RelscaleError(f"{name}: {twice[0]!r} is the name of several columns; name them apart")
    return table, name


def table_name(path: str | Path) -> str:
    """A file's name without its ending, such as ``.csv.gz``."""
    name = Path(path).name.removesuffix(".gz")
    ending = next((ending for ending in (".csv", ".tsv", ".jsonl", ".parquet") if name.endswith(ending)), "")
    return name.removesuffix(ending)


def _check_baseline(source: pa.Table, group: str | None, baseline: str | None, name: str) -> None:
    if group is None:
        raise RelscaleError(
            f"{name}: a relative law compares groups; name their column, one of {_list(source.column_names)}"
        )
    groups = sorted(set(map(str, source[group].drop_null().to_pylist())))
    if len(groups) == 1 and baseline in groups:
        raise RelscaleError(f"{name}: column {group!r} has no group but the baseline {baseline!r}")
    if baseline not in groups:
        said = "no baseline" if baseline is None else f"no {baseline!r}"
        raise RelscaleError(f"{name}: {said} in column {group!r}; name one of {_list(groups)}")


def _check_once(columns: dict[str, Any], name: str, runs: Sequence[str]) -> None:
    keys = zip(*(columns[part].to_pylist() for part in ("corpus", "run", "group")), strict=True)
    (_, run, group), count = Counter(keys).most_common(1)[0]
    if count > 1:
        raise RelscaleError(
            f"{name}: {count} rows for group {group!r} where {', '.join(runs)} is {run}; "
            "name the columns that tell runs apart, as in --run model,seed"
        )


def _words(source: pa.Table, names: Sequence[str], table: str) -> pa.Array:
    """Columns as text, joined; nothing may be missing."""
    columns = [source[name].to_pylist() for name in names]
    for name, column in zip(names, columns, strict=True):
        empty = sum(cell is None or cell == "" for cell in column)
        if empty:
            raise RelscaleError(
                f"{table}: column {name!r} is empty in {empty} row{'s' * (empty > 1)}; fill them, or leave them out"
            )
    parts = zip(*columns, strict=True)
    return pa.array([" ".join(map(str, row)) for row in parts])


def _numbers(source: pa.Table, name: str, table: str) -> pa.ChunkedArray:
    try:
        return numbers(source[name])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise RelscaleError(f"{table}: column {name!r} holds no numbers ({_line(error)})") from error


def _measurements(columns: dict[str, Any], name: str) -> pa.Table:
    constants = {"experiment": name, "prompt": "default", "status": "ok"}
    rows = len(columns["value"])
    arrays = [
        columns[field.name]
        if field.name in columns
        else pa.array([constants.get(field.name)] * rows, field.type)
        for field in MEASUREMENTS
    ]
    return pa.table(arrays, schema=MEASUREMENTS)


def _metric(y: str) -> str:
    """A name by which a column is known to hold an error."""
    name = SPELLED.get(y, y)
    return name if is_error(name) else f"loss_{name}"


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
