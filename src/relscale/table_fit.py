"""One law on one table: any CSV, JSON lines or parquet in, a readable table, a parquet table and a figure out.

>>> import relscale
>>> result = relscale.fit("table.csv", x="training_flops", y="bpb", group="subgroup", baseline="stem")  # doctest: +SKIP

The table becomes measurements, under the names that they have here, and is fitted as an experiment is.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.arguments import typed
from relscale.atomic import write_text
from relscale.columns import numbers, words
from relscale.error_metrics import is_error
from relscale.errors import RelscaleError
from relscale.fitting.core_options import FurtherLaw, Where
from relscale.fitting.curves.gaps import MEAN
from relscale.fitting.curves.point_rows import FrontierRow
from relscale.fitting.estimation.estimate import LOSSES, RESIDUALS
from relscale.fitting.estimation.law_columns import along_trainings
from relscale.fitting.estimation.law_fits import law_fits
from relscale.fitting.estimation.law_points import MEASURED, SPENT
from relscale.fitting.fit import fit as fit_measurements
from relscale.fitting.fits import Fits, from_rows, write
from relscale.fitting.inference.bootstrap.schemes import Floats
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.report.headline import nothing_fitted
from relscale.fitting.report.summary import summary
from relscale.fitting.settings import Settings
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.fitting.verdicts.words import headline
from relscale.frame import Frame
from relscale.frames import arrow_table
from relscale.laws.catalogue import law as found_law
from relscale.laws.catalogue import law_names, law_or_family
from relscale.laws.law import Family, Gap, Law
from relscale.laws.own_law import law_of
from relscale.measurements.lm_eval_results import (
    NO_ITEMS,
    check_one_metric,
    names_results,
    refuse_lone_results,
    with_scores,
)
from relscale.measurements.measurement import MEASUREMENTS
from relscale.measurements.metric import VALIDATION
from relscale.measurements.status import Status, together
from relscale.printable import shown_printable
from relscale.row_filter import filter_rows
from relscale.rows import rows_of
from relscale.suggestions import suggestion
from relscale.table_columns import (
    Guess,
    guess_baseline,
    guess_column,
    guess_x,
    guess_y,
    higher_is_better,
    long_table,
)
from relscale.tables import listed, read_table, table_name, write_table

CLUSTERED = (
    "cluster: a table of measurements has one number per run and group and no items, so there are none to cluster; a "
    "suite's own results are resampled by the cluster that its suite.yaml names, and checkpoints of one training are "
    "tied by block"
)
AHEAD = 10  # how far ahead of the data a line is forecast, as a factor of x
OF_A_MODEL = ("training_flops", "params", "tokens")  # what may be said of a model that is forecast
SPELLED = {"bpb": "bits_per_byte"}
DELTA = 1e-3  # of Huber's loss: in ln y, or as a share of the median y
OBSERVED_LOSS = "loss_seen"  # the metric of a measured number that a law starts from
MOST_STEPS = 1e8
MOST_DRAWS = 100_000
ALL = "all"  # the group of a table without groups
ENSEMBLE = "ensemble"  # the candidate that is the forecast
VERDICT_COLUMNS = [
    *(
        "corpus",
        "group",
        "verdict",
        "ratio_low",
        "ratio_high",
        "change",
        "change_low",
        "change_high",
        "delta_beta",
    ),
    *("low", "high", "p_value", "p_bh", "crossing_flops", "n", "status"),
]
FORECAST_COLUMNS = [
    *("corpus", "group", "quantity", "training_flops", "params", "tokens", "value", "low", "high", "level"),
    *("interval_direction", "status", "note"),
]

At = float | Mapping[str, float]


@shown_printable
@dataclass(frozen=True)
class TableFit:
    """A law fitted to a table: what ``relscale.fit`` returns. Printing it shows what was found.

    Attributes
    ----------
    measurements
        The table as it was fitted.
    results
        All tables that a fit gives (``relscale.fitting.fits``); ``fits`` is the one of the parameters.
    title
        What was fitted to what, in a line.
    law, residual, loss, x, y
        As they were asked for; of several x the first.
    line
        Whether it is a line in logarithms, fitted in closed form and with every question that is asked of one.
    guessed
        What was guessed: columns, and a baseline.
    level
        Confidence level of the intervals.
    again
        ``fit`` with the same arguments, but those that are given anew.
    notes
        What a person should know of the table.
    """

    measurements: pa.Table
    results: Fits
    title: str
    law: str
    residual: str
    loss: str
    x: str
    y: str
    line: bool
    guessed: tuple[Guess, ...]
    level: float
    again: Callable[..., "TableFit"]
    notes: tuple[str, ...] = ()

    def __dir__(self) -> list[str]:
        return [
            *("conf_int", "fits", "forecast", "guessed", "measurements", "params", "plot", "predict"),
            *("report", "results", "summary", "table", "title", "to_pandas", "verdict", "write"),
        ]

    @property
    def fits(self) -> pa.Table:
        """One row per parameter, with interval, p-value and status."""
        return self.results.fits

    def __str__(self) -> str:
        constant = [name for name in ("corpus", "group") if len(self.measurements[name].unique()) < 2]
        at = self.fits["reference_flops"].unique().drop_null().to_pylist()
        where = f"; E and G at {self.x} = {at[0]:.4g}" if self.line and len(at) == 1 else ""
        lines = summary(self.results, {}, ["suite", "fit", "law", *constant], self.measurements, self.x)
        return "\n\n".join([*self._guesses(), f"{self.title}{where}", lines])

    def __repr__(self) -> str:
        return "\n\n".join([*self._guesses(), self.title, *self._headline(), repr(self.table())])

    def _repr_html_(self) -> str:
        from relscale.law_figure import law_curves
        from relscale.notebook import gap_picture, law_picture, notebook_page

        if self.results.verdicts.num_rows:
            picture = gap_picture(self.results, self.measurements["suite"][0].as_py(), self.x)
        else:
            picture = law_picture(law_curves(self.measurements, self._rows_of_law(), self.law_object))
        return notebook_page(self.title, [*self._guesses(), *self._headline()], self.table(), picture)

    def summary(self) -> str:
        """What was found, as text tables.

        Examples
        --------
        >>> import relscale as rs
        >>> print(rs.fit(rs.datasets.olmo_ladder()).summary().splitlines()[0])
        guessed: group = subgroup, x = training_flops, y = bpb, baseline = stem (the largest error)
        """
        return str(self)

    def table(self) -> Frame:
        """One row per group: the gap's verdict, sizes and intervals; of laws without gaps, one per parameter.

        Examples
        --------
        >>> import relscale as rs
        >>> rs.fit(rs.datasets.olmo_ladder()).table()["group"]
        ['humanities', 'other', 'social_sciences']
        """
        if not self.results.verdicts.num_rows:
            return self.params
        columns = [name for name in VERDICT_COLUMNS if name != "corpus" or self._has_corpora()]
        return Frame(self.results.verdicts.select(columns))

    @property
    def params(self) -> Frame:
        """The parameters of the laws, one row each: estimate, interval, standard error, p-value.

        Examples
        --------
        >>> import relscale as rs
        >>> fit = rs.fit(rs.datasets.olmo_ladder(), law="power")
        >>> {"beta", "error_at_reference"} <= set(fit.params["parameter"])
        True
        """
        columns = [
            "corpus",
            "group",
            "law",
            "parameter",
            "value",
            "low",
            "high",
            "stderr",
            "p_value",
            "status",
        ]
        columns = [name for name in columns if name != "corpus" or self._has_corpora()]
        return Frame(self._rows_of_law().select(columns))

    @typed
    def conf_int(self, level: float | None = None) -> Frame:
        """Confidence intervals of the parameters.

        Parameters
        ----------
        level
            Such as 0.9; by default that of the fit. Another level is fitted anew.

        Examples
        --------
        >>> import relscale as rs
        >>> fit = rs.fit(rs.datasets.olmo_ladder())
        >>> wide, narrow = fit.conf_int(0.95), fit.conf_int(0.5)
        >>> wide["low"][0] < narrow["low"][0]
        True
        """
        fitted = self if level in (None, self.level) else self.again(level=level)
        params = fitted.params.to_arrow()
        shown = [
            name for name in ("corpus", "group", "parameter", "low", "high") if name in params.column_names
        ]
        return Frame(params.select(shown))

    @typed
    def verdict(self, group: str, corpus: str | None = None) -> VerdictRow:
        """What becomes of a group's gap: closes, widens, crosses, is flat or is not resolved, and all it rests on.

        Raises
        ------
        RelscaleError
            There is no such group, or the law compares none.

        Examples
        --------
        The ratio hard / easy is 2 at 1e18 FLOPs and grows by 10^0.05 per tenfold of compute, up to 2 · 10^0.15 = 2.83;
        the errors ±0.1% of four points leave a t interval of ±0.0012 on the exponent.

        >>> import relscale as rs
        >>> compute, noise = [1e18, 1e19, 1e20, 1e21], [1.001, 0.999, 0.999, 1.001]
        >>> rows = [{"flops": f, "group": "easy", "loss": (f / 1e18) ** -0.10} for f in compute]
        >>> rows += [
        ...     {"flops": f, "group": "hard", "loss": 2 * (f / 1e18) ** -0.05 * e}
        ...     for f, e in zip(compute, noise)
        ... ]
        >>> verdict = rs.fit(rs.Frame(rows), baseline="easy").verdict("hard")
        >>> str(verdict.verdict), round(verdict.ratio_low, 1), round(verdict.ratio_high / 10**0.15, 1)
        ('widens', 2.0, 2.0)
        >>> print(verdict)
        hard widens: 2.00 → 2.83 × easy, +12.2% [+11.9%, +12.5%] per 10×
        """
        rows = rows_of(VerdictRow, self.results.verdicts)
        if not rows:
            raise RelscaleError(f"verdict: the law {self.law!r} compares no groups; fit the law 'relative'")
        named = [row for row in rows if row.group == group and corpus in (None, row.corpus)]
        if not named:
            groups = sorted({str(row.group) for row in rows})
            raise RelscaleError(f"verdict: no group {group!r}; {suggestion(group, groups)}")
        return named[0]

    @typed
    def predict(self, at: At | Sequence[At]) -> Frame:
        """The fitted law itself at compute, or other predictors, of one's own, with its prediction interval.

        `forecast` weighs a line with other forms, by how well each would have done inside the data.

        Parameters
        ----------
        at
            Values of x; for a law of several predictors mappings such as ``{"params": 7e9, "tokens": 2e12}``.

        Examples
        --------
        >>> import relscale as rs
        >>> rs.fit(rs.datasets.olmo_ladder()).predict(1e23)["group"]
        ['humanities', 'other', 'social_sciences']
        """
        table = predictions(self.again(at=as_targets(at), nonlinear=True).results).to_arrow()
        return Frame(table if self._has_corpora() else table.drop_columns("corpus"))

    @typed
    def forecast(self, at: At | Sequence[At]) -> Frame:
        """Forecasts of errors and ratios beyond the data, with intervals by how backtests fared inside them.

        Parameters
        ----------
        at
            Training compute, or mappings with ``training_flops``, ``params`` and ``tokens`` where the model is known.

        Raises
        ------
        RelscaleError
            The law is neither ``relative`` nor ``power``: use `predict`.

        Examples
        --------
        >>> import relscale as rs
        >>> ahead = rs.fit(rs.datasets.olmo_ladder()).forecast([1e23, 1e24])
        >>> len(ahead.where(group="humanities"))
        2
        """
        if not self.line:
            raise RelscaleError(
                f"forecast: of lines in logarithms alone; predict() has the law {self.law!r} ahead"
            )
        kind = "ratio" if self.law == "relative" else "error"
        rows = [row for row in self._forecasts(as_targets(at)) if row["candidate"] == ENSEMBLE]
        rows = [row for row in rows if row["quantity"] == kind]
        columns = [name for name in FORECAST_COLUMNS if name != "corpus" or self._has_corpora()]
        return Frame([{name: row[name] for name in columns} for row in rows], columns)

    def to_pandas(self) -> Any:
        """`table` as a pandas ``DataFrame``."""
        return self.table().to_pandas()

    @typed
    def write(self, output: str | Path) -> None:
        """Write ``fits`` to a ``.parquet`` or ``.csv``, or all tables into a folder where ``output`` has no ending."""
        if Path(output).suffix:
            write_table(self.fits, output)
        else:
            write(self.results, output)

    @typed
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

    @typed
    def plot(self, kind: str | Path | None = None, output: str | Path | None = None) -> Any:
        """A figure, as a plotly ``Figure``.

        Parameters
        ----------
        kind
            ``gap``: errors over ``x``, and below them what they are relative to the baseline; ``curves``: the law
            through its points, which every law has; ``forecast``: forecasts as far as they were asked. By default the
            first that the law has.
        output
            Where to write it too, ending in ``.html``; the other formats go beside it. A path may also stand alone.

        Raises
        ------
        RelscaleError
            There is no such figure of this law.

        Examples
        --------
        >>> import relscale as rs
        >>> figure = rs.fit(rs.datasets.olmo_ladder()).plot("gap")
        >>> len(figure.data) > 4
        True
        """
        if kind is not None and Path(kind).suffix:
            kind, output = None, kind
        kinds = ("gap", "forecast", "curves") if self.line else ("curves",)
        if kind is None:
            kind = kinds[0]
        if kind not in kinds:
            raise RelscaleError(f"plot: no {kind!r} of the law {self.law!r}; {suggestion(str(kind), kinds)}")
        if kind == "curves":
            return self._plot_curves(output)
        return self._plot_line({"gap": "relative-law", "forecast": "forecast"}[str(kind)], output)

    def _plot_line(self, name: str, output: str | Path | None) -> Any:
        from relscale.figures.data import FigureData
        from relscale.figures.plot import make_figure, plot

        measurements = self.measurements.filter(pc.equal(self.measurements["status"], Status.OK))
        shown = {name: self.measurements[name][0].as_py() for name in ("suite", "metric")}
        shown |= {"x": self.x} if name == "relative-law" else {}
        with TemporaryDirectory() as folder:
            data = FigureData(measurements=Path(folder, "measurements.parquet"), fits=Path(folder, "fits"))
            write_table(measurements, data.measurements)
            write(self.results, data.fits)
            if output is not None:
                plot(name, data, Path(output), shown)
            return make_figure(name, data, shown)

    def _plot_curves(self, output: str | Path | None) -> Any:
        from relscale.law_figure import law_curves, law_figure

        curves = law_curves(self.measurements, self.fits, self.law_object)
        figure = law_figure(curves, self.title, self.x)
        if output is not None:
            if Path(output).suffix != ".html":
                raise RelscaleError(f"{output}: a figure's name ends in .html")
            write_text(Path(output), figure.to_html(include_plotlyjs=True))
        return figure

    @property
    def law_object(self) -> Law:
        """The law, with its formula and parameters."""
        keywords: dict[str, Any] = self.again.keywords  # type: ignore[attr-defined]
        return found_law(keywords["law"], keywords["x"])

    def _forecasts(self, targets: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.again(at=targets).results.forecasts.to_pylist()
        return rows

    def _rows_of_law(self) -> pa.Table:
        """The rows of ``fits`` that are of the law asked for: a line comes with others."""
        if not self.line:
            return self.fits
        return self.fits.filter(pc.fill_null(pc.equal(self.fits["law"], self.law), False))

    def _has_corpora(self) -> bool:
        return len(self.measurements["corpus"].unique()) > 1

    def _guesses(self) -> list[str]:
        guessed = [f"guessed: {', '.join(map(str, self.guessed))}"] if self.guessed else []
        note = higher_is_better(self.y)
        return [*guessed, *([note] if note else []), *self.notes]

    def _headline(self) -> list[str]:
        rows = rows_of(VerdictRow, self.results.verdicts)
        if not rows:
            return []
        nothing = nothing_fitted(
            rows, rows_of(FrontierRow, self.results.frontier), rows_of(ParameterRow, self.results.fits)
        )
        return nothing or [headline(rows)]


def predictions(results: Fits) -> Frame:
    """The rows of the table ``predictions``, as a person reads them."""
    columns = [
        "corpus",
        "group",
        "training_flops",
        "params",
        "tokens",
        "predicted",
        "low",
        "high",
        "level",
        "status",
        "note",
    ]
    return Frame(results.predictions.select(columns))


def as_targets(at: At | Sequence[At]) -> list[Mapping[str, float]]:
    """Where to predict: mappings from predictor to value; a number alone is training compute.

    Raises
    ------
    RelscaleError
        One is no positive number.
    """
    each = list(at) if isinstance(at, Sequence) and not isinstance(at, str) else [at]
    targets: list[Mapping[str, float]] = [
        dict(one) if isinstance(one, Mapping) else {"training_flops": one} for one in each
    ]
    for target in targets:
        for name, value in target.items():
            if not isinstance(value, Real) or not 0 < value < np.inf:
                raise RelscaleError(f"at: {name} is {value!r}, which is not a positive number")
    return targets


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
    level: float = 0.95,
    bootstrap: int = 1000,
    seed: int = 0,
    at: At | Sequence[At] = (),
    where: str | Sequence[str] = (),
    nonlinear: bool = False,
) -> TableFit:
    """Fit one law to a table.

    What is not named is guessed from the names of the columns, and said.

    Parameters
    ----------
    table
        A path to CSV, TSV, JSON lines or parquet, a pandas or polars frame, or another Arrow table; one row
        per number. A column ``results`` in place of numbers names the ``results_*.json`` of lm-eval, one row per model.
    law
        "relative", ``G = E_group / E_baseline = γ·x^Δβ``; "power", ``E = α·x^−β`` for each group; another of
        ``relscale.laws()``, each group for itself; a law of your own, a ``Law`` or a function ``f(x, a, b)``. By
        default "relative" where there are groups, else "power".
    x
        The column of training compute, or another measure of scale; of other laws one for each of their predictors; of
        the annealing law step and learning rate.
    y
        The column of the error: lower is better, and positive. Several columns are a wide table: each is a group.
    group, baseline
        The column of the test distributions, and the one that the others are compared with; ``"mean"`` compares each
        with the geometric mean of the others, so that no single group carries all ratios.
    corpus
        A column; each of its values is fitted separately.
    run
        Columns that identify a model; by default the column ``run`` where there is one, else ``x``. All groups of a
        run are measured on one model, which pairs them.
    block
        A column that ties checkpoints of one training, which are no independent points; by default the column ``block``
        where there is one.
    cluster
        Of items, such as the file that a question is about: refused, for a table of measurements has no items. Where a
        suite is scored, its ``suite.yaml`` names their cluster.
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
    anchor
        Points that are known without a measurement and are fitted in every group, each the law's predictors and the
        value: ``[(0, 1)]`` for an accuracy of 1 at no loss.
    level
        Confidence level of the intervals.
    bootstrap
        Draws.
    seed
        Of the draws.
    at
        Where to forecast: training compute, or mappings with ``training_flops`` and, where they are known, ``params``
        and ``tokens``, which are taken as they are; of other laws values of their predictors. By default 10 times the
        largest x of the data.
    where
        Conditions on columns that rows have to meet: ``"model=7B"``, ``"step>=1000"``, ``"seed!=3"``.
    nonlinear
        Whether a line in logarithms is fitted as any other law is, without the questions that are asked of a line.

    Returns
    -------
    TableFit
        What was found; it shows itself.

    Raises
    ------
    RelscaleError
        The table, a column or the baseline is not there, a number stands twice, there is no such law, or an option is
        out of its range or not of that law.

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
    _check_names([*xs, *ys, *runs, *options])
    source, name = read_source(table)
    if source.num_rows == 0:
        raise RelscaleError(f"{name}: no rows")
    folder = Path(table).parent if isinstance(table, str | Path) else Path()
    is_of_lm_eval = names_results(source, folder)
    if is_of_lm_eval:
        source = with_scores(source, folder, name)
    _check_columns(source, [*xs, *runs, *options], name)
    source = filter_rows(source, [where] if isinstance(where, str) else where, name)
    guessed: list[Guess] = []
    notes: list[str] = []
    if is_of_lm_eval:
        check_one_metric(source, name)
        notes.append(NO_ITEMS)
    if len(ys) == 1 and ys[0] not in source.column_names and "," in ys[0]:
        ys = [column.strip() for column in ys[0].split(",")]
    _check_columns(source, ys, name)
    is_wide = len(ys) > 1
    if is_wide:
        if group is not None:
            raise RelscaleError(
                f"{name}: y: several columns are the groups, and there is a column of groups, {group!r}"
            )
        source, ys, group = long_table(source, ys, "column", "error"), ["error"], "column"
    if group is None and (law is None or (not isinstance(law, Law) and _gap(law) == "ratio")):
        group = guess_column(source, "group", [*xs, *ys])
        guessed += [Guess("group", group)] if group else []
    if law is None:
        law = "relative" if group else "power"
        guessed += [] if group else [Guess("law", law, "no column of groups")]
    _check_options(law, residual, loss, delta, level, bootstrap, seed, baseline)
    if not xs:
        general = found_law(law, xs) if not isinstance(law_or_family(law), Family) else None
        if general is None:
            raise RelscaleError(f"{name}: x: name the columns that the law {law!r} is of")
        xs = guess_x(
            source, general.source_columns or general.predictors, str(getattr(law, "name", law)), name
        )
        guessed.append(Guess("x", ", ".join(xs)))
    if group is None and not run and "run" not in source.column_names and _repeats(source, xs):
        group = guess_column(source, "group", [*xs, *ys])
        guessed += [Guess("group", group)] if group else []
    if not ys:
        ys = [guess_y(source, [*xs, *([group] if group else [])], name)]
        guessed.append(Guess("y", ys[0]))
    error = str(ys[0])
    if _gap(law) == "ratio" and group is not None and baseline is None:
        baseline = guess_baseline(source, group, error, name)
        guessed.append(Guess("baseline", baseline, "the largest error"))
    if _gap(law) == "ratio" or baseline is not None:
        _check_baseline(source, group, baseline, law, name)
    for key, option in (("tokens", tokens), ("params", params)):
        if option is None and key in source.column_names and key not in xs and _is_numeric(source, key):
            tokens, params = (key, params) if key == "tokens" else (tokens, key)
    block = block or ("block" if "block" in source.column_names else None)
    the_law = found_law(law, xs)
    shown_law = the_law.name if isinstance(law, Law) else law
    settled = {"law": law, "x": xs, "baseline": baseline}
    settled |= {} if is_wide else {"y": error, "group": group}
    again = partial(fit, table, **{**arguments, **settled})
    _check_fixed(the_law, fixed or {})
    anchors = _anchors(the_law, anchor, xs, error, residual)
    notes += [f"known without a measurement: {place}" for place in anchors.values()]
    line = not nonlinear and is_line(law, residual, loss) and not fixed and not anchors
    if baseline == MEAN and not line and group and MEAN not in words(source[group], name):
        raise RelscaleError(
            f"{name}: baseline: the mean of the other groups is for the relative law as a line in logarithms; "
            "name a group"
        )
    along = the_law.make_predictors is not None  # a law along one training
    if not runs:
        runs = ["run"] if "run" in source.column_names else [] if along else xs
    trainings = [block] if block else runs
    if along:
        runs = list(dict.fromkeys([*trainings, xs[0]]))
    predictors = the_law.source_columns or the_law.predictors
    if len(xs) != len(predictors):
        raise RelscaleError(
            f"{name}: the law {shown_law!r} has {len(predictors)} x ({', '.join(predictors)}), not {len(xs)}"
        )
    _check_columns(source, [*runs, *trainings], name)

    def of(column: str) -> Floats:
        floats: Floats = numbers(source[column], f"{name}: column {column!r}").to_numpy()
        return floats

    rows = source.num_rows
    columns = {
        "corpus": _words(source, [corpus], name) if corpus else pa.repeat(name, rows),
        "run": _words(source, runs, name, xs),
        "block": _words(source, trainings, name, xs) if trainings else pa.repeat(name, rows),
        "suite": pa.repeat(name, rows),
        "group": _words(source, [group], name) if group else pa.repeat(ALL, rows),
        "metric": pa.repeat(_metric(error), rows),
        "value": of(error),
    }
    spent = {to: of(column) for to, column in (("tokens", tokens), ("params", params)) if column}
    spent |= {to: of(column) for to, column in zip(predictors, xs, strict=True)}
    measured = spent.pop(MEASURED, None)  # a law from one measured number to another
    columns |= spent
    if "step" in spent:
        columns["step"] = _steps(spent["step"], xs[0], name)
    of_x = _statuses({column: (of(column), to in SPENT) for to, column in zip(predictors, xs, strict=True)})
    of_y = _statuses({error: (columns["value"], residual == "log")})
    columns["status"] = pa.array([together(both) for both in zip(of_x, of_y, strict=True)])
    measurements = _measurements(columns, name)
    placed = measurements.filter(pa.array([status == Status.OK for status in of_x]))
    if placed.num_rows == 0 or pc.all(pc.not_equal(placed["status"], Status.OK)).as_py():
        raise RelscaleError(f"{name}: no row can be fitted, the first is {columns['status'][0].as_py()}")
    _check_once(placed, name, runs)
    if along:
        try:
            placed = along_trainings(placed, the_law, predictors)
        except RelscaleError as reason:
            raise RelscaleError(f"{name}: {reason}") from reason
    title = _title(shown_law, xs, error, placed, baseline, steps=along)
    if line:
        line_options = _line_options(placed, shown_law, baseline, name, level, bootstrap, targets)
        fitted = _of_law(fit_measurements(placed, None, line_options, seed=seed), shown_law)
    else:
        unit = 1.0 if residual == "log" else np.nanmedian(np.abs(columns["value"]))
        threshold = DELTA * unit if delta is None else delta
        entry = FurtherLaw.model_validate(
            {
                "name": shown_law,
                "law": shown_law,
                "residual": residual,
                "loss": loss,
                "by": ("corpus", "group") if group else ("corpus",),
                "x": tuple(predictors),
                "fixed": fixed or {},
                "anchor": tuple(anchors),
                "baseline": baseline,
                "where": {"metric": _metric(error)},
                **({"delta": threshold} if threshold > 0 else {}),
            }
        )
        laws = [entry]
        if measured is not None:
            with_columns = columns | {
                "value": measured,
                "metric": pa.repeat(OBSERVED_LOSS, rows),
                "status": pa.array(of_x),
            }
            placed = pa.concat_tables([measurements, _measurements(with_columns, name)])
            laws = [
                entry.model_copy(
                    update={
                        "where": {"metric": _metric(error), "group": g},
                        "predictor": {"metric": OBSERVED_LOSS, "group": g},
                    }
                )
                for g in sorted(set(columns["group"].to_pylist()))
            ]
        given = placed if along or measured is not None else measurements
        if targets:
            given, ahead = _with_targets(given, targets, predictors, shown_law, along or measured is not None)
            laws = [each.model_copy(update=ahead) for each in laws]
        own_laws = {law.name: law} if isinstance(law, Law) else {}
        settings = Settings(level=level, bootstrap=bootstrap, seed=seed, laws=tuple(laws), user_laws=own_laws)
        parameters, predictions = law_fits(given, settings)
        fitted = from_rows({"fits": parameters, "predictions": predictions})
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
        again,
        tuple(notes),
    )


