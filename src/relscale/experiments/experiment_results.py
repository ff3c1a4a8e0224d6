"""Python interface to the results of an experiment: tables, figures and report."""

from html import escape
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from relscale.arguments import typed
from relscale.errors import RelscaleError
from relscale.measurements.reading import read_measurements
from relscale.printable import escaped_repr
from relscale.storage.tables import read_table
from relscale.suggestions import suggestion
from relscale.table_fit.frame import Frame

# Displayed columns of each table; `Results.table` has all.
GAP_COLUMNS = [
    *("suite", "corpus", "optimizer", "metric", "group", "baseline", "verdict", "ratio_low", "ratio_high"),
    *(
        "change",
        "change_low",
        "change_high",
        "delta_beta",
        "low",
        "high",
        "p_value",
        "p_bh",
        "crossing_flops",
    ),
    *("n", "status", "note"),
]
FRONTIER_COLUMNS = [
    *("corpus", "optimizer", "budget", "training_flops", "tokens", "tokens_low", "tokens_high", "params"),
    *("params_low", "params_high", "level", "loss", "runs", "status", "note"),
]
FORECAST_COLUMNS = [
    *(
        "corpus",
        "group",
        "baseline",
        "quantity",
        "training_flops",
        "params",
        "tokens",
        "value",
        "low",
        "high",
    ),
    *("level", "interval_direction", "status", "note"),
]


