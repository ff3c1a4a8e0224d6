"""The result of fitting a law to a table: summary, forecasts, figure and files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from relscale.arguments import typed
from relscale.errors import RelscaleError
from relscale.fitting.fits import Fits, write
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.report.headline import nothing_fitted
from relscale.fitting.report.summary import summary
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.fitting.verdicts.words import headline
from relscale.laws.law import Law
from relscale.measurements.status import Status
from relscale.printable import escaped_repr
from relscale.storage.endings import PAGE
from relscale.storage.rows import rows_of
from relscale.storage.tables import write_table
from relscale.suggestions import suggestion
from relscale.table_fit.checks import check_reported
from relscale.table_fit.frame import Frame
from relscale.table_fit.known_columns import (
    Guess,
    higher_is_better,
)
from relscale.table_fit.targets import At, as_targets

VERDICT_COLUMNS = (
    *("corpus", "group", "verdict", "ratio_low", "ratio_high", "change", "change_low", "change_high"),
    *("delta_beta", "low", "high", "p_value", "p_bh", "crossing_flops", "n", "status"),
)
PARAMETER_COLUMNS = (
    *("corpus", "group", "law", "parameter", "value", "low", "high", "stderr", "p_value", "status"),
)
FORECAST_COLUMNS = (
    *("corpus", "group", "quantity", "training_flops", "params", "tokens", "value", "low", "high", "level"),
    *("interval_direction", "status", "note"),
)
PREDICTION_COLUMNS = (
    *("corpus", "group", "training_flops", "params", "tokens", "predicted", "low", "high", "level", "status"),
    "note",
)


@escaped_repr
@dataclass(frozen=True)
class TableFit:
    """A law fitted to a table, as returned by ``relscale.fit``. Printing it shows a summary.

    Attributes
    ----------
    measurements
        The table as it was fitted.
    results
        All tables of the fit (``relscale.fitting.fits``); ``fits`` has the parameters. Forecasts and some analyses are
        computed when their tables are first read.
    title
        One-line description of the fit.
    law_object
        The law, with its formula and parameters.
    law, residual, loss, x, y
        As passed to ``relscale.fit``; the first of several x.
    line
        Whether it is a line in logarithms, fitted in closed form, with the analyses specific to lines.
    guessed
        Guessed arguments: columns and the baseline.
    level
        Confidence level of the intervals.
    refit
        ``relscale.fit`` with the same arguments, except for those passed to it.
    notes
        Remarks on the table.
    """

    measurements: pa.Table
    results: Fits
    title: str
    law_object: Law
    law: str
    residual: str
    loss: str
    x: str
    y: str
    line: bool
    guessed: tuple[Guess, ...]
    level: float
    refit: Callable[..., "TableFit"]
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
        from relscale.table_fit.law_figure import law_curves
        from relscale.table_fit.notebook import gap_picture, law_picture, notebook_page

        if self.results.verdicts.num_rows:
            picture = gap_picture(self.results, self.measurements["suite"][0].as_py(), self.x)
        else:
            picture = law_picture(law_curves(self.measurements, self._rows_of_law(), self.law_object))
        return notebook_page(self.title, [*self._guesses(), *self._headline()], self.table(), picture)

    def summary(self) -> str:
        """The results as text tables.

        Examples
        --------
        >>> import relscale as rs
        >>> print(rs.fit(rs.datasets.olmo_ladder()).summary().splitlines()[0])
        guessed: group = subgroup, x = training_flops, y = bpb, baseline = stem (the largest error)
        """
        return str(self)

    def table(self) -> Frame:
        """One row per group: the gap's verdict, effect sizes and intervals; for laws without gaps, one row per
        parameter.

        Examples
        --------
        >>> import relscale as rs
        >>> rs.fit(rs.datasets.olmo_ladder()).table()["group"]
        ['humanities', 'other', 'social_sciences']
        """
        if not self.results.verdicts.num_rows:
            return self.params
        return self._shown(self.results.verdicts, VERDICT_COLUMNS)

    @property
    def params(self) -> Frame:
        """The parameters of the laws, one row per parameter: estimate, interval, standard error, p-value.

        Examples
        --------
        >>> import relscale as rs
        >>> fit = rs.fit(rs.datasets.olmo_ladder(), law="power")
        >>> {"beta", "error_at_reference"} <= set(fit.params["parameter"])
        True
        """
        return self._shown(self._rows_of_law(), PARAMETER_COLUMNS)

    @typed
    def conf_int(self, level: float | None = None) -> Frame:
        """Confidence intervals of the parameters.

        Parameters
        ----------
        level
            Confidence level, by default that of the fit. For another level the law is fitted again.

        Examples
        --------
        >>> import relscale as rs
        >>> fit = rs.fit(rs.datasets.olmo_ladder())
        >>> wide, narrow = fit.conf_int(0.95), fit.conf_int(0.5)
        >>> wide["low"][0] < narrow["low"][0]
        True
        """
        fitted = self if level in (None, self.level) else self.refit(level=level)
        return self._shown(fitted._rows_of_law(), ("corpus", "group", "parameter", "low", "high"))

    @typed
    def verdict(self, group: str, corpus: str | None = None) -> VerdictRow:
        """The verdict on a group's gap (closes, widens, crosses, flat or not resolved) with the evidence for it.

        Raises
        ------
        RelscaleError
            There is no such group, or the law compares no groups.

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
        """Evaluate the fitted law at given compute, or other predictors, with a prediction interval.

        In contrast, `forecast` averages several functional forms, weighted by their backtest error.

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
        refitted = self.refit(at=as_targets(at), nonlinear=True)
        return self._shown(refitted.results.predictions, PREDICTION_COLUMNS)

    @typed
    def forecast(self, at: At | Sequence[At]) -> Frame:
        """Forecasts of errors and ratios beyond the data, with intervals calibrated by backtests.

        Coverage falls below the nominal level if a curve bends beyond the backtested horizon.

        Parameters
        ----------
        at
            Training compute, or mappings with ``training_flops``, ``params`` and ``tokens``.

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
                f"forecast: only lines in logarithms are forecast; use predict() for the law {self.law!r}"
            )
        kind = "ratio" if self.law == "relative" else "error"
        forecasts = self.refit(at=as_targets(at)).results.forecasts
        is_shown = pc.and_(pc.equal(forecasts["candidate"], ENSEMBLE), pc.equal(forecasts["quantity"], kind))
        return self._shown(forecasts.filter(is_shown), FORECAST_COLUMNS)

    def to_pandas(self) -> Any:
        """`table` as a pandas ``DataFrame``."""
        return self.table().to_pandas()

    @typed
    def write(self, output: str | Path) -> None:
        """Write ``fits`` to ``.parquet`` or ``.csv``, or all tables into a folder if ``output`` has no extension."""
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
            The law compares no groups, so there is no gap to report, or the name has another ending.
        """
        check_reported(self.law)
        PAGE.check(Path(output))
        from relscale.report.page import write_report
        from relscale.report.provenance import machine_facts
        from relscale.report.report_data import ReportData

        name = self.measurements["suite"][0].as_py()
        write_report(ReportData(name, self.results, facts=tuple(machine_facts()), x=self.x), Path(output))

    @typed
    def plot(self, kind: str | Path | None = None, output: str | Path | None = None) -> Any:
        """A figure, as a plotly ``Figure``.

        Parameters
        ----------
        kind
            ``gap``: errors over ``x``, and below them the ratios to the baseline; ``curves``: the points and the fitted
            law, for any law; ``forecast``: the forecasts. By default the first kind that the law supports.
        output
            File to write, ending in ``.html``; the other formats are written to the same folder. A path may also be the
            only argument.

        Raises
        ------
        RelscaleError
            The law has no such figure, or the name of the file has another ending.

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
        from relscale.figures.figure_file import write_figure
        from relscale.table_fit.law_figure import law_curves, law_figure

        curves = law_curves(self.measurements, self.fits, self.law_object)
        gap = self.law_object.gap
        figure = law_figure(curves, self.title, self.x, f"{self.y} ({gap})" if gap else self.y)
        if output is not None:
            write_figure(figure, Path(output))
        return figure

    def _rows_of_law(self) -> pa.Table:
        """The rows of ``fits`` of this law, without those of other lines fitted along with it."""
        if not self.line:
            return self.fits
        return self.fits.filter(pc.fill_null(pc.equal(self.fits["law"], self.law), False))

    def _shown(self, table: pa.Table, columns: Sequence[str]) -> Frame:
        """These columns, without that of the corpus if there is only one."""
        has_corpora = len(self.measurements["corpus"].unique()) > 1
        return Frame(table.select([name for name in columns if name != "corpus" or has_corpora]))

    def _guesses(self) -> list[str]:
        guessed = [f"guessed: {', '.join(map(str, self.guessed))}"] if self.guessed else []
        note = higher_is_better(self.y)
        return [*guessed, *([note] if note else []), *self.notes]

    def _headline(self) -> list[str]:
        rows = rows_of(VerdictRow, self.results.verdicts)
        if not rows:
            return []
        return nothing_fitted(rows, self.results) or [headline(rows)]