def is_line(law: str | Law, residual: str, loss: str) -> bool:
    """Whether it is least squares of a line in logarithms, in closed form and with every question asked of a line."""
    return isinstance(law, str) and law in _lines() and (residual, loss) == ("log", "squares")


def _lines() -> tuple[str, ...]:
    """The laws that are straight lines in logarithms."""
    catalogue = {name: law_or_family(name) for name in law_names()}
    return tuple(
        name for name, entry in catalogue.items() if isinstance(entry, Law) and entry.line is not None
    )


def _check_fixed(law: Law, fixed: Mapping[str, float]) -> None:
    for name, value in fixed.items():
        if name not in law.names:
            raise RelscaleError(
                f"fixed: law {law.name} has no parameter {name!r}; it has {', '.join(law.names)}"
            )
        if not isinstance(value, Real) or not np.isfinite(value):
            raise RelscaleError(f"fixed: {name} is {value!r}, which is not a number")


def _anchors(
    law: Law, points: Sequence[Sequence[float]], xs: Sequence[str], y: str, residual: str
) -> dict[tuple[float, ...], str]:
    """Points that are given, and each in words."""
    found = {}
    if points and law.make_predictors is not None:
        raise RelscaleError(f"anchor: the law {law.name!r} is of whole trainings, which no point stands for")
    for point in points:
        numbers_given = tuple(point)
        if len(numbers_given) != len(xs) + 1:
            raise RelscaleError(
                f"anchor: {', '.join(map(str, point))} is not a point of {', '.join([*xs, y])}: "
                f"{len(xs) + 1} numbers, in that order"
            )
        for name, value in zip([*xs, y], numbers_given, strict=True):
            if not isinstance(value, Real) or not np.isfinite(value):
                raise RelscaleError(f"anchor: {name} is {value!r}, which is not a number")
        if residual == "log" and not numbers_given[-1] > 0:
            raise RelscaleError(
                f"anchor: {y} is {numbers_given[-1]:g}, which has no logarithm; fit residuals of {y} itself (linear)"
            )
        if law.reference and not numbers_given[0] > 0:
            raise RelscaleError(f"anchor: {xs[0]} is {numbers_given[0]:g}, and the law takes its logarithm")
        place = ", ".join(f"{name} = {value:g}" for name, value in zip([*xs, y], numbers_given, strict=True))
        found[tuple(map(float, numbers_given))] = place
    return found


