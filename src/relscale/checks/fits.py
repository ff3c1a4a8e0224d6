"""Whether what is fitted and drawn can be: names of suites, groups, metrics, laws and figures, and enough points."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from relscale.checks import suites
from relscale.checks.keyed import keyed
from relscale.config import unknown_name
from relscale.design.run import Run
from relscale.errors import RelscaleError
from relscale.experiment import checkpoints, corpora, is_streamed, source
from relscale.figures.plot import figure_module, figure_suite
from relscale.fitting.estimation.law_points import MEASURED
from relscale.fitting.report.reproduction import NEEDED
from relscale.laws import parabola
from relscale.laws.catalogue import law_or_family
from relscale.laws.law import Law
from relscale.measurements.measurement import MEASUREMENTS, SHARE
from relscale.measurements.metric import OF_KIND, VALIDATION, VALIDATION_METRICS, is_error
from relscale.tables import read_table

FEWEST_BUDGETS = 2
SUBJECTS = "_subjects"


def check_fits(config: dict[str, Any]) -> None:
    """See that laws, figures and answers are there, and that they name nothing that will not be measured.

    Raises
    ------
    RelscaleError
        The message begins with the key.
    """
    for figure in config["figures"]:
        keyed("figures", partial(figure_module, figure))
    _check_laws(config["fit"]["laws"])
    if config["fit"]["answers"]:
        keyed("fit.answers", lambda: read_table(config["fit"]["answers"], NEEDED))
    if source(config) != "measurements":
        _check_names(config)
        _check_measured(config)


def check_points(runs: Sequence[Run], config: dict[str, Any]) -> None:
    """See that the runs give a law something to go through.

    A budget's compute-optimal point is the minimum of a parabola, for which it needs runs of three sizes, and a law
    needs two such points. With ``fit.frontier: all`` each run is a point.

    Raises
    ------
    RelscaleError
        There are too few.
    """
    if config["fit"]["frontier"] == "all":
        return
    sizes: dict[tuple[str, str], dict[float, set[int]]] = defaultdict(lambda: defaultdict(set))
    for run in runs:
        sizes[run.corpus, run.hyperparameters.optimizer][run.budget].add(run.tokens)
    for by_budget in sizes.values():
        if len(by_budget) < FEWEST_BUDGETS:
            raise RelscaleError(
                "design.budgets: one budget is one point, and a law needs two; name more, or set fit.frontier: all, by "
                "which each run is a point"
            )
        enough = sum(len(each) >= parabola.SMALLEST for each in by_budget.values())
        if enough < FEWEST_BUDGETS:
            raise RelscaleError(
                f"design.widths: {enough or 'no'} budget{'s have' if enough != 1 else ' has'} runs of "
                f"{parabola.SMALLEST} sizes, which a parabola needs, and a law needs two such budgets; name more "
                "widths, or set fit.frontier: all, by which each run is a point"
            )


def check_streams(runs: Sequence[Run], config: dict[str, Any]) -> None:
    """See that a corpus that is streamed as far as its config says has enough for its largest run.

    Raises
    ------
    RelscaleError
        It has not.
    """
    epochs = config["training"]["max_epochs"]
    for corpus, options in config["corpora"].items():
        largest = max((run.tokens for run in runs if run.corpus == corpus), default=0)
        if "tokens" in options and is_streamed(config, corpus) and largest > epochs * options["tokens"]:
            raise RelscaleError(
                f"corpora.{corpus}.tokens: the largest run takes {largest:.4g}, and may see the corpus {epochs:g} "
                "times (training.max_epochs); name more, or leave it out"
            )


def _check_laws(laws: Sequence[dict[str, Any]]) -> None:
    names: set[str] = set()
    for entry in laws:
        where = f"fit.laws.{entry['name']}"
        if entry["name"] in names:
            raise RelscaleError(f"{where}: two laws have this name")
        found = keyed(where, partial(law_or_family, entry["law"]))
        if "predictor_from" in entry and entry["predictor_from"] not in names:
            raise RelscaleError(
                f"{where}: predictor_from {entry['predictor_from']!r} is no fit named before it"
            )
        if isinstance(found, Law):
            _check_law(found, entry, where)
        if entry["method"] == "variable-projection" and (entry["error"], entry["loss"]) != (
            "linear",
            "squares",
        ):
            raise RelscaleError(f"{where}: variable-projection is for error: linear and loss: squares")
        columns = [
            *entry["by"],
            *entry.get("x", ()),
            *(c for key in ("where", "only", "predict", "predictor") for c in entry.get(key, ())),
        ]
        for column in columns:
            if column not in MEASUREMENTS.names and not column.startswith(SHARE):
                raise RelscaleError(unknown_name(where, "column of measurements", column, MEASUREMENTS.names))
        names.add(entry["name"])


def _check_law(law: Law, entry: dict[str, Any], where: str) -> None:
    if MEASURED in law.predictors and "predictor" not in entry:
        raise RelscaleError(f"{where}: law {law.name} starts from a measured number; name it under predictor")
    predictors = law.made_of or law.predictors
    if entry.get("x") and len(entry["x"]) != len(predictors):
        raise RelscaleError(
            f"{where}.x: law {law.name} has {len(predictors)} predictors ({', '.join(predictors)}), "
            f"not {len(entry['x'])}"
        )
    for name in entry.get("fixed", ()):
        if name not in law.names:
            raise RelscaleError(
                unknown_name(f"{where}.fixed", f"parameter of law {law.name}", name, law.names)
            )
    if law.gap is None and entry.get("baseline") is not None:
        raise RelscaleError(f"{where}.baseline: law {law.name} compares no groups")
    if (
        law.gap == "ratio"
        and "baseline" not in entry
        and not isinstance(entry.get("where", {}).get("suite"), str)
    ):
        raise RelscaleError(
            f"{where}: law {law.name} compares groups; name the baseline among them, or one suite"
        )


def _check_names(config: dict[str, Any]) -> None:
    """What collect, fit and figures name is in the experiment: they come last, after all that is dear."""
    fit = config["fit"]
    measured = [
        *config["suites"],
        *(f"{name}{SUBJECTS}" for name in config["collect"]["subjects"]),
        VALIDATION.suite,
    ]
    known = {"suite": measured, "corpus": corpora(config)}
    if source(config) == "train":
        known["optimizer"] = config["design"]["optimizers"]
    named = [("collect.subjects", name, list(config["suites"])) for name in config["collect"]["subjects"]]
    for option in ("baselines", "metrics", "pooling", "specifications"):
        named += [(f"fit.{option}", name, measured) for name in fit[option] or ()]
    named += [
        ("figures", name, measured) for name in map(figure_suite, config["figures"]) if name is not None
    ]
    for by, name in fit["contrasts"].items():
        if by in known:
            named.append((f"fit.contrasts.{by}", name, known[by]))
    for number, entry in enumerate(fit["forecast"]):
        if "corpus" in entry:
            named.append((f"fit.forecast.{number}.corpus", entry["corpus"], known["corpus"]))
    for entry in fit["laws"]:
        for key in ("where", "only", "predict", "predictor"):
            for column in known.keys() & entry.get(key, {}).keys():
                where = f"fit.laws.{entry['name']}.{key}.{column}"
                named += [(where, name, known[column]) for name in _several(entry[key][column])]
    for key, name, there in named:
        if name not in there:
            raise RelscaleError(unknown_name(key, "", name, there, "in the experiment"))


def _check_measured(config: dict[str, Any]) -> None:
    """Groups and metrics, as far as the suites tell them before they are made."""
    options = config["suites"]
    groups = {name: suites.groups(name, each, config) for name, each in options.items()}
    metrics = {name: suites.metrics(name, each) for name, each in options.items()}
    groups[VALIDATION.suite], metrics[VALIDATION.suite] = {VALIDATION.group}, set(VALIDATION_METRICS)
    for name in config["collect"]["subjects"]:
        subjects = suites.subjects(name, options[name])
        if subjects == set():
            raise RelscaleError(f"collect.subjects: suite {name} has no subjects; leave it out")
        groups[f"{name}{SUBJECTS}"] = subjects
        metrics[f"{name}{SUBJECTS}"] = (
            None if metrics[name] is None else {each for k in OF_KIND.values() for each in k}
        )
    for suite, group in config["fit"]["baselines"].items():
        known = groups[suite]
        if known is not None and group not in known:
            raise RelscaleError(unknown_name(f"fit.baselines.{suite}", "group", group, sorted(known)))
    for suite, names in config["fit"]["metrics"].items():
        there = metrics[suite]
        for metric in names if there is not None else ():
            errors = sorted(filter(is_error, there or ()))
            if metric not in errors:
                raise RelscaleError(unknown_name(f"fit.metrics.{suite}", "error metric", metric, errors))
    if source(config) == "checkpoints" and config["fit"]["frontier"] == "parabola":
        needed = ("budget", "tokens", "validation_loss")
        for column in needed:
            if all(getattr(each, column) is None for each in checkpoints(config)):
                raise RelscaleError(
                    f"fit.frontier: parabola needs {column}, and no checkpoint of {config['runs']['table']} has one; "
                    "use all"
                )


def _several(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]
