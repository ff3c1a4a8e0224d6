"""Experiments and their results from Python: what the command line does, as objects that show themselves."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.compute as pc

from relscale.errors import RelscaleError
from relscale.frame import Frame
from relscale.suggestions import suggestion
from relscale.tables import read_table


class Experiment:
    """An experiment of a config file.

    Parameters
    ----------
    config
        Its YAML file, or the name of an experiment that comes with relscale: ``laptop``, ``reference``, ``paper`` …

    Examples
    --------
    >>> import relscale as rs
    >>> experiment = rs.Experiment("laptop")
    >>> len(experiment.plan())
    56
    """

    def __init__(self, config: str | Path):
        from relscale.commands.run import named_config
        from relscale.config import load_config

        self.config = named_config(Path(config))
        self.options = load_config(self.config)

    def check(self) -> list[str]:
        """What is wrong with it, one sentence each; empty where it can run.

        Examples
        --------
        >>> import relscale as rs
        >>> rs.Experiment("reference").check()
        []
        """
        from relscale.check import check_experiment

        try:
            check_experiment(self.options)
        except RelscaleError as error:
            return [str(error)]
        return []

    def plan(self) -> Frame:
        """The runs that it trains, one row each: size, tokens, steps, learning rate, expected time.

        Raises
        ------
        RelscaleError
            It trains none.
        """
        from relscale.design.placement import place
        from relscale.design.table import plan_table
        from relscale.experiment import TrainingExperiment

        if not isinstance(self.options, TrainingExperiment):
            raise RelscaleError(f"{self.config}: trains nothing, so that there is nothing to plan")
        runs = self.options.planned_runs
        options = self.options.training.values()
        return Frame(plan_table(runs, [place(run, self.options.hardware, options) for run in runs]))

    def run(self, *arguments: str) -> "Results":
        """Run its workflow in the working folder, or what is not done yet; then its report.

        Parameters
        ----------
        *arguments
            Of Snakemake, such as ``"--cores=8"``.

        Raises
        ------
        RelscaleError
            It cannot run, or a job failed; the reason is on the terminal.
        """
        from relscale.check import check_experiment
        from relscale.commands.run import run_workflow
        from relscale.extras import need

        need("workflow", "the workflow")
        check_experiment(self.options)
        if run_workflow(self.config, list(arguments)):
            raise RelscaleError(f"{self.config}: the workflow did not end well; the reason is above")
        results = self.results
        results.report()
        return results

    @property
    def results(self) -> "Results":
        """Its results in the working folder, so far as they are there."""
        from relscale.results import Results as Paths

        return Results(Paths.of(self.options).folder)

    def __dir__(self) -> list[str]:
        return ["check", "config", "options", "plan", "results", "run"]

    def __repr__(self) -> str:
        return f"<experiment {self.options.name!r} of {self.config}>"


class Results:
    """The results of an experiment: tables, figures and the report.

    Parameters
    ----------
    folder
        ``results/EXPERIMENT``, or a folder of fits.

    Raises
    ------
    RelscaleError
        There are none.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise RelscaleError(f"{self.folder}: no such folder; run the experiment first")

    def gaps(self, suite: str | None = None, corpus: str | None = None) -> Frame:
        """One row per gap, by the suite's first metric: verdict, sizes, intervals, adjusted p-values.

        Parameters
        ----------
        suite, corpus
            Only these; by default all.
        """
        table = self.table("verdicts")
        rows = table.filter(pc.equal(table["primary"], True))
        return _chosen(Frame(rows), suite=suite, corpus=corpus)

    def frontier(self, corpus: str | None = None) -> Frame:
        """One row per budget: compute-optimal tokens, parameters and loss."""
        return _chosen(Frame(self.table("frontier")), corpus=corpus)

    def forecasts(self, suite: str | None = None, corpus: str | None = None) -> Frame:
        """Forecasts of errors and ratios beyond the data."""
        table = self.table("forecasts")
        return _chosen(
            Frame(table.filter(pc.equal(table["candidate"], "ensemble"))), suite=suite, corpus=corpus
        )

    def measurements(self, suite: str | None = None, corpus: str | None = None) -> Frame:
        """The table of measurements: one row per run, group and metric."""
        return _chosen(Frame(read_table(self.folder / "measurements.parquet")), suite=suite, corpus=corpus)

    def runs(self) -> Frame:
        """One row per run: its corpus, compute, parameters, tokens."""
        names = ["run", "corpus", "optimizer", "seed", "budget", "training_flops", "params", "tokens"]
        table = read_table(self.folder / "measurements.parquet").select(names)
        return Frame(
            table.group_by(names).aggregate([]).sort_by([("corpus", "ascending"), ("run", "ascending")])
        )

    def items(self, run: str, suite: str | None = None) -> Frame:
        """The item scores of a run: one row per choice or document.

        Raises
        ------
        RelscaleError
            There is no such run, or nothing was scored.
        """
        from relscale.entries import read_entries
        from relscale.scoring.scores import Score

        scores = [
            score
            for manifest in sorted(self.folder.glob("scores/*/*.json"))
            for score in read_entries(manifest, Score)
        ]
        names = sorted({score.name for score in scores})
        if run not in names:
            raise RelscaleError(
                f"no scored run {run!r}; {suggestion(run, names) if names else 'nothing was scored'}"
            )
        found = [score for score in scores if score.name == run and suite in (None, score.suite)]
        if not found:
            suites = sorted({score.suite for score in scores})
            raise RelscaleError(f"no suite {suite!r}; {suggestion(str(suite), suites)}")
        if found[0].items is None:
            raise RelscaleError(f"run {run!r} diverged, so that it has no item scores")
        return Frame(read_table(found[0].items))

    def table(self, name: str) -> Any:
        """A table of the fit, as an Arrow table; ``docs/tables.md`` has their columns.

        Raises
        ------
        RelscaleError
            There is none of that name, or it is not made yet.
        """
        from relscale.fitting.fits import ROWS

        if name not in ROWS:
            raise RelscaleError(f"no table {name!r}; {suggestion(name, ROWS)}")
        inside = self.folder / "fits" if (self.folder / "fits").is_dir() else self.folder
        return read_table(inside / f"{name}.parquet")

    def plot(self, figure: str) -> Any:
        """A figure by its name, as a plotly ``Figure``: ``isoflop``, ``relative-law-varieties`` …"""
        from relscale.config import load_config
        from relscale.experiment import MeasurementExperiment, TrainingExperiment
        from relscale.figures.data import FigureData
        from relscale.figures.plot import make_figure
        from relscale.results import Results as Paths

        paths = Paths(self.folder)
        experiment = load_config(paths.config)
        corpora = experiment.scored_corpora
        stores = corpora if isinstance(experiment, TrainingExperiment) else ()
        data = FigureData(
            measurements=paths.measurements,
            fits=paths.fits,
            suites={name: suite.values() for name, suite in experiment.suites.items()}
            if isinstance(experiment, MeasurementExperiment)
            else {name: paths.suite(name) for name in experiment.suites},
            tokens={name: paths.tokens(name) for name in stores},
            corpora=corpora,
        )
        return make_figure(figure, data)

    def report(self) -> Path:
        """Write the report, one HTML file; its path."""
        from relscale.config import load_config
        from relscale.report.page import write_report
        from relscale.report.report_data import experiment_data

        output = self.folder / "report.html"
        write_report(experiment_data(load_config(self.folder / "config.yaml")), output)
        return output

    def __dir__(self) -> list[str]:
        return [
            *(
                "folder",
                "forecasts",
                "frontier",
                "gaps",
                "items",
                "measurements",
                "plot",
                "report",
                "runs",
                "table",
            ),
        ]

    def __repr__(self) -> str:
        from relscale.fitting.verdicts.verdict_rows import VerdictRow
        from relscale.fitting.verdicts.words import headline
        from relscale.rows import rows_of

        try:
            said = headline(rows_of(VerdictRow, self.table("verdicts")))
        except RelscaleError:
            said = "nothing is fitted yet"
        return f"<results in {self.folder}: {said}>"


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