def _check_options(
    law: str | Law,
    residual: str,
    loss: str,
    delta: float | None,
    level: float,
    bootstrap: int,
    seed: int,
    baseline: str | None,
) -> None:
    known = law_names()
    if not isinstance(law, Law):
        law_or_family(str(law))
    for option, said, allowed in (("residual", residual, RESIDUALS), ("loss", loss, LOSSES)):
        if said not in allowed:
            raise RelscaleError(f"{option}: no {said!r}; {suggestion(str(said), allowed)}")
    if baseline is not None and _gap(law) is None:
        gaps = " and ".join(repr(name) for name in known if _gap(name))
        name = law.name if isinstance(law, Law) else law
        raise RelscaleError(f"baseline: the law {name!r} compares no groups; it is for the laws {gaps}")
    if delta is not None and (loss != "huber" or not isinstance(delta, Real) or not delta > 0):
        raise RelscaleError(f"delta: {delta!r}; it is a positive number, for the loss 'huber'")
    if not isinstance(level, Real) or not 0 < level < 1:
        percent = f"; write {level / 100:g}" if 1 < level < 100 else ""
        raise RelscaleError(f"level: {level!r} is not between 0 and 1{percent}")
    for option, number in (("bootstrap", bootstrap), ("seed", seed)):
        if not isinstance(number, Integral) or number < 0:
            raise RelscaleError(f"{option}: {number!r} is not a whole number from 0 on")
    if bootstrap > MOST_DRAWS:
        raise RelscaleError(f"bootstrap: {bootstrap} draws; {MOST_DRAWS} are the most")


