"""Forecasts from single answers: bias of estimators of ability, and errors beside forecasts from mean scores.

    python benchmarks/item_response.py [--table estimators] [--draws 100]

Four tables of simulations: the slope, and the accuracy of a model half of the range of ln compute beyond the
others, by estimator; the same accuracy by the latent regression and by forecasts from mean scores; the errors
of rolling origins, in which all larger models are forecast from the smaller ones; and the ensemble of the workflow
with the latent regression among its candidates and without it, with the coverage of its intervals.

    python benchmarks/item_response.py --results results/laptop --suite knowledge --chance 0.25

The errors of rolling origins on the items of an experiment, all trainings of each corpus by their compute.

The first table takes minutes of one core, the three together more than an hour, the last ten minutes; quoted in
docs/explanation/forecasts.md.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace

from command_line import command_line

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
from generators.answers import AHEAD, Drawn, World, discriminating, draw, skewed, two_kinds
from numpy.typing import NDArray
from tabulate import tabulate
from trials.curves import curves_of

from relscale.confidence import LEVEL
from relscale.fitting.core_options import ForecastTarget
from relscale.fitting.curves.curves import ERROR
from relscale.fitting.curves.frontier_curves import frontier_curves
from relscale.fitting.curves.run_matrix import ItemResponses, RunMatrix, Series
from relscale.fitting.forecasts.backtest import OriginForecast, backtest, forecast_from, with_ensemble
from relscale.fitting.forecasts.candidates import CANDIDATES
from relscale.fitting.forecasts.candidates import ENSEMBLE as ENSEMBLE_NAME
from relscale.fitting.forecasts.ensemble_settings import DEFAULT
from relscale.fitting.forecasts.forecast import forecast_rows
from relscale.fitting.forecasts.forecast_data import forecast_data
from relscale.fitting.forecasts.scales import scales
from relscale.fitting.items.accuracy_backtest import CANDIDATES as OF_ACCURACY
from relscale.fitting.items.accuracy_backtest import backtest as accuracy_backtest
from relscale.fitting.items.latent_regression import latent_regression
from relscale.fitting.items.rasch import Items, abilities, calibrated
from relscale.fitting.settings import Settings

Floats = NDArray[np.float64]

ITEM_RESPONSE = CANDIDATES.index("item response")
WORLDS = {
    "12 models, 8 items": World(12, 8, -2, 2, 0.0),
    "12 models, 100 items": World(12, 100, -2, 1, 0.2),
    "6 models, 100 items": World(6, 100, -1, 1, 0.2),
    "30 models, 300 items": World(30, 300, -2, 1, 0.2),
    "12 models, 300 items, few easy": World(12, 300, -2, 0, 0.2, skewed),
    "12 models, 300 items, easy and hard": World(12, 300, -2, 0, 0.2, two_kinds),
    "12 models, 300 items, 2PL": World(12, 300, -2, 0, 0.2, discriminating),
    "12 models, 300 items, chance 25%": World(12, 300, -2, 1, 0.2, chance=0.25),
}

Estimate = tuple[float, float]  # slope, accuracy at AHEAD


def on_line(x: Floats, ability: Floats, items: Items, weight: Floats | None = None) -> Estimate:
    """Least squares through estimated abilities."""
    slope, level = np.polyfit(x, ability, 1, w=weight)
    return float(slope), float(items.accuracy(np.array([level + slope * AHEAD]))[0])


def shrunk(drawn: Drawn, items: Items) -> Estimate:
    """Most probable abilities under the prior N(0, 1), unweighted."""
    return on_line(drawn.x, abilities(drawn.answers, items)[0], items)


def freed(drawn: Drawn, items: Items) -> Estimate:
    """These, with the prior taken out by one Newton step, weighted by information; relscale's line before."""
    ability, stderr = abilities(drawn.answers, items)
    information = np.maximum(1 / stderr**2 - 1, 1e-9)
    return on_line(drawn.x, ability * (1 + 1 / information), items, np.sqrt(information))


