"""Python interface to experiments and their results, equivalent to the command line."""

from pathlib import Path

from relscale.arguments import typed
from relscale.errors import RelscaleError
from relscale.experiments.experiment_results import Results, open
from relscale.printable import escaped_repr
from relscale.score_model import score
from relscale.table_fit.frame import Frame

__all__ = ["Experiment", "Results", "open", "score"]


@escaped_repr
class Experiment:
    """An experiment, defined by a config file.

    Parameters
    ----------
    config
        YAML file, or the name of an experiment shipped with relscale: ``laptop``, ``reference``, ``paper`` …

    Examples
    --------
    >>> import relscale as rs
    >>> experiment = rs.Experiment("laptop")
    >>> len(experiment.plan())
    56
    """

    @typed
    def __init__(self, config: str | Path):
        from relscale.experiments.config import load_config
        from relscale.package_files import named_config

        self.config = named_config(Path(config))
        self.options = load_config(self.config)

    @classmethod
    @typed
    def from_texts(
        cls, *paths: str | Path, minutes: float = 10, config: str | Path = "texts.yaml"
    ) -> "Experiment":
        """Create an experiment on folders of text, one group per folder, and write its commented config.

        Parameters
        ----------
        *paths
            At least two folders or files of text, or one folder with a sub-folder per group.
        minutes
            Time limit in minutes on this machine; determines budgets and widths.
        config
            Config file to write; the experiment is named after it.

        Raises
        ------
        RelscaleError
            The config already exists, a folder is missing, or there is too little text.

        Examples
        --------
        >>> import relscale as rs
        >>> rs.Experiment.from_texts("stories", "code", minutes=2).check()  # doctest: +SKIP
        []
        """
        from relscale.starting.texts import texts_config
        from relscale.storage.atomic import write_text

        file = Path(config)
        if file.exists():
            raise RelscaleError(f"{file}: already exists; name another config, or remove it")
        write_text(file, texts_config([Path(path) for path in paths], minutes, file.stem, file.parent))
        return cls(file)

    def check(self) -> list[str]:
        """List the problems of the config, one sentence each; empty if the experiment can run.

        Examples
        --------
        >>> import relscale as rs
        >>> rs.Experiment("tests.yaml").check()
        []
        """
        from relscale.experiments.check import check_experiment

        try:
            check_experiment(self.options)
        except RelscaleError as error:
            return [str(error)]
        return []

    def plan(self) -> Frame:
        """The planned training runs, one row per run: size, tokens, steps, learning rate, expected time.

        Raises
        ------
        RelscaleError
            The experiment trains no models.
        """
        from relscale.design.placement import place
        from relscale.design.table import plan_table
        from relscale.experiments.experiment import TrainingExperiment

        if not isinstance(self.options, TrainingExperiment):
            raise RelscaleError(f"{self.config}: trains nothing, so there is nothing to plan")
        runs = self.options.planned_runs
        options = self.options.training
        placements = [place(run, self.options.hardware, options) for run in runs]
        return Frame(plan_table(runs, placements, options.branches))

    def run(self, *arguments: str) -> "Results":
        """Run the workflow in the working directory, skipping finished jobs, and write the report.

        Parameters
        ----------
        *arguments
            Options of Snakemake, such as ``"--cores=8"``.

        Raises
        ------
        RelscaleError
            The experiment cannot run, or a job failed; the reason is printed on the terminal.
        """
        from relscale.commands.run import run_workflow
        from relscale.experiments.check import check_experiment
        from relscale.extras import need

        need("the workflow", "workflow")
        check_experiment(self.options)
        if run_workflow(self.config, list(arguments)):
            raise RelscaleError(f"{self.config}: the workflow failed; the reason is above")
        return self.results

    @property
    def results(self) -> "Results":
        """The results in the working directory, as far as they exist.

        Raises
        ------
        RelscaleError
            The experiment has no results yet.
        """
        from relscale.experiments.results import Results as Paths

        return Results(Paths.of(self.options).folder)

    def __dir__(self) -> list[str]:
        return ["check", "config", "options", "plan", "results", "run"]

    def __repr__(self) -> str:
        return f"<experiment {self.options.name!r} of {self.config}>"
