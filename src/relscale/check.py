"""What can be wrong with an experiment beyond its config's keys, said before anything runs."""

from functools import partial
from typing import Any

from relscale.checks.fits import check_fits, check_points, check_streams
from relscale.checks.keyed import keyed
from relscale.checks.machine import check_devices, check_folders, check_placed
from relscale.checks.suites import check_suite
from relscale.checks.text import check_text
from relscale.config import LONGEST, SHOWN, shortened
from relscale.errors import RelscaleError
from relscale.experiment import check_tables, checkpoints, planned, results_folder, source
from relscale.measurements.metric import VALIDATION
from relscale.scoring.checkpoint_table import check_distinct
from relscale.training.optimizers import optimizer_module


def check_experiment(config: dict[str, Any], elsewhere: bool = True) -> None:
    """See that what an experiment names is there, and that its runs fit the hardware and give laws enough points.

    What is on the hub need not be: a plan is made before it can be reached. Nothing heavy is imported.

    Parameters
    ----------
    config
        As ``relscale.config.check_config`` gives it.
    elsewhere
        Whether jobs run, or may run, on other machines: then this one's devices say nothing of theirs.

    Raises
    ------
    RelscaleError
        Text, a table, suite, option, group, metric, optimizer, law, figure or device is not there; a run cannot be
        planned or placed; results cannot be written. One sentence that begins with the key.
    """
    try:
        _check(config, elsewhere)
    except RelscaleError as error:
        raise RelscaleError(shortened(str(error), LONGEST)) from None
    except OSError as error:  # a folder that may not be looked into, a name that is too long
        where = shortened(str(error.filename), SHOWN)
        raise RelscaleError(f"{where}: {error.strerror or error}; the config names it") from None


def _check(config: dict[str, Any], elsewhere: bool) -> None:
    check_folders(config, results_folder(config))
    check_tables(config)
    trains = source(config) == "train"
    if trains:
        for optimizer in config["design"]["optimizers"]:
            keyed("design.optimizers", partial(optimizer_module, optimizer))
        runs = planned(config)
        check_placed(runs, config)
        check_points(runs, config)
        check_streams(runs, config)
        check_text(config)
    if source(config) == "checkpoints":
        check_distinct(checkpoints(config), config["runs"]["table"])
    if source(config) != "measurements":
        _check_taken(config)
        for name, options in config["suites"].items():
            check_suite(name, options, config)
        check_devices(config, elsewhere)
    check_fits(config)


def _check_taken(config: dict[str, Any]) -> None:
    """No suite has a name that measurements have for something else."""
    if VALIDATION.suite in config["suites"]:
        raise RelscaleError(
            f"suites.{VALIDATION.suite}: this name stands for the loss on held-out text in measurements; choose another"
        )
    for name in config["collect"]["subjects"]:
        if f"{name}_subjects" in config["suites"]:
            raise RelscaleError(
                f"suites.{name}_subjects: is how measurements call the subjects of {name} (collect.subjects); "
                "give the suite another name"
            )
