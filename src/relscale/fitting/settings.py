"""The options of a fit, checked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from relscale.errors import RelscaleError
from relscale.fitting.curves.run_matrix import RunMatrix
from relscale.measurements.metric import is_error

OPTIONS = (
    *(
        "level",
        "frontier",
        "baselines",
        "metrics",
        "contrasts",
        "bootstrap",
        "frontier_bootstrap",
        "reach",
        "pooling",
    ),
    *("hold_out", "power", "specifications", "forecast", "laws", "answers"),
)


@dataclass(frozen=True)
class Settings:
    """How to fit.

    Attributes
    ----------
    level
        Of the intervals.
    frontier
        "auto", "parabola" or "all" (``relscale.fitting.curves.frontier``).
    baselines
        The group that a suite's other groups are compared with.
    metrics
        The error metrics that a suite is fitted on; all that it has where a suite is not named.
    shown_metric, shown_prompt
        The metric and the prompt form that a suite is shown by, where it names one.
    chance
        Accuracy of a guess, 1 / choices, by suite.
    contrasts
        What else to compare: "corpus" or "optimizer", and the baseline among them.
    bootstrap
        Draws of each bootstrap.
    frontier_bootstrap
        "pairs" or "residual": the laws along parabolas' minima also with the runs of each budget resampled; None: not.
    reach
        How far beyond the data, as a factor of compute, the crossing of two curves is looked for.
    pooling
        Suites whose groups' Δβ are pooled partially.
    hold_out
        Largest budgets that are left out to compare forms.
    power
        Δβ of which is asked how many budgets, runs and items would show them.
    specifications
        Suites whose specification curve is computed; None for all.
    forecast
        Where to forecast: mappings with ``training_flops`` and, where known, ``tokens_per_param`` and ``corpus``.
    laws
        Further laws to fit (``relscale.fitting.estimation.law_fits``).
    seed
        Of every bootstrap and simulation.
    """

    level: float = 0.95
    frontier: str = "auto"
    baselines: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shown_metric: Mapping[str, str] = field(default_factory=dict)
    shown_prompt: Mapping[str, str] = field(default_factory=dict)
    chance: Mapping[str, float] = field(default_factory=dict)
    contrasts: Mapping[str, str] = field(default_factory=dict)
    bootstrap: int = 1000
    frontier_bootstrap: str | None = None
    reach: float = 100.0
    pooling: tuple[str, ...] = ()
    hold_out: int = 1
    power: tuple[float, ...] = (0.01,)
    specifications: tuple[str, ...] | None = None
    forecast: tuple[Mapping[str, Any], ...] = ()
    laws: tuple[Mapping[str, Any], ...] = ()
    seed: int = 0

    def fits(self, suite: str, metric: str) -> bool:
        """Whether laws are fitted to this metric of this suite."""
        return metric in self.metrics[suite] if suite in self.metrics else is_error(metric)

    def asks(self, suite: str, metric: str) -> bool:
        """Whether more is asked of this metric than its laws: forecasts, influence, forms, power and the like.

        Of every metric that the options name for the suite; else of the one that it is shown by, if that is fitted.
        """
        shown = self.shown_metric.get(suite)
        return suite in self.metrics or shown in (None, metric)


def settings(
    options: Mapping[str, Any],
    suites: Mapping[str, Mapping[str, Any]],
    run_matrices: Iterable[RunMatrix],
    seed: int = 0,
) -> Settings:
    """Merge an experiment's ``fit`` options with what is known of its suites; the options win.

    Parameters
    ----------
    options
        As the section ``fit`` of a config, whose schema says what each is.
    suites
        By suite: ``baseline``, ``metrics``, ``metric``, ``prompt``, ``chance``; each may be missing or None.

    Raises
    ------
    RelscaleError
        An option is unknown or out of its range, or names a suite, group or metric that was not measured.
    """
    for name in options:
        if name not in OPTIONS:
            raise RelscaleError(f"fit: unknown option {name!r}; allowed: {', '.join(OPTIONS)}")
    level = options.get("level", 0.95)
    if not 0 < level < 1:
        raise RelscaleError(f"fit.level: {level!r} is not between 0 and 1")

    measured = {series for matrix in run_matrices for series in matrix.series}
    groups = _by_suite((series.suite, series.group) for series in measured)
    metrics = _by_suite((series.suite, series.metric) for series in measured if is_error(series.metric))
    known = {name: info for name, info in suites.items() if name in groups}
    baselines = {name: info["baseline"] for name, info in known.items() if info.get("baseline")}
    baselines |= options.get("baselines") or {}
    chosen = {name: tuple(info["metrics"]) for name, info in known.items() if info.get("metrics")}
    chosen |= {name: tuple(names) for name, names in (options.get("metrics") or {}).items()}
    for suite, baseline in baselines.items():
        _check("baselines", suite, [baseline], groups)
    for suite, names in chosen.items():
        _check("metrics", suite, names, metrics)
    for option in ("pooling", "specifications"):
        for suite in options.get(option) or ():
            _check(option, suite, [], groups)
    every = options.get("specifications")
    return Settings(
        level=float(level),
        frontier=options.get("frontier", "auto"),
        baselines=baselines,
        metrics=chosen,
        shown_metric={
            name: info["metric"]
            for name, info in known.items()
            if info.get("metric") in metrics.get(name, ())
        },
        shown_prompt={name: info["prompt"] for name, info in known.items() if info.get("prompt")},
        chance={
            name: float(info["chance"]) for name, info in known.items() if info.get("chance") is not None
        },
        contrasts=dict(options.get("contrasts") or {}),
        bootstrap=int(options.get("bootstrap", 1000)),
        frontier_bootstrap=options.get("frontier_bootstrap"),
        reach=float(options.get("reach", 100)),
        pooling=tuple(options.get("pooling") or ()),
        hold_out=int(options.get("hold_out", 1)),
        power=tuple(options.get("power", (0.01,))),
        specifications=None if every is None else tuple(every),
        forecast=tuple(options.get("forecast") or ()),
        laws=tuple(options.get("laws") or ()),
        seed=seed,
    )


def _by_suite(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    result: dict[str, set[str]] = {}
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