def weighted_likelihood(drawn: Drawn, items: Items) -> Estimate:
    """Warm's weighted likelihood estimates of abilities (Psychometrika 54, 427, 1989), weighted by information."""
    ability = np.zeros(len(drawn.x))
    for _ in range(100):
        right = items.chance(ability)
        information = (right * (1 - right)).sum(axis=1)
        third = (right * (1 - right) * (1 - 2 * right)).sum(axis=1)
        step = ((drawn.answers - right).sum(axis=1) + third / (2 * information)) / information
        ability = ability + np.clip(step, -1, 1)
    return on_line(drawn.x, ability, items, np.sqrt(information))


def with_true_items(drawn: Drawn, items: Items) -> Estimate:
    """The same with the true ease of the items."""
    return weighted_likelihood(drawn, Items(*drawn.items))


def regression(drawn: Drawn, items: Items) -> Estimate:
    """The latent regression, which calibrates no items."""
    fit = latent_regression(drawn.answers, np.exp(drawn.x))
    return fit.slope, fit.forecast(np.exp(AHEAD))[0]


ESTIMATORS: dict[str, Callable[[Drawn, Items], Estimate]] = {
    "prior, least squares": shrunk,
    "prior taken out (before)": freed,
    "weighted likelihood": weighted_likelihood,
    "weighted likelihood, true items": with_true_items,
    "latent regression": regression,
}


def line_of_log_odds(answers: Floats, compute: Floats, at: Floats, chance: float = 0.0) -> Floats:
    """Least squares through the log-odds of each model's mean."""
    from scipy.special import expit, logit

    asked = np.isfinite(answers).sum(axis=1)
    share = (np.nansum(answers, axis=1) + 0.5) / (asked + 1)
    share = np.clip((share - chance) / (1 - chance), 0.5 / (asked + 1), None)
    line = np.polyfit(np.log(compute), logit(share), 1)
    return np.asarray(chance + (1 - chance) * expit(np.polyval(line, np.log(at))))


def four_parameters(answers: Floats, compute: Floats, at: Floats, chance: float = 0.0) -> Floats:
    """A sigmoid of ln compute with free floor and ceiling, from 0 to 1, by least squares from several starts."""
    from scipy.optimize import least_squares
    from scipy.special import expit

    if len(set(compute.tolist())) < 4:
        return np.full(len(at), np.nan)
    mean, x = np.nanmean(answers, axis=1), np.log(compute)
    middle, width = x.mean(), np.ptp(x)

    def value(parameters: Floats, x: Floats) -> Floats:
        floor, rise, place, slope = parameters
        return np.asarray(floor + (1 - floor) * rise * expit(slope * ((x - middle) / width - place)))

    fits = [
        least_squares(
            lambda p: value(p, x) - mean,
            [max(chance, 0.01), 0.9, place, slope],
            bounds=([0, 0, -3, 0], [1, 1, 3, 50]),
        )
        for place in (-0.5, 0.0, 0.7)
        for slope in (2.0, 8.0)
    ]
    return value(min(fits, key=lambda fit: fit.cost).x, np.log(at))


def ensemble(answers: Floats, compute: Floats, at: Floats, chance: float = 0.0) -> Floats:
    """The ensemble of `relscale fit`, of the mean error at each compute; it is told nothing of chance."""
    computes, which = np.unique(compute, return_inverse=True)
    wrong = np.array([np.nanmean(1 - answers[which == i]) for i in range(len(computes))])
    least = 0.5 / answers.shape[1]
    curves = curves_of(computes, np.log(np.maximum(wrong, least))[:, None], ERROR)
    targets = tuple(ForecastTarget(training_flops=float(each)) for each in at)
    rows, _ = forecast_rows(curves, Settings(forecast=targets))
    values = [row.value for row in rows if row.candidate == ENSEMBLE_NAME]
    return np.array([np.nan if value is None else 1 - value for value in values])


FORECASTS = {
    **OF_ACCURACY,
    "line of log-odds": line_of_log_odds,
    "sigmoid, 4 parameters": four_parameters,
    "ensemble": ensemble,
}


