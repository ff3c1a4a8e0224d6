"""Exported suites beside a table of checkpoints, which replace suites built from held-out documents."""

from collections.abc import Callable
from pathlib import Path

from relscale.experiments.experiment import CheckpointExperiment, Experiment
from relscale.scoring.options import Suite
from relscale.storage.file_name import file_name


def with_exported_suites(
    experiment: Experiment, report: Callable[[str], None] = lambda line: None
) -> Experiment:
    """Replace suites that need held-out documents by the exported suites beside the table of checkpoints.

    Parameters
    ----------
    experiment
        The experiment; returned unchanged if it trains models.
    report
        Called with one message per replaced suite.
    """
    if not isinstance(experiment, CheckpointExperiment):
        return experiment
    suites = {}
    for name, suite in experiment.suites.items():
        folder = Path(experiment.runs.table).parent / "suites" / file_name(name)
        if folder.is_dir() and _needs_documents(name, suite):
            baseline = {} if suite.baseline is None else {"baseline": suite.baseline}
            suites[name] = Suite.model_validate({"path": str(folder), **baseline})
            report(f"suite {name}: {folder}, beside the table, is used instead of the shipped suite")
    return experiment.replaced(suites={**experiment.suites, **suites}) if suites else experiment


def _needs_documents(name: str, suite: Suite) -> bool:
    from relscale.scoring.suite_description import needs_documents  # heavy

    return needs_documents(name, suite)
