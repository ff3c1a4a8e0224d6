"""Suites of an export beside a table of checkpoints, in place of suites made from held-out documents."""

from collections.abc import Callable
from pathlib import Path

from relscale.experiments.experiment import CheckpointExperiment, Experiment
from relscale.scoring.options import Suite
from relscale.storage.file_name import file_name


def with_exported_suites(
    experiment: Experiment, report: Callable[[str], None] = lambda line: None
) -> Experiment:
    """The experiment with suites that need held-out documents replaced by those that an export put beside its table.

    Parameters
    ----------
    experiment
        Any; nothing changes where models are trained.
    report
        Called with a line per suite that is replaced, which names the folder.
    """
    if not isinstance(experiment, CheckpointExperiment):
        return experiment
    suites = {}
    for name, suite in experiment.suites.items():
        folder = Path(experiment.runs.table).parent / "suites" / file_name(name)
        if folder.is_dir() and _needs_documents(name, suite):
            baseline = {} if suite.baseline is None else {"baseline": suite.baseline}
            suites[name] = Suite.model_validate({"path": str(folder), **baseline})
            report(
                f"suite {name}: {folder} is taken in place of the shipped suite, as it is beside the table"
            )
    return experiment.replaced(suites={**experiment.suites, **suites}) if suites else experiment


def _needs_documents(name: str, suite: Suite) -> bool:
    from relscale.scoring.suite import needs_documents  # heavy

    return needs_documents(name, suite)