def of_estimators(draws: int) -> Iterator[dict[str, object]]:
    """Bias and root mean square error by world and estimator; the truth is the model on the line."""
    for number, (name, world) in enumerate(WORLDS.items()):
        if world.chance:
            continue
        rng = np.random.default_rng([0, number])
        drawn = [draw(world, rng) for _ in range(draws)]
        items = [calibrated(each.answers)[0] for each in drawn]
        for estimator, estimate in ESTIMATORS.items():
            found = [estimate(*each) for each in zip(drawn, items, strict=True)]
            slope, accuracy = np.array(found).T
            error = accuracy - [each.on_line for each in drawn]
            yield {
                "simulated data": name,
                "estimator": estimator,
                "slope / truth": f"{slope.mean() / world.slope:.3f} ± {_error(slope) / world.slope:.3f}",
                "bias of the accuracy": f"{error.mean():+.4f} ± {_error(error):.4f}",
                "RMSE of the accuracy": f"{np.sqrt((error**2).mean()):.4f}",
            }


def of_forecasts(draws: int) -> Iterator[dict[str, object]]:
    """The same of forecasts, one column each: RMSE, with the bias in parentheses."""
    for number, (name, world) in enumerate(WORLDS.items()):
        rng = np.random.default_rng([1, number])
        errors: dict[str, list[float]] = {forecast: [] for forecast in FORECASTS}
        for _ in range(draws):
            drawn = draw(world, rng)
            compute, ahead = 1e20 * np.exp(drawn.x), 1e20 * np.exp(np.array([AHEAD]))
            for forecast, function in FORECASTS.items():
                value = function(drawn.answers, compute, ahead, world.chance)[0]
                errors[forecast].append(float(value) - drawn.on_line)
        row = {
            f: f"{np.sqrt(np.nanmean(np.square(e))):.4f} ({np.nanmean(e):+.4f})" for f, e in errors.items()
        }
        yield {"simulated data": name, **row}


def of_origins(draws: int) -> Iterator[dict[str, object]]:
    """Mean absolute errors of rolling origins."""
    for number, (name, world) in enumerate(WORLDS.items()):
        rng = np.random.default_rng([2, number])
        data = [draw(world, rng) for _ in range(draws)]
        yield {"simulated data": name, **_origins([(d.answers, d.x) for d in data], world.chance)}


def of_ensemble(draws: int) -> Iterator[dict[str, object]]:
    """Errors of the ensemble with and without item response, and how often its intervals cover the further model."""
    for number, (name, world) in enumerate(WORLDS.items()):
        rng = np.random.default_rng([3, number])
        found: dict[str, list[tuple[float, bool]]] = {"item response": [], "with it": [], "without it": []}
        weights = []
        for _ in range(draws):
            drawn = draw(world, rng)
            with_it, without = _ensembles(drawn, world.chance)
            weights.append(with_it.weight[ITEM_RESPONSE, 0, 0])
            error = 1 - drawn.measured
            for kind, value, half in (
                ("item response", with_it.candidates[ITEM_RESPONSE, 0, 0], np.nan),
                ("with it", with_it.ensemble[0, 0], with_it.half[0, 0]),
                ("without it", without.ensemble[0, 0], without.half[0, 0]),
            ):
                inside = np.exp(value - half) <= error <= np.exp(value + half)
                found[kind].append((float(np.exp(value)) - error, bool(inside)))
        row: dict[str, object] = {"simulated data": name, "mean weight": f"{np.nanmean(weights):.2f}"}
        for kind, pairs in found.items():
            off, inside = np.array(pairs).T
            row[f"RMSE, {kind}"] = f"{np.sqrt(np.nanmean(off**2)):.4f}"
            if kind != "item response":
                row[f"coverage, {kind}"] = f"{inside.mean():.0%}"
        yield row