def score(
    model: str | Path,
    suite: str | Sequence[str],
    *,
    limit: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Frame:
    """Score one model on a suite, without an experiment.

    Parameters
    ----------
    model
        A folder in the format of Hugging Face, or a name on the hub, ``name@revision`` for one of its commits.
    suite
        One of ``relscale.suites()``, the folder of a suite of your own, or names of tasks of lm-eval in a list.
    limit
        The most questions of each task.
    options
        Further options of the suite, as a config would state them.

    Returns
    -------
    Frame
        One row per group and metric: value, standard error, number of items.

    Raises
    ------
    RelscaleError
        The model or the suite is not there, or libraries are missing.
    """
    from relscale.commands import collect
    from relscale.commands import score as score_command
    from relscale.commands import suite as suite_command
    from relscale.config import load_config
    from relscale.extras import named_extras, need
    from relscale.jobs import scoring_jobs
    from relscale.yaml_text import dump

    need("score", "score")
    name, _, revision = (
        str(model).partition("@") if not Path(model).exists() else (str(Path(model).absolute()), "", "")
    )
    chosen: dict[str, Any] = dict(options or {}) | ({} if limit is None else {"limit": limit})
    if not isinstance(suite, str):
        suite_name, chosen = "tasks", {"lm_eval": list(suite), **chosen}
    elif Path(suite).is_dir():
        suite_name, chosen = Path(suite).name, {"path": str(Path(suite).absolute()), **chosen}
    else:
        suite_name = suite
    with TemporaryDirectory() as folder, named_extras("score", "score"):
        at = Path(folder)
        header = "model,revision,corpus,params,tokens,training_flops"
        at.joinpath("models.csv").write_text(f'{header}\n"{name}",{revision},all,,,1\n', encoding="utf-8")
        config = {
            "experiment": "score",
            "store": str(at / "store"),
            "runs": {"source": "checkpoints", "table": str(at / "models.csv")},
            "suites": {suite_name: chosen},
        }
        path = at / "score.yaml"
        path.write_text(dump(config), encoding="utf-8")
        ((corpus, job),) = scoring_jobs(load_config(path))
        manifest, scores, output = (
            at / suite_name / "suite.yaml",
            at / "scores.json",
            at / "measurements.parquet",
        )
        suite_command.run(
            argparse.Namespace(config=path, suite=suite_name, documents=[], requests="yes", output=manifest)
        )
        score_command.run(
            argparse.Namespace(
                config=path, corpus=corpus, job=job, runs=[], suites=[manifest], threads=1, output=scores
            )
        )
        collect.run(
            argparse.Namespace(
                config=path, runs=[], scores=[scores], suites=[manifest], output=output, replicates=None
            )
        )
        columns = ["suite", "prompt", "group", "metric", "value", "stderr", "items", "status"]
        return Frame(read_table(output).select(columns))


def _chosen(frame: Frame, **cells: str | None) -> Frame:
    """The rows of a suite and a corpus, each where it is named."""
    for name, cell in cells.items():
        if cell is not None:
            known = sorted({str(each) for each in frame[name]})
            if cell not in known:
                raise RelscaleError(
                    f"no {name} {cell!r}; {suggestion(cell, known) if known else 'there are none'}"
                )
            frame = frame.where(**{name: cell})
    return frame