@escaped_repr
class Results:
    """The results of an experiment: tables, figures and the report.

    Parameters
    ----------
    folder
        ``results/EXPERIMENT``, or a folder of fits.

    Raises
    ------
    RelscaleError
        There is no such folder.
    """

    @typed
    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise RelscaleError(f"{self.folder}: no such folder; run the experiment first")

    @typed
    def gaps(self, suite: str | None = None, corpus: str | None = None) -> Frame:
        """One row per gap, for the suite's first metric: verdict, effect sizes, intervals, adjusted p-values.

        Parameters
        ----------
        suite, corpus
            Restrict to this suite and corpus; all by default.

        Examples
        --------
        >>> import relscale as rs
        >>> gaps = rs.open("results/tests").gaps(suite="tests")
        >>> gaps["group"], gaps["baseline"], gaps["verdict"]
        (['easy'], ['hard'], ['widens'])
        """
        table = self.table("verdicts")
        shown = table.filter(table["primary"])
        between_groups = shown.filter(pc.equal(shown["contrast"], "group"))
        rows = between_groups if between_groups.num_rows else shown
        return _suite_option(Frame(rows.select(GAP_COLUMNS)), suite=suite, corpus=corpus)

    @typed
    def frontier(self, corpus: str | None = None) -> Frame:
        """One row per budget: compute-optimal tokens, parameters and loss, with the limits of their intervals.

        Examples
        --------
        >>> import relscale as rs
        >>> len(rs.open("results/tests").frontier())
        0
        """
        table = self.table("frontier")
        rows = table.filter(pc.is_null(table["run"]))
        return _suite_option(Frame(rows.select(FRONTIER_COLUMNS)), corpus=corpus)

    @typed
    def forecasts(self, suite: str | None = None, corpus: str | None = None) -> Frame:
        """Forecasts of errors and ratios beyond the data.

        Examples
        --------
        >>> import relscale as rs
        >>> sorted(set(rs.open("results/tests").forecasts()["quantity"]))
        ['error', 'ratio']
        """
        from relscale.fitting.forecasts.candidates import ENSEMBLE

        table = self.table("forecasts")
        rows = table.filter(pc.equal(table["candidate"], ENSEMBLE)).select(
            ["suite", "metric", *FORECAST_COLUMNS]
        )
        return _suite_option(Frame(rows), suite=suite, corpus=corpus)

    @typed
    def measurements(self, suite: str | None = None, corpus: str | None = None) -> Frame:
        """The table of measurements: one row per run, group and metric.

        Examples
        --------
        >>> import relscale as rs
        >>> len(rs.open("results/tests").measurements())
        12
        """
        return _suite_option(
            Frame(read_measurements(self.folder / "measurements.parquet", ("suite", "corpus"))),
            suite=suite,
            corpus=corpus,
        )

    def runs(self) -> Frame:
        """One row per run: its corpus, compute, parameters, tokens.

        Examples
        --------
        >>> import relscale as rs
        >>> len(rs.open("results/tests").runs())
        6
        """
        names = ["run", "corpus", "optimizer", "seed", "budget", "training_flops", "params", "tokens"]
        table = read_measurements(self.folder / "measurements.parquet", names).select(names)
        return Frame(
            table.group_by(names).aggregate([]).sort_by([("corpus", "ascending"), ("run", "ascending")])
        )

    @typed
    def items(self, run: str, suite: str | None = None) -> Frame:
        """The item scores of a run: one row per choice or document.

        Parameters
        ----------
        run
            Name of the run, as in ``runs()``.
        suite
            The suite; by default the first.

        Raises
        ------
        RelscaleError
            There is no such run, or nothing was scored.
        """
        from relscale.scoring.scores import Score
        from relscale.storage.entries import read_all

        scores = read_all(sorted(self.folder.glob("scores/*/*.json")), Score)
        names = sorted({score.name for score in scores})
        if run not in names:
            raise RelscaleError(
                f"no scored run {run!r}; {suggestion(run, names) if names else 'nothing was scored'}"
            )
        matches = [score for score in scores if score.name == run and suite in (None, score.suite)]
        if not matches:
            suites = sorted({score.suite for score in scores})
            raise RelscaleError(f"no suite {suite!r}; {suggestion(str(suite), suites)}")
        if matches[0].items is None:
            raise RelscaleError(f"run {run!r} diverged, so it has no item scores")
        return Frame(read_table(self._in_store(matches[0].items)))

    @typed
    def table(self, name: str) -> Any:
        """A table of the fit, as an Arrow table with all its columns.

        Parameters
        ----------
        name
            Name of the table, such as ``fits``, ``verdicts``, ``backtests``; see the reference of the tables.

        Raises
        ------
        RelscaleError
            There is no such table, it does not exist yet, or it was written by another version of relscale.
        """
        from relscale.fitting.fits import ROWS, read_fit_table

        if name not in ROWS:
            raise RelscaleError(f"no table {name!r}; {suggestion(name, ROWS)}")
        inside = self.folder / "fits" if (self.folder / "fits").is_dir() else self.folder
        return read_fit_table(inside, name)

    @typed
    def plot(self, figure: str, **options: object) -> Any:
        """A figure, as a plotly ``Figure``.

        Parameters
        ----------
        figure
            One of ``relscale.figures()``; for a figure per suite, followed by the suite's name:
            ``isoflop``, ``relative-law-varieties``.
        **options
            Options of the figure, as declared by its module: ``metric="accuracy"``, ``estimand="these items"`` …

        Raises
        ------
        RelscaleError
            There is no such figure, or it has no such option.

        Examples
        --------
        >>> import relscale as rs
        >>> figure = rs.open("results/tests").plot("relative-law-tests", estimand="these items")
        >>> figure.layout.title.text
        'Errors and ratios: Two tests'
        """
        from relscale.experiments.config import load_config
        from relscale.experiments.results import Results as Paths
        from relscale.figures.experiment_data import experiment_data
        from relscale.figures.plot import make_figure

        paths = Paths(self.folder)
        return make_figure(figure, experiment_data(load_config(paths.config), paths), options)

    def report(self) -> Path:
        """Write the report as one HTML file and return its path.

        Examples
        --------
        >>> import relscale as rs
        >>> str(rs.open("results/tests").report())
        'results/tests/report.html'
        """
        from relscale.experiments.config import load_config
        from relscale.experiments.results import Results as Paths
        from relscale.report.page import write_listed_report
        from relscale.report.report_data import experiment_data

        paths = Paths(self.folder)
        write_listed_report(experiment_data(load_config(paths.config), paths), paths.report)
        return paths.report

    def __dir__(self) -> list[str]:
        return [
            *("folder", "forecasts", "frontier", "gaps", "items", "measurements", "plot", "report"),
            *("runs", "table"),
        ]

    def __repr__(self) -> str:
        return "\n".join([f"results in {self.folder}", *self._headline()])

    def _repr_html_(self) -> str:
        lines = "".join(f"<p>{escape(line)}</p>" for line in self._headline())
        table = self.gaps()._repr_html_() if (self.folder / "fits").is_dir() else ""
        return f"<h4>{escape(str(self.folder))}</h4>{lines}{table}"

    def _headline(self) -> list[str]:
        """The headline of the results, one sentence per line."""
        from relscale.experiments.config import load_config
        from relscale.experiments.results import Results as Paths
        from relscale.fitting.fits import read
        from relscale.fitting.report.frontier_advice import NO_WIDTHS
        from relscale.fitting.report.headline import headline_of_tables
        from relscale.fitting.verdicts.words import UNNAMED
        from relscale.report.report_data import experiment_names

        paths = Paths(self.folder)
        try:
            experiment = load_config(paths.config) if paths.config.is_file() else None
            names = experiment_names(experiment, paths) if experiment else UNNAMED
            fits = read(paths.fits if paths.fits.is_dir() else self.folder)
        except RelscaleError as reason:
            return [f"no findings to show: {reason}"]
        widths = experiment.planned_widths if experiment else NO_WIDTHS
        return headline_of_tables(fits, names, widths).splitlines()

    def _in_store(self, path: str) -> Path:
        """The path of a file in a manifest, which is relative to the folder of the workflow, two levels above this
        one."""
        path_of_store = self.folder.absolute().parents[1] / path
        return path_of_store if path_of_store.exists() else Path(path)


@typed
def open(folder: str | Path) -> Results:
    """The results of an experiment.

    Parameters
    ----------
    folder
        Such as ``results/laptop``.

    Raises
    ------
    RelscaleError
        There is no such folder.
    """
    return Results(folder)


def _suite_option(frame: Frame, **cells: str | None) -> Frame:
    """The rows of a suite and a corpus, if these are given."""
    for name, cell in cells.items():
        if cell is not None:
            known = sorted({str(value) for value in frame[name]})
            if cell not in known:
                raise RelscaleError(
                    f"no {name} {cell!r}; {suggestion(cell, known) if known else 'there are none'}"
                )
            frame = frame.where(**{name: cell})
    return frame