def _gap(law: str | Law) -> Gap | None:
    entry = law_or_family(law)
    return None if isinstance(entry, Family) else entry.gap


def _line_options(
    measurements: pa.Table,
    law: str,
    baseline: str | None,
    suite: str,
    level: float,
    bootstrap: int,
    targets: Sequence[Mapping[str, float]] = (),
) -> dict[str, Any]:
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


def _with_targets(
    measurements: pa.Table,
    targets: Sequence[Mapping[str, float]],
    predictors: Sequence[str],
    law: str,
    is_measured: bool,
) -> tuple[pa.Table, dict[str, Where]]:
    """Measurements with one row per group and target, without a value; and the columns that identify them."""
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


def _repeats(table: pa.Table, columns: Sequence[str]) -> bool:
    """Whether several rows have the same values of some columns."""
    known = [column for column in columns if column in table.column_names]
    return bool(table.group_by(known).aggregate([]).num_rows < table.num_rows)


def _is_numeric(table: pa.Table, column: str) -> bool:
    kind = table[column].type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


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


def read_source(table: Any) -> tuple[pa.Table, str]:
    """The table, and a name for what is in it."""
    if not isinstance(table, str | Path):
        return arrow_table(table), "table"
    refuse_lone_results(Path(table))
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
            raise RelscaleError(f"{name}: {column!r} is the name of several columns; rename one")


