"""Checks of fits and figures: names of suites, groups, metrics, laws and figures, and enough points."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from relscale.checks.suites import SuiteContents
from relscale.error_metrics import is_error
from relscale.errors import RelscaleError, keyed
from relscale.experiments.experiment import (
    CheckpointExperiment,
    Experiment,
    MeasurementExperiment,
    ScoredExperiment,
    TrainingExperiment,
)
from relscale.experiments.messages import unknown_name
from relscale.figures.registry import figure_suite, find_figure
from relscale.fitting.core_options import FurtherLaw, Multiplier, Value, Where
from relscale.fitting.curves.gaps import MEAN
from relscale.fitting.estimation.law_points import MEASURED
from relscale.fitting.report.reproduction_row import AnswerRow
from relscale.laws import parabola
from relscale.laws.catalogue import law_or_family
from relscale.laws.law import Law
from relscale.laws.predictor_columns import check_predictor_columns
from relscale.measurements.measurement import MEASUREMENTS, SHARE
from relscale.measurements.metric import OF_KIND, VALIDATION, VALIDATION_METRICS
from relscale.storage.rows import names_of
from relscale.storage.tables import read_table

FEWEST_BUDGETS = 2
SUBJECTS = "_subjects"


def check_fits(experiment: Experiment, contents: Mapping[str, SuiteContents]) -> None:
    """Check that laws, figures and answers exist, and that they name only suites, groups and metrics of the experiment.

    Parameters
    ----------
    experiment
        The experiment.
    contents
        Groups and metrics of its suites.

    Raises
    ------
    RelscaleError
        The message begins with the key.
    """
    with keyed("figures"):
        for figure in experiment.figures:
            find_figure(figure)
    _check_laws(experiment.fit.laws)
    _check_multipliers(experiment.fit.multipliers)
    answers = experiment.fit.answers
    if answers:
        with keyed("fit.answers"):
            read_table(answers, names_of(AnswerRow))
    if not isinstance(experiment, MeasurementExperiment):
        _check_names(experiment)
        _check_measured(experiment, contents)


def check_points(experiment: TrainingExperiment) -> None:
    """Refuse too few runs for a law.

    A budget's compute-optimal point is the minimum of a parabola, which needs runs of three sizes, and a law needs two
    such points. With ``fit.frontier: all`` each run is a point.
    """
    if experiment.fit.frontier == "all":
        return
    sizes: dict[tuple[str, str], dict[float, set[int]]] = defaultdict(lambda: defaultdict(set))
    for run in experiment.planned_runs:
        sizes[run.corpus, run.hyperparameters.optimizer][run.budget].add(run.tokens)
    for by_budget in sizes.values():
        if len(by_budget) < FEWEST_BUDGETS:
            raise RelscaleError(
                "design.budgets: a law needs at least two budgets; add budgets, or set fit.frontier: all, "
                "which uses each run as a point"
            )
        enough = sum(len(points) >= parabola.SMALLEST for points in by_budget.values())
        if enough < FEWEST_BUDGETS:
            raise RelscaleError(
                f"design.widths: {enough or 'no'} budget{'s have' if enough != 1 else ' has'} runs of "
                f"{parabola.SMALLEST} sizes, which a parabola needs, and a law needs two such budgets; add "
                "widths, or set fit.frontier: all, which uses each run as a point"
            )


def check_streams(experiment: TrainingExperiment) -> None:
    """Refuse a streamed corpus of limited size with too little text for its largest run."""
    epochs = experiment.training.max_epochs
    for name, corpus in experiment.corpora.items():
        largest = experiment.largest_run(name)
        for part in corpus.mixture:
            drawn = largest * part.weight / sum(other.weight for other in corpus.mixture)
            if part.unique_tokens is not None and drawn > epochs * part.unique_tokens:
                raise RelscaleError(
                    f"corpora.{name}: the largest run reads the {part.unique_tokens:.4g} unique_tokens of "
                    f"{part.label} {drawn / part.unique_tokens:.3g} times, but at most {epochs:g} are allowed; raise "
                    "training.max_epochs or unique_tokens"
                )
        if corpus.tokens is not None and experiment.is_streamed(name) and largest > epochs * corpus.tokens:
            raise RelscaleError(
                f"corpora.{name}.tokens: the largest run reads {largest:.4g} tokens, {largest / corpus.tokens:.3g} "
                f"times {corpus.tokens:.4g}, but at most {epochs:g} times are allowed (training.max_epochs); raise "
                "either, or remove corpora.tokens"
            )


def _check_laws(laws: Sequence[FurtherLaw]) -> None:
    _check_distinct("fit.laws", [entry.name for entry in laws])
    for number, entry in enumerate(laws):
        key = f"fit.laws.{entry.name}"
        with keyed(key):
            entry_law = law_or_family(entry.law)
        earlier = [other.name for other in laws[:number]]
        if entry.predictor_from is not None and entry.predictor_from not in earlier:
            raise RelscaleError(
                f"{key}: predictor_from {entry.predictor_from!r} is not the name of an earlier fit"
            )
        if isinstance(entry_law, Law):
            _check_law(entry_law, entry, key)
        if entry.method == "variable-projection" and (entry.residual, entry.loss) != (
            "linear",
            "squares",
        ):
            raise RelscaleError(f"{key}: variable-projection is for residual: linear and loss: squares")
        columns = [
            *entry.by,
            *(entry.x or ()),
            *(column for _, condition in _conditions(entry) for column in condition),
        ]
        _check_columns(columns, key)
        if entry.optimum is not None:
            from relscale.fitting.estimation.mixture_optima import check_mixture_law  # imports scipy

            check_mixture_law(entry)


def _check_distinct(key: str, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            raise RelscaleError(f"{key}.{name}: duplicate name; give each entry its own")


def _check_columns(columns: Iterable[str], key: str) -> None:
    for column in columns:
        if column not in MEASUREMENTS.names and not column.startswith(SHARE):
            raise RelscaleError(unknown_name(key, "column of measurements", column, MEASUREMENTS.names))


def _check_multipliers(multipliers: Sequence[Multiplier]) -> None:
    _check_distinct("fit.multipliers", [entry.name for entry in multipliers])
    for entry in multipliers:
        _check_columns([*entry.where, entry.share, entry.unique, entry.at], f"fit.multipliers.{entry.name}")


def _check_law(law: Law, entry: FurtherLaw, key: str) -> None:
    if MEASURED in law.predictors and entry.predictor is None:
        raise RelscaleError(f"{key}: law {law.name} needs a measured predictor; set predictor")
    if entry.x:
        try:
            check_predictor_columns(law, entry.x, computed=True)
        except RelscaleError as reason:
            raise RelscaleError(f"{key}.{reason}") from None
    for name in entry.fixed or ():
        if name not in law.names:
            raise RelscaleError(unknown_name(f"{key}.fixed", f"parameter of law {law.name}", name, law.names))
    if law.gap is None and entry.baseline is not None:
        raise RelscaleError(f"{key}.baseline: law {law.name} compares no groups")
    if (
        law.gap == "ratio"
        and entry.baseline is None
        and not isinstance((entry.where or {}).get("suite"), str)
    ):
        raise RelscaleError(f"{key}: law {law.name} compares groups; set the baseline, or one suite")


def _check_names(experiment: ScoredExperiment) -> None:
    """Check the names in collect, fit and figures before the expensive jobs that they depend on."""
    fit, subjects = experiment.fit, experiment.collect.subjects
    measured = [
        *experiment.suites,
        *(f"{name}{SUBJECTS}" for name in subjects),
        VALIDATION.suite,
    ]
    known = {"suite": measured, "corpus": list(experiment.scored_corpora)}
    if isinstance(experiment, TrainingExperiment):
        known["optimizer"] = list(experiment.design.optimizers)
    named = [("collect.subjects", name, list(experiment.suites)) for name in subjects]
    for option in ("baselines", "metrics", "pooling", "specifications"):
        named += [(f"fit.{option}", name, measured) for name in getattr(fit, option) or ()]
    named += [
        ("figures", name, measured) for name in map(figure_suite, experiment.figures) if name is not None
    ]
    for by, name in (("corpus", fit.contrasts.corpus), ("optimizer", fit.contrasts.optimizer)):
        if name is not None and by in known:
            named.append((f"fit.contrasts.{by}", name, known[by]))
    for number, target in enumerate(fit.forecast):
        if target.corpus is not None:
            named.append((f"fit.forecast.{number}.corpus", target.corpus, known["corpus"]))
    for entry in fit.laws:
        for key, condition in _conditions(entry):
            for column in known.keys() & condition.keys():
                path = f"fit.laws.{entry.name}.{key}.{column}"
                named += [(path, str(name), known[column]) for name in _several(condition[column])]
        if entry.optimum is not None and entry.optimum.prior is not None:
            named.append((f"fit.laws.{entry.name}.optimum.prior", entry.optimum.prior, known["corpus"]))
    for multiplier in fit.multipliers:
        for column in known.keys() & multiplier.where.keys():
            path = f"fit.multipliers.{multiplier.name}.where.{column}"
            named += [(path, str(name), known[column]) for name in _several(multiplier.where[column])]
    for key, name, known_names in named:
        if name not in known_names:
            raise RelscaleError(unknown_name(key, "", name, known_names, "in the experiment"))


def _check_measured(experiment: ScoredExperiment, contents: Mapping[str, SuiteContents]) -> None:
    """Check groups and metrics of suites, as far as they are known before preparation."""
    groups = {name: suite.groups for name, suite in contents.items()}
    metrics = {name: suite.metrics for name, suite in contents.items()}
    groups[VALIDATION.suite], metrics[VALIDATION.suite] = {VALIDATION.group}, set(VALIDATION_METRICS)
    for name in experiment.collect.subjects:
        subjects = contents[name].subjects
        if subjects == set():
            raise RelscaleError(f"collect.subjects: suite {name} has no subjects; remove it")
        groups[f"{name}{SUBJECTS}"] = subjects
        metrics[f"{name}{SUBJECTS}"] = (
            None if metrics[name] is None else {metric for k in OF_KIND.values() for metric in k}
        )
    for suite, group in experiment.fit.baselines.items():
        known = groups[suite]
        if known is not None and group not in {*known, MEAN}:
            raise RelscaleError(unknown_name(f"fit.baselines.{suite}", "group", group, sorted(known)))
    for suite, names in experiment.fit.metrics.items():
        known_metrics = metrics[suite]
        for metric in names if known_metrics is not None else ():
            errors = sorted(filter(is_error, known_metrics or ()))
            if metric not in errors:
                raise RelscaleError(unknown_name(f"fit.metrics.{suite}", "error metric", metric, errors))
    if isinstance(experiment, CheckpointExperiment) and experiment.fit.frontier == "parabola":
        needed = ("budget", "tokens", "validation_loss")
        for column in needed:
            if all(getattr(checkpoint, column) is None for checkpoint in experiment.checkpoints):
                raise RelscaleError(
                    f"fit.frontier: parabola needs {column}, and no checkpoint of {experiment.runs.table} has one; "
                    "use all"
                )


def _conditions(law: FurtherLaw) -> list[tuple[str, Where]]:
    """The filters of a law's measurements, by key."""
    keys = {"where": law.where, "only": law.only, "predict": law.predict, "predictor": law.predictor}
    return [(key, condition) for key, condition in keys.items() if condition]


def _several(value: Value | tuple[Value, ...]) -> Iterable[Value]:
    return value if isinstance(value, tuple) else (value,)