def _ensembles(drawn: Drawn, chance: float) -> tuple[OriginForecast, OriginForecast]:
    """The forecast of a data set's error rate at ``AHEAD``, and the same without item response."""
    runs, items = drawn.answers.shape
    responses = ItemResponses(drawn.answers, np.full(items, 1 / items), chance)
    series, unknown = Series("s", None, "error_rate", "g"), np.full(runs, np.nan)
    matrix = RunMatrix(
        experiment=None,
        corpus="c",
        optimizer=None,
        run=[str(i) for i in range(runs)],
        block=[None] * runs,
        status=["ok"] * runs,
        budget=unknown,
        training_flops=1e20 * np.exp(drawn.x),
        params=unknown,
        tokens=unknown,
        loss=unknown,
        series=[series],
        values=1 - drawn.answers.mean(axis=1, keepdims=True),
        replicates=np.empty((runs, 1, 0)),
        responses={series: responses},
    )
    data = forecast_data(frontier_curves(matrix, Settings()).errors, matrix)
    at = scales(np.log([1e20 * np.exp(AHEAD)]), [np.nan], [np.nan])
    tested = backtest(data, LEVEL)
    record = tested.record.known_by(tested.origins, data.usable)
    with_it = forecast_from(data, data.usable, at, record, LEVEL)
    others = np.arange(len(CANDIDATES))[:, None, None] != ITEM_RESPONSE
    blind = replace(record, candidates=np.where(others, record.candidates, np.nan))
    alone = replace(with_it, candidates=np.where(others, with_it.candidates, np.nan))
    return with_it, with_ensemble(data, alone, blind, LEVEL, DEFAULT)


def _origins(data: list[tuple[Floats, Floats]], chance: float) -> dict[str, object]:
    found = [accuracy_backtest(answers, 1e20 * np.exp(x), chance, FORECASTS) for answers, x in data]
    count = sum(each.forecasts for each in found)
    errors = {name: np.nanmean([each.mean_error[name] for each in found]) for name in FORECASTS}
    return {"forecasts": count, **{name: f"{error:.4f}" for name, error in errors.items()}}


def of_results(folder: str, suite: str, chance: float) -> Iterator[dict[str, object]]:
    """Rolling origins on the items of an experiment: a row per corpus and group, and the mean of each corpus."""
    import relscale as rs

    results = rs.open(folder)
    runs = results.runs().to_pandas()
    for corpus, members in runs.groupby("corpus"):
        scored = {}
        for run in members["run"]:
            items = results.items(run, suite=suite).to_pandas()
            ranked = items.sort_values("logprob").groupby(["group", "task", "doc_id"])["target"].last()
            scored[run] = ranked.astype(float)
        answers = np.array([scored[run].to_numpy() for run in members["run"]])
        groups = scored[members["run"].iloc[0]].index.get_level_values("group")
        compute = members["training_flops"].to_numpy(float)
        # budgets are matched to within rounding, and models of a budget are one origin
        log_compute = np.log(compute / 1e20).round(1)
        rows = []
        for group in sorted(set(groups)):
            rows.append(_origins([(answers[:, groups == group], log_compute)], chance))
            yield {"corpus": corpus, "group": group, "items": int((groups == group).sum()), **rows[-1]}
        means = {name: f"{np.nanmean([float(str(row[name])) for row in rows]):.4f}" for name in FORECASTS}
        yield {"corpus": corpus, "group": "mean", "items": len(groups), "forecasts": "", **means}


TABLES = {
    "estimators": ("Estimators of the line", of_estimators),
    "forecasts": ("Forecasts: RMSE of the accuracy (bias)", of_forecasts),
    "origins": ("Rolling origins: mean absolute error of the accuracy", of_origins),
    "ensemble": ("The workflow's ensemble with item response and without", of_ensemble),
}


def _error(values: Floats) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--table", choices=TABLES, help="one of the tables of simulations")
    parser.add_argument("--results", help="folder of an experiment, for its items instead of simulations")
    parser.add_argument("--suite", default="knowledge")
    parser.add_argument("--chance", type=float, default=0.25)
    options = parser.parse_args()
    if options.results:
        rows = list(of_results(options.results, options.suite, options.chance))
        print(tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True))
        return
    for name in [options.table] if options.table else TABLES:
        title, function = TABLES[name]
        table = tabulate(
            list(function(options.draws)), headers="keys", tablefmt="github", disable_numparse=True
        )
        print(f"\n{title}, {options.draws} data sets each\n\n{table}", flush=True)


if __name__ == "__main__":
    main()