def _check_baseline(
    source: pa.Table, group: str | None, baseline: str | None, law: str | Law, name: str
) -> None:
    if group is None:
        raise RelscaleError(
            f"{name}: a {law} law compares groups; name their column, one of {listed(source.column_names)}"
        )
    groups = sorted(set(words(source[group], f"{name}: column {group!r}")))
    if len(groups) == 1 and baseline in groups:
        raise RelscaleError(f"{name}: column {group!r} has no group but the baseline {baseline!r}")
    if baseline == MEAN and law == "relative":
        return
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


def usable(columns: Mapping[str, Floats]) -> list[str]:
    """A status for each row: ``ok``, or which of its numbers is missing, or not positive."""
    return _statuses({name: (values, True) for name, values in columns.items()})


def _statuses(columns: dict[str, tuple[Floats, bool]]) -> list[str]:
    """Of each row, which of its numbers cannot be used; of each column its numbers, and whether they are positive."""
    found = []
    for name, (values, positive) in columns.items():
        known = np.isfinite(values)
        status = np.full(len(values), str(Status.OK), dtype=object)
        for row in np.flatnonzero(~known | (positive & ~(values > 0))):
            kind = Status.NOT_POSITIVE if known[row] else Status.NO_NUMBER
            text = "missing" if np.isnan(values[row]) else f"{values[row]:g}"
            status[row] = f"{kind}: {name} is {text} in row {row + 1}"
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
