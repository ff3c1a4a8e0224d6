"""Checks of an experiment beyond its config's keys, before anything runs."""

from pathlib import Path

from relscale.checks.fits import check_fits, check_points, check_streams
from relscale.checks.machine import check_devices, check_folders, check_placed
from relscale.checks.suites import SuiteContents, check_suite
from relscale.checks.text import check_text
from relscale.errors import RelscaleError, keyed
from relscale.experiments.experiment import (
    CheckpointExperiment,
    Experiment,
    MeasurementExperiment,
    ScoredExperiment,
    TrainingExperiment,
)
from relscale.experiments.messages import LONGEST, SHOWN, shortened
from relscale.experiments.results import Results
from relscale.measurements.metric import VALIDATION
from relscale.scoring.checkpoint_table import check_distinct
from relscale.training.optimizers import optimizer_module
from relscale.training.options import check_logger


def check_experiment(experiment: Experiment, submitted: bool = True) -> None:
    """Check that everything an experiment names exists, that its runs fit the hardware, and that laws have enough
    points.

    Hub data need not be available, because a plan can be made offline. No heavy library is imported.

    Parameters
    ----------
    experiment
        The experiment, as returned by ``relscale.experiments.config.load_config``.
    submitted
        Whether jobs run, or may run, on other machines, so that this machine's devices are irrelevant.

    Raises
    ------
    RelscaleError
        Text, a table, suite, option, group, metric, optimizer, logger, law, figure or device does not exist; a run
        cannot be planned or placed; results cannot be written. The message is one sentence that begins with the key.
    """
    try:
        _check(experiment, submitted)
    except RelscaleError as error:
        raise RelscaleError(shortened(str(error), LONGEST)) from None
    except OSError as error:  # an unreadable folder, an overlong name
        file = shortened(str(error.filename), SHOWN)
        raise RelscaleError(f"{file}, named in the config: {error.strerror or error}") from None


def _check(experiment: Experiment, submitted: bool) -> None:
    check_folders(Path(experiment.store), Results.of(experiment).folder)
    _check_tables(experiment)
    if isinstance(experiment, TrainingExperiment):
        check_logger(experiment.training.logger)
        for optimizer in experiment.design.optimizers:
            with keyed("design.optimizers"):
                optimizer_module(optimizer)
        check_placed(experiment)
        check_points(experiment)
        check_streams(experiment)
        check_text(experiment)
    if isinstance(experiment, CheckpointExperiment):
        check_distinct(experiment.checkpoints, experiment.runs.table)
    contents: dict[str, SuiteContents] = {}
    if not isinstance(experiment, MeasurementExperiment):
        _check_suite_names(experiment)
        contents = {name: check_suite(name, experiment) for name in experiment.suites}
        check_devices(experiment, submitted)
    check_fits(experiment, contents)


def _check_tables(experiment: Experiment) -> None:
    """Check that the input files of an experiment exist: measurements, and published answers."""
    tables = experiment.runs.tables if isinstance(experiment, MeasurementExperiment) else ()
    read = [("runs.tables", table.path) for table in tables]
    if experiment.fit.answers:
        read.append(("fit.answers", experiment.fit.answers))
    for key, path in read:
        if not Path(path).is_file():
            raise RelscaleError(f"{key}: {path}: no such table in {Path.cwd()}")


def _check_suite_names(experiment: ScoredExperiment) -> None:
    """Check that no suite has a reserved name."""
    if VALIDATION.suite in experiment.suites:
        raise RelscaleError(
            f"suites.{VALIDATION.suite}: this name is reserved for the loss on held-out text; choose another"
        )
    for name in experiment.collect.subjects:
        if f"{name}_subjects" in experiment.suites:
            raise RelscaleError(
                f"suites.{name}_subjects: this name is reserved for the subjects of {name} "
                "(collect.subjects); choose another"
            )
