"""The rules ``plot`` and ``write_report``: figures, their captions, and the report."""

from pathlib import Path

from relscale.experiments.experiment import Experiment
from relscale.experiments.results import Results
from relscale.figures.browser import static_formats
from relscale.figures.caption import Caption, as_rst
from relscale.figures.registry import all_figures, figure_suite, find_figure
from relscale.provenance import code_digest, digest
from relscale.scoring.options import Suite
from relscale.scoring.suite_description import suite_title
from relscale.storage.file_name import by_file_name


class FigureStage:
    """The figures of an experiment, named by their file names."""

    def __init__(self, experiment: Experiment, results: Results):
        self.experiment, self.results = experiment, results
        self._figure = by_file_name(all_figures(experiment.figures, experiment.suites))
        self._titles = {
            name: suite_title(name, suite)
            if isinstance(suite, Suite)
            else (suite.title or name, suite.description or "", suite.note or "")
            for name, suite in experiment.suites.items()
        }

    def figures(self) -> list[Path]:
        """Every figure, as HTML and as JSON."""
        return [
            self.results.figure(figure, format)
            for figure in self._figure.values()
            for format in ("html", "json")
        ]

    def suites_digest(self) -> str:
        """The digest of the section ``suites``."""
        return digest({name: suite.given() for name, suite in self.experiment.suites.items()})

    def figure_code(self, figure: str) -> str:
        """The digest of the code of a figure."""
        return code_digest("relscale.commands.plot:run", find_figure(self._figure[figure]).module)

    def report_code(self) -> str:
        """The digest of the code of the report."""
        return code_digest("relscale.commands.report:run")

    def formats(self) -> list[str]:
        """The formats besides HTML and JSON that this machine can draw."""
        return list(static_formats())

    def caption(self, figure: str, folder: Path) -> Caption:
        """The caption of a figure in the report, with the description of its suite, if it has one.

        Parameters
        ----------
        figure
            File name of the figure.
        folder
            Folder of the captions, one per kind of figure; the default is the first sentence of its module's docstring.
        """
        name = self._figure[figure]
        kind = find_figure(name)
        written = folder / f"{kind.name}.rst"
        text = written.read_text(encoding="utf-8") if written.is_file() else as_rst(kind.description)
        suite = figure_suite(name)
        return Caption(text) if suite is None else Caption(text, self._titles.get(suite, (suite, "", "")))

    def outputs(self) -> list[Path]:
        """All outputs of the rules."""
        return [*self.figures(), self.results.report]
