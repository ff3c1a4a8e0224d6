"""Settings of a fit: the options of the config, and properties of the measured suites."""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, TypeVar

from pydantic import InstanceOf, ValidationError

from relscale.confidence import check_level
from relscale.error_metrics import is_error
from relscale.errors import RelscaleError
from relscale.experiments.section import Section
from relscale.fitting.core_options import CoreOptions
from relscale.fitting.curves.gaps import MEAN
from relscale.fitting.curves.run_matrix import RunMatrix
from relscale.laws.law import Law
from relscale.measurements.metric import Metric
from relscale.measurements.prompt_form import shown_form

S = TypeVar("S", bound=Section)
T = TypeVar("T")


class SuiteFacts(TypedDict, total=False):
    """Properties of a suite besides its measurements; each may be missing or None.

    Attributes
    ----------
    baseline
        The group that the others are compared with.
    metric, prompt
        Its headline metric and prompt form.
    chance
        Accuracy of a guess, 1 / choices.
    """

    baseline: str | None
    metric: str | None
    prompt: str | None
    chance: float | None


class Settings(CoreOptions, extra="allow"):
    """Settings of a fit: the options, completed by the suites' own settings, and the options of analyses.

    Attributes
    ----------
    baselines
        The group that a suite's other groups are compared with.
    metrics
        The error metrics that are fitted per suite; all for a suite that is not named.
    user_laws
        User-defined laws, by the name that further laws refer to.
    shown_metric, shown_prompt
        The headline metric and prompt form of each suite that names them.
    chance
        Accuracy of a guess, 1 / choices, by suite.
    seed
        Seed of all bootstraps and simulations.
    """

    user_laws: Mapping[str, InstanceOf[Law]] = {}
    shown_metric: Mapping[str, str] = {}
    shown_prompt: Mapping[str, str] = {}
    chance: Mapping[str, float] = {}
    seed: int = 0

    def of(self, section: type[S]) -> S:
        """The options of an analysis.

        Raises
        ------
        RelscaleError
            An option is out of range.
        """
        extra = self.model_extra or {}
        return _validated(section, {name: extra[name] for name in section.model_fields if name in extra})

    def fits(self, suite: str, metric: str) -> bool:
        """Whether laws are fitted to this metric of this suite."""
        return metric in self.metrics[suite] if suite in self.metrics else is_error(metric)

    def analyses_of(self, suite: str | None, metric: str | None) -> bool:
        """Whether this metric has analyses and forecasts besides its laws.

        True for every metric that the options name for the suite; without any, for its headline metric, if fitted.
        """
        shown = self.shown_metric.get(suite or "")
        return suite in self.metrics or shown in (None, metric)


def fit_settings(
    options: Mapping[str, Any],
    suites: Mapping[str, SuiteFacts],
    matrices: Iterable[RunMatrix],
    seed: int = 0,
) -> Settings:
    """Merge an experiment's ``fit`` options with the properties of its suites; the options take precedence.

    Raises
    ------
    RelscaleError
        An option is out of range, or names a suite, group or metric that was not measured.
    """
    level = options.get("level", 0.5)
    check_level(level, "fit.level")
    measured = {series for matrix in matrices for series in matrix.series}
    groups = _by_suite((series.suite, series.group) for series in measured)
    named = _by_suite((series.suite, series.metric) for series in measured)
    metrics = {suite: set(filter(is_error, names)) for suite, names in named.items()}
    no_scores = {
        suite: {name for name in names if not Metric.parse(name).is_score} for suite, names in named.items()
    }
    known = {name: info for name, info in suites.items() if name in groups}
    baselines = {name: group for name, info in known.items() if (group := info.get("baseline"))}
    baselines |= options.get("baselines") or {}
    fitted = {name: tuple(names) for name, names in (options.get("metrics") or {}).items()}
    for suite, baseline in baselines.items():
        _check("baselines", suite, [] if baseline == MEAN else [baseline], groups)
    for suite, names in fitted.items():
        _check("metrics", suite, names, no_scores)
    for option in ("pooling", "specifications"):
        for suite in options.get(option) or ():
            _check(option, suite, [], groups)
    shown_metric = {
        name: metric
        for name, info in known.items()
        if (metric := info.get("metric")) in metrics.get(name, ())
    }
    forms = _by_suite(
        (series.suite, series.prompt)
        for series in measured
        if is_error(series.metric) and series.metric == shown_metric.get(series.suite, series.metric)
    )
    sections = {
        "baselines": baselines,
        "metrics": fitted,
        "shown_metric": shown_metric,
        "shown_prompt": {
            name: form
            for name, info in known.items()
            if (form := shown_form(info.get("prompt"), forms.get(name, ()))) is not None
        },
        "chance": {
            name: float(chance) for name, info in known.items() if (chance := info.get("chance")) is not None
        },
        "seed": seed,
    }
    return _validated(Settings, {**options, **sections})


def _validated(section: type[S], values: dict[str, Any]) -> S:
    try:
        return section(**values)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(map(str, ("fit", *first["loc"])))
        allowed = first.get("ctx", {}).get("expected", "").replace("'", "").replace(" or ", ", ")
        wrong = f"is not one of {allowed}" if allowed else f"is not allowed: {first['msg']}"
        raise RelscaleError(f"{path}: {first['input']!r} {wrong}") from error


def _by_suite(pairs: Iterable[tuple[str, T]]) -> dict[str, set[T]]:
    result: dict[str, set[T]] = {}
    for suite, name in pairs:
        result.setdefault(suite, set()).add(name)
    return result


def _check(option: str, suite: str, names: Iterable[str], measured: dict[str, set[str]]) -> None:
    if suite not in measured:
        raise RelscaleError(
            f"fit.{option}: no suite {suite!r} was measured; there are {', '.join(sorted(measured))}"
        )
    for name in names:
        if name not in measured[suite]:
            raise RelscaleError(
                f"fit.{option}.{suite}: {name!r} was not measured; there are {', '.join(sorted(measured[suite]))}"
            )
