"""What can be wrong with an experiment beyond its config's keys, said before anything runs."""

from typing import Any

from relscale.design.cost import Hardware
from relscale.design.placement import place
from relscale.errors import RelscaleError
from relscale.experiment import check_tables, checkpoints, corpora, planned, source
from relscale.figures.plot import figure_module, figure_suite
from relscale.fitting.metrics import VALIDATION
from relscale.laws.catalogue import law
from relscale.scoring.checkpoint_table import check_distinct
from relscale.scoring.suite import needs_documents, suite_folder, suite_inputs
from relscale.scoring.suite_code import refuse_code
from relscale.training.optimizers import optimizer_module


def check_experiment(config: dict[str, Any]) -> None:
    """See that what an experiment names is there, and that its runs fit the hardware.

    Its text need not be: a plan is made before that is at hand.

    Parameters
    ----------
    config
        As ``relscale.config.check_config`` gives it.

    Raises
    ------
    RelscaleError
        A table, suite, optimizer, law or figure is not there; a run cannot be planned or placed.
    """
    check_tables(config)
    if source(config) == "train":
        _check_training(config)
    if source(config) == "checkpoints":
        check_distinct(checkpoints(config), config["runs"]["table"])
    if source(config) != "measurements":
        _check_taken(config)
        for name, options in config["suites"].items():
            _check_suite(config, name, options)
        _check_names(config)
    for entry in config["fit"]["laws"]:
        law(entry["law"])
    for figure in config["figures"]:
        figure_module(figure)


def _check_training(config: dict[str, Any]) -> None:
    for optimizer in config["design"]["optimizers"]:
        optimizer_module(optimizer)
    hardware = Hardware(**config["hardware"])
    for run in planned(config):
        place(run, hardware, config["training"])


def _check_names(config: dict[str, Any]) -> None:
    """What collect, fit and figures name is in the experiment: they come last, after all that is dear."""
    measured = [
        *config["suites"],
        *(f"{name}_subjects" for name in config["collect"]["subjects"]),
        VALIDATION[0],
    ]
    fit = config["fit"]
    named = [("collect.subjects", name, list(config["suites"])) for name in config["collect"]["subjects"]]
    for option in ("baselines", "metrics", "pooling", "specifications"):
        named += [(f"fit.{option}", name, measured) for name in fit.get(option) or ()]
    named += [
        ("figures", name, measured) for name in map(figure_suite, config["figures"]) if name is not None
    ]
    known = {"corpus": corpora(config)}
    if source(config) == "train":
        known["optimizer"] = config["design"]["optimizers"]
    named += [
        (f"fit.contrasts.{by}", fit["contrasts"][by], known[by]) for by in known if by in fit["contrasts"]
    ]
    for key, name, there in named:
        if name not in there:
            raise RelscaleError(f"{key}: no {name!r} in the experiment; there are {', '.join(there)}")


def _check_taken(config: dict[str, Any]) -> None:
    """No suite has a name that measurements have for something else."""
    if VALIDATION[0] in config["suites"]:
        raise RelscaleError(
            f"suites.{VALIDATION[0]}: is how measurements call the loss on held-out text; give the suite another name"
        )
    for name in config["collect"]["subjects"]:
        if f"{name}_subjects" in config["suites"]:
            raise RelscaleError(
                f"suites.{name}_subjects: is how measurements call the subjects of {name} (collect.subjects); "
                "give the suite another name"
            )


def _check_suite(config: dict[str, Any], name: str, options: dict[str, Any]) -> None:
    if "lm_eval" not in options:
        suite_folder(name, options)
    if "path" in options and not config["scoring"]["trust_suite_code"]:
        refuse_code(suite_folder(name, options))
    suite_inputs(options)
    if source(config) == "checkpoints" and needs_documents(name, options):
        raise RelscaleError(
            f"suites.{name}: is made from held-out documents of corpora, and nothing is trained here; leave it out, "
            "or put it as it was made into suites/ beside the table, as `relscale export` does"
        )
