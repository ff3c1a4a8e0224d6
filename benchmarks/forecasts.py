"""Backtests of forecasts, by the ensemble and by each of its candidates, on the published tables.

    python benchmarks/forecasts.py [--reference reference/] [--designs] [--output docs/explanation/forecast_trials.md]

At every rolling origin of every data set, candidates are fitted to the smaller budgets (or models) and forecast the
larger ones. For each candidate: the median |log error|, the coverage of nominal 95% intervals and their interval
score (in ln y, lower is better); intervals of a candidate alone come from its own past errors, as the ensemble's
do. Only forecasts with an interval are compared, and all origins have equal weight. ``--designs`` also compares the
chosen weights and widths with others. No forecast is fitted to the points on which it is scored.

Takes minutes of one core; the page is docs/explanation/forecast_trials.md, quoted in docs/explanation/forecasts.md.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from clustered_coverage import clustered_coverage
from command_line import command_line
from hindsight import Origin, bounds
from tabulate import tabulate

from relscale.confidence import LEVEL, t_quantile
from relscale.fitting.curves.contrasts import contrasts
from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier_curves import FrontierCurves, frontier_curves
from relscale.fitting.curves.run_matrix import RunMatrix, run_matrices
from relscale.fitting.forecasts.backtest import Backtest, backtest, forecast_from, with_ensemble
from relscale.fitting.forecasts.candidates import CANDIDATES, ENSEMBLE
from relscale.fitting.forecasts.ensemble_settings import DEFAULT, EnsembleSettings
from relscale.fitting.forecasts.forecast_data import ForecastData, forecast_data
from relscale.fitting.forecasts.interval_score import interval_score
from relscale.fitting.forecasts.width import half_widths
from relscale.fitting.settings import fit_settings
from relscale.measurements.published import published

HEAD = """# Backtests of the forecasts

Made by `python benchmarks/forecasts.py --output docs/explanation/forecast_trials.md`; do not edit. Every rolling
origin of every published table in `reference/`: candidates are fitted to the smaller budgets (or models) and forecast
the larger ones. Errors and interval scores are in ln y, lower is better; intervals are nominally 95%, and those of a
candidate alone come from its own past errors as the ensemble's do. Only forecasts with an interval are compared, and
all origins have equal weight.

The settings of the ensemble were chosen on these same tables ([how](forecasts.md)), so its column does not test
them; the last table comes closer to a test. Candidates alone have the width factor that was chosen for the ensemble.

Laws of several predictors, and 92 learning curves, are the subject of `benchmarks/extrapolation.py --data FOLDER`.
"""
INFINITE = float("inf")
DESIGNS = {
    "chosen": DEFAULT,
    "equal weights": EnsembleSettings(skill_prior=INFINITE),
    "inverse mean squares": EnsembleSettings(sharpness=1.0),
    "laws of N and D like the others": EnsembleSettings(surface=1.0),
    "laws of compute alone keep their weight": EnsembleSettings(shape_evidence=False),
    "no floor of the width": EnsembleSettings(scatter=False),
    "little shrinkage": EnsembleSettings(skill_prior=1.0),
    "all distances alike": EnsembleSettings(near=30.0),
    "all origins alike": EnsembleSettings(recency=INFINITE),
    "mean of all candidates": EnsembleSettings(trim=0.0),
    "median of the candidates": EnsembleSettings(trim=0.49),
    "width of past errors": EnsembleSettings(width=1.0),
    "width 0.75 times that": EnsembleSettings(width=0.75),
    "variance as d^1.5": EnsembleSettings(growth=1.5),
    "variance as d²": EnsembleSettings(growth=2.0),
    "may be flat": EnsembleSettings(least_growth=0.0),
    "no bound on errors": EnsembleSettings(bound=INFINITE),
    "one width per pool": EnsembleSettings(curve_prior=INFINITE),
    "all origins independent": EnsembleSettings(overlap=True),
    "all origins independent, width 0.8": EnsembleSettings(overlap=True, width=0.8),
}


@dataclass
class Tally:
    """Results of one kind of forecast: one number per origin."""

    error: list[float] = field(default_factory=list)  # median
    rmse: list[float] = field(default_factory=list)
    covered: list[float] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    paired: list[tuple[float, float]] = field(
        default_factory=list
    )  # the ensemble's error and its own, where both forecast

    def add(self, error: np.ndarray, half: np.ndarray) -> None:
        """One origin's log errors and half widths."""
        known = np.isfinite(error) & np.isfinite(half)
        if known.any():
            e, h = error[known], half[known]
            self.error.append(float(np.median(np.abs(e))))
            self.rmse.append(float(np.sqrt(np.mean(e**2))))
            self.covered.append(float(np.mean(np.abs(e) <= h)))
            self.score.append(float(interval_score(-h, h, e, LEVEL).mean()))


Tried = dict[str, list[tuple[ForecastData, Backtest]]]  # of each data set, its panels and their backtests


def data_sets(reference: Path) -> Iterator[tuple[str, list[ForecastData]]]:
    """Name, and a panel for each run matrix or pair of run matrices."""
    loss = {"suite": "validation", "group": "all", "metric": "nats_per_token"}
    isoflop = _read(reference / "isoflop_suite.csv", columns={"value": "paloma_macro_loss"}, constants=loss)
    found = _readings(isoflop)
    yield "IsoFLOP suites, ratio of corpora", _contrasts(found, "common-pile")
    yield "IsoFLOP suites, error", [forecast_data(one.errors, one.matrix) for one in found]

    testbed = _read(reference / "overtraining_testbed.csv.gz", loader="overtraining")
    found = _readings(testbed, "overtraining", "c4_val")
    yield "over-training, ratio of losses", [forecast_data(one.ratios, one.matrix) for one in found]
    yield "over-training, error", [forecast_data(one.errors, one.matrix) for one in found]
    yield "over-training, ratio of corpora", _contrasts(found, "c4_original")
    found = _readings(testbed, "downstream_tasks")
    yield "46 tasks, error", [forecast_data(one.errors, one.matrix) for one in found]

    gemstones = _read(reference / "gemstones_mmlu.csv.gz", loader="gemstones")
    micro = gemstones.filter(pc.not_equal(gemstones["metric"], "nats_answer_macro"))
    for name, suite, baseline in (
        ("Gemstones, 4 groups", "mmlu", "stem"),
        ("Gemstones, 57 subjects", "mmlu_subjects", "high_school_mathematics"),
    ):
        found = _readings(micro, suite, baseline)
        yield f"{name}, ratio", [forecast_data(one.ratios, one.matrix) for one in found]
        yield f"{name}, error", [forecast_data(one.errors, one.matrix) for one in found]

    olmo = _read(
        reference / "olmo_ladder_mmlu.csv",
        columns={"value": "bpb", "group": "subgroup"},
        formats={"run": "{model}-{data_multiplier}"},
        constants={"corpus": "olmo2", "suite": "mmlu_ladder", "metric": "bits_per_byte_answer_published"},
    )
    found = _readings(olmo, "mmlu_ladder", "stem")
    yield "OLMo ladder, ratio", [forecast_data(one.ratios, one.matrix) for one in found]
    yield "OLMo ladder, error", [forecast_data(one.errors, one.matrix) for one in found]

    for name, found in (
        ("OLMo ladder losses", _ladder(reference, "_loss", "nats_per_token", "c4_en")),
        ("OLMo ladder tasks", _ladder(reference, ":bpb", "bits_per_byte_answer_published", "hellaswag_val")),
        ("Pythia tasks", _pythia(reference)),
    ):
        yield f"{name}, ratio", [forecast_data(one.ratios, one.matrix) for one in found]
        yield f"{name}, error", [forecast_data(one.errors, one.matrix) for one in found]


def _ladder(reference: Path, ending: str, metric: str, baseline: str) -> list[FrontierCurves]:
    """The last checkpoints of the ladder, the 7B and the 13B; of tasks the test split, MMLU a table of its own."""
    rows = pd.read_csv(reference / "olmo_ladder_checkpoints.csv.gz")
    rows["training_flops"] = rows.flops_per_token.astype(float) * rows.tokens
    last = rows.sort_values("tokens").groupby("run").tail(1)
    large = last.run.isin(["peteish7_eval_anneal", "peteish13_eval_final"])
    last = last[large | ~(last.model.str.startswith("peteish") | last.run.str.contains("rerun"))]
    columns = [name for name in last.columns if name.endswith(ending) and "mmlu" not in name]
    columns = [
        name for name in columns if "_val:" not in name or name.replace("_val", "_test") not in columns
    ]
    return _melted(last, columns, ending, "ladder", metric, baseline)


def _pythia(reference: Path) -> list[FrontierCurves]:
    """1 − accuracy of the Pythia models, all trained on as many tokens."""
    rows = pd.read_csv(reference / "observational_benchmarks.csv.gz")
    rows = rows[rows.family == "Pythia"].rename(columns={"model": "run"})
    rows["params"], rows["tokens"] = rows.params_billions * 1e9, rows.tokens_trillions * 1e12
    rows["training_flops"] = 6 * rows.params * rows.tokens
    tasks = ["MMLU", "ARC-C", "HellaSwag", "Winograd", "TruthfulQA", "XWinograd"]
    rows[tasks] = 1 - rows[tasks]
    return _melted(rows, tasks, "", "pythia", "error_rate", "HellaSwag")


def _melted(
    rows: pd.DataFrame, columns: list[str], ending: str, suite: str, metric: str, baseline: str
) -> list[FrontierCurves]:
    scales = ["run", "params", "tokens", "training_flops"]
    tidy = rows.melt(scales, columns, "group", "value").dropna()
    tidy["group"] = tidy.group.str.removesuffix(ending)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{suite}.csv"
        tidy.to_csv(path, index=False)
        table = _read(path, constants={"corpus": suite, "suite": suite, "metric": metric})
    return _readings(table, suite, baseline)


def _read(path: Path, **options: Any) -> pa.Table:
    return published(path, "forecasts", **options)


def _readings(table: pa.Table, suite: str | None = None, baseline: str | None = None) -> list[FrontierCurves]:
    if suite is not None:
        table = table.filter(pc.equal(table["suite"], suite))
    found: list[RunMatrix] = run_matrices(table)
    chosen = fit_settings({"baselines": {suite: baseline}} if baseline else {}, {}, found)
    return [frontier_curves(matrix, chosen) for matrix in found]


def _contrasts(found: list[FrontierCurves], baseline: str) -> list[ForecastData]:
    pairs: list[Curves] = contrasts(found, "corpus", baseline)
    return [forecast_data(curves) for curves in pairs]


def judge(data: ForecastData, tried: Backtest, tallies: dict[str, Tally]) -> None:
    """Add the ensemble of one data set, and each candidate alone, to the tallies."""
    origins, observed = tried.origins, data.value[tried.origins.targets]
    for o, found in enumerate(tried.origin_forecasts):
        ahead = origins.ahead[o][:, None] & np.isfinite(observed)
        known = ahead & np.isfinite(found.half)
        tallies.setdefault(ENSEMBLE, Tally()).add(
            np.where(known, found.ensemble - observed, np.nan), found.half
        )
        record = tried.record.known_by(origins, origins.known[o])
        for name in CANDIDATES:
            tallies.setdefault(name, Tally())
        for c, name in enumerate(CANDIDATES):
            both = np.isfinite(found.candidates[c]) & known
            if both.any():
                ours, theirs = (
                    float(np.median(np.abs((each - observed)[both])))
                    for each in (found.ensemble, found.candidates[c])
                )
                tallies[name].paired.append((ours, theirs))
            half = np.full(found.half.shape, np.nan)
            for pool in np.unique(data.pool):
                curves = np.flatnonzero(data.pool == pool)
                errors = record.candidates[:, c][..., curves]
                distance = found.distance[:, curves]
                half[:, curves] = half_widths(record, curves, errors, distance, LEVEL, DEFAULT)[0]
            error = np.where(known, found.candidates[c] - observed, np.nan)
            tallies.setdefault(name, Tally()).add(error, half)


def candidate_tables(every: Tried) -> str:
    """Three tables with a row per data set and a column per candidate."""
    found: dict[str, dict[str, Tally]] = {}
    for name, members in every.items():
        for data, tried in members:
            judge(data, tried, found.setdefault(name, {}))
    columns = (*CANDIDATES, ENSEMBLE)
    parts = []
    for title, number in (
        ("Median |log error|", lambda tally: f"{np.mean(tally.error):.4f}"),
        ("Interval score, ln y", lambda tally: f"{np.mean(tally.score):.3f}"),
        ("Coverage of 95% intervals (origins)", lambda t: f"{np.mean(t.covered):.0%} ({len(t.covered)})"),
    ):
        rows = [
            [name, *(number(tallies[c]) if tallies[c].error else "" for c in columns)]
            for name, tallies in found.items()
        ]
        parts.append(f"{title}\n\n" + _markdown(["data", *columns], rows))
    parts += [wins(found), hindsight_table(every), ladder_targets(*every["OLMo ladder tasks, ratio"][0])]
    return "\n\n".join(parts)


BAR, TARGET = 14, 0.02


def wins(found: dict[str, dict[str, Tally]]) -> str:
    """On how many data sets the ensemble's median error is below each candidate's, on the forecasts that both make."""
    below: dict[str, list[bool]] = {name: [] for name in CANDIDATES}
    every = []
    for tallies in found.values():
        here = {}
        for name in CANDIDATES:
            if tallies[name].paired:
                ensemble, alone = np.mean(tallies[name].paired, axis=0)
                here[name] = bool(ensemble < alone)
                below[name].append(here[name])
        every.append(all(here.values()))
    rows = [
        [name, f"{sum(won)} of {len(won)}", "yes" if sum(won) + len(found) - len(won) >= BAR else "no"]
        for name, won in below.items()
    ]
    title = f"Data sets on which the ensemble's median error is below a candidate's, of {len(found)}"
    head = [
        "candidate",
        "ensemble below, of those with a forecast",
        f"at least {BAR}, with those without a forecast",
    ]
    return (
        f"{title}\n\nBoth errors are over the forecasts that both make. The ensemble is below *every* candidate at "
        f"once on {sum(every)} data sets; the aim is {BAR}.\n\n" + _markdown(head, rows)
    )


def hindsight_table(every: Tried) -> str:
    """On which data sets fixed weights fitted to the outcomes have a smaller error than every candidate."""
    rows, reached = [], np.zeros(3, dtype=int)
    for name, members in every.items():
        origins = []
        for data, tried in members:
            observed = data.value[tried.origins.targets]
            for o, found in enumerate(tried.origin_forecasts):
                known = tried.origins.ahead[o][:, None] & np.isfinite(observed) & np.isfinite(found.half)
                if known.any():
                    errors = (found.candidates - observed)[:, known]
                    origins.append(Origin(errors, (found.ensemble - observed)[known]))
        each = bounds(origins)
        reached += [bool(below) for below in each]
        rows.append(
            [name, f"{len(origins)}", *({True: "yes", False: "no", None: ""}[below] for below in each)]
        )
    return (
        "Whether the median error is below every candidate's, for the ensemble and for fixed weights fitted to the "
        f"outcomes\n\nThe ensemble is below all on {reached[0]} of {len(rows)} data sets. Weights fitted to all "
        f"outcomes of a data set (least mean error) are below all on {reached[1]}; weights fitted to every second "
        f"origin and tested on the others, whose outcomes are mostly the same, on {reached[2]}. Neither set of weights "
        "is available at the time of a "
        f"forecast{'' if reached[1] >= BAR else f'; even weights that know the outcomes do not reach {BAR}'}.\n\n"
        + _markdown(
            ["data", "origins", "ensemble", "all outcomes known", "every second origin's known"], rows
        )
    )


def ladder_targets(data: ForecastData, tried: Backtest) -> str:
    """The 7B and the 13B of the OLMo ladder from its 25 models, ratios of tasks."""
    small = data.usable & (data.scales.log_params < np.log(5e9))
    at = data.scales.take(~small & data.usable)
    forecast = forecast_from(data, small, at, tried.record.known_by(tried.origins, small), LEVEL)
    observed = data.value[~small & data.usable]
    rows = []
    for name, ahead in (
        *zip(CANDIDATES, forecast.candidates, strict=True),
        (ENSEMBLE, forecast.ensemble),
    ):
        off = np.abs(ahead - observed)
        made = np.isfinite(off)
        medians = [f"{np.nanmedian(each):.1%}" if np.isfinite(each).any() else "" for each in (*off, off)]
        largest = f"{np.nanmax(off):.1%}" if made.any() else ""
        rows.append([name, f"{made.sum()} of {made.size}", *medians, largest])
    met = float(np.median(np.abs(forecast.ensemble - observed)))
    return (
        "The 7B and the 13B of the OLMo ladder from its 25 smaller models: |log error| of the ratios of tasks\n\n"
        f"The aim is a median of {TARGET:.0%}; the ensemble has {met:.1%}. "
        "The row of a candidate leaves out tasks without a forecast of it.\n\n"
        + _markdown(["candidate", "forecasts", "7B, median", "13B, median", "both", "largest"], rows)
    )


def tally(members: list[tuple[ForecastData, Backtest]], design: EnsembleSettings) -> Tally:
    """Results of the ensemble of one design on one data set."""
    result = Tally()
    for data, tried in members:
        origins, observed = tried.origins, data.value[tried.origins.targets]
        for o, found in enumerate(tried.origin_forecasts):
            record = tried.record.known_by(origins, origins.known[o])
            again = with_ensemble(data, found, record, LEVEL, design)
            result.add(np.where(origins.ahead[o][:, None], again.ensemble - observed, np.nan), again.half)
    return result


def design_table(every: Tried) -> str:
    """One row per design: mean and least coverage over the data sets, and geometric means of errors and scores."""
    rows = []
    today: list[float] = []
    for label, design in DESIGNS.items():
        tallies = [tally(members, design) for members in every.values()]
        scores = [float(np.mean(one.score)) for one in tallies]
        today = today or scores
        covered = [float(np.mean(one.covered)) for one in tallies]
        least = sorted(covered)
        rows.append(
            [
                label,
                f"{np.mean(covered):.1%}",
                f"{least[0]:.1%}, {least[1]:.1%}",
                f"{_geometric([np.mean(one.error) for one in tallies]):.5f}",
                f"{_geometric(scores):.4f}",
                f"{np.less(scores, today).sum()} of {len(scores)}",
            ]
        )
    return "Designs of the ensemble, over all data sets\n\n" + _markdown(
        ["design", "coverage", "least two", "median error", "interval score", "less than chosen"], rows
    )


FAMILIES = {
    "IsoFLOP": ("IsoFLOP",),
    "over-training": ("over-training", "46 tasks"),
    "Gemstones": ("Gemstones",),
    "OLMo": ("OLMo",),
    "Pythia": ("Pythia",),
}
HORIZONS = {"up to 3 times the compute": 3.0, "3 to 10": 10.0, "10 to 30": 30.0, "more than 30": INFINITE}
FEWEST_ORIGINS = 5  # of a family whose coverage has limits


def coverage_table(every: Tried) -> str:
    """The ensemble's coverage by family and by distance, with limits for the number of origins."""
    found: dict[str, dict[tuple[str, float], list[float]]] = {}
    for name, members in every.items():
        family = family_of(name)
        for data, tried in members:
            observed = data.value[tried.origins.targets]
            for o, ahead in enumerate(tried.origin_forecasts):
                known = tried.origins.ahead[o][:, None] & np.isfinite(observed) & np.isfinite(ahead.half)
                hit = np.abs(ahead.ensemble - observed) <= ahead.half
                origin = tried.origins.by[o], round(float(tried.origins.log_flops[o]), 2)
                horizon = np.searchsorted(np.log(list(HORIZONS.values())), ahead.distance)
                for label, rows in (
                    (family, np.full(known.shape, True)),
                    *((label, horizon == number) for number, label in enumerate(HORIZONS)),
                ):
                    counted = known & rows
                    if counted.any():
                        of_label = found.setdefault(label, {})
                        key = (f"{family} {origin[0]}", origin[1])
                        of_label.setdefault(key, []).append(float(hit[counted].mean()))
    by_family, by_distance = (
        clustered_coverage(
            {label: [float(np.mean(part)) for part in found[label].values()] for label in labels}, LEVEL
        )
        for labels in (FAMILIES, HORIZONS)
    )
    rows = [
        [
            label,
            f"{one.clusters}",
            f"{one.effective:.0f}",
            f"{one.value:.1%}",
            f"{one.low:.0%} to {one.high:.0%}" if one.clusters >= FEWEST_ORIGINS else "–",
        ]
        for label, one in (by_family | by_distance).items()
    ]
    values = np.array([one.value for one in by_family.values()])
    half = t_quantile(len(values) - 1, LEVEL) * values.std(ddof=1) / np.sqrt(len(values))
    return (
        "Coverage of the ensemble's 95% intervals, with limits\n\nForecasts of one origin, over all curves and data "
        "sets of a family, are correlated. The effective number of independent forecasts is estimated from the "
        "variance of coverage between origins, pooled over families (or over distances), and the limits from this "
        f"number (Korn & Graubard 1998); there are none for fewer than {FEWEST_ORIGINS} origins. Neighbouring origins "
        "share models and outcomes, so the limits are somewhat too narrow. All origins have equal weight. With "
        f"families as the unit the mean is {values.mean():.1%}, with limits of {values.mean() - half:.1%} and "
        f"{min(values.mean() + half, 1):.1%}.\n\n"
        + _markdown(["family, or distance", "origins", "effective number", "coverage", "95% limits"], rows)
    )


def family_of(name: str) -> str:
    """The family of a data set."""
    return next(family for family, beginnings in FAMILIES.items() if name.startswith(beginnings))


WEIGHTS = [
    EnsembleSettings(trim=trim, recency=recency, sharpness=sharpness)
    for trim in (0.0, 0.25, 0.49)
    for recency in (2.0, INFINITE)
    for sharpness in (1.0, 2.0, 3.0)
]
WIDTHS = [(width, bound) for width in (0.7, 0.85, 1.0) for bound in (2.5, 3.0)]
COVERS, ENOUGH = 0.94, 12  # coverage that a choice must have in each family of so many origins


def held_out_choices(every: Tried) -> str:
    """Settings chosen on all families but one, tested on that one."""
    family = {name: family_of(name) for name in every}
    of_weights = [{name: tally(every[name], design) for name in every} for design in WEIGHTS]
    of_widths: dict[int, list[tuple[EnsembleSettings, dict[str, Tally]]]] = {}
    rows = []
    chosen: dict[str, Tally] = {}
    for out in (*FAMILIES, None):
        others = [name for name in every if family[name] != out]
        errors = [_geometric([_geometric(t[name].rmse) for name in others]) for t in of_weights]
        w = int(np.argmin(errors))
        if w not in of_widths:
            designs = [replace(WEIGHTS[w], width=width, bound=bound) for width, bound in WIDTHS]
            of_widths[w] = [(d, {name: tally(every[name], d) for name in every}) for d in designs]

        def covers(tallies: dict[str, Tally], others: list[str] = others) -> bool:
            parts = [[tallies[n] for n in others if family[n] == label] for label in FAMILIES]
            counted = [part for part in parts if sum(len(one.covered) for one in part) >= ENOUGH]
            return all(np.mean([np.mean(one.covered) for one in part]) >= COVERS for part in counted)

        allowed = [each for each in of_widths[w] if covers(each[1])] or of_widths[w]
        design, tallies = min(
            allowed, key=lambda each: _geometric([np.mean(each[1][name].score) for name in others])
        )
        mine = [name for name in every if family[name] == out] or list(every)
        if out:
            chosen |= {name: tallies[name] for name in mine}
        rows.append(_choice_row(out or "none", design, [tallies[name] for name in mine]))
    rows.append(["each by the other families", "", "", "", "", *_scores(list(chosen.values()))])
    return (
        "Settings chosen without a family, tested on that family\n\nWeights are chosen by the least RMSE, then widths "
        f"by the least interval score among those that cover {COVERS:.0%} in each family with {ENOUGH} origins or "
        "more. The numbers are for the family that was left out, or for all if none was; errors and scores are "
        "geometric means over its data sets. The last row has each data set with the settings chosen on the other "
        "families. It estimates the performance on new data, except that the candidates and three settings (prior for "
        "equal weights, larger prior weight of laws of N and D, shrinkage to a common width) were chosen with all "
        "results in view.\n\n"
        + _markdown(
            [
                "left out",
                "trim",
                "recency",
                "power",
                "width, bound",
                "coverage",
                "median error",
                "interval score",
            ],
            rows,
        )
    )


def _choice_row(label: str, design: EnsembleSettings, tallies: list[Tally]) -> list[str]:
    shown = [f"{design.trim:g}", f"{design.recency:g}", f"{design.sharpness:g}"]
    return [label, *shown, f"{design.width:g}, {design.bound:g}", *_scores(tallies)]


def _scores(tallies: list[Tally]) -> list[str]:
    return [
        f"{np.mean([np.mean(one.covered) for one in tallies]):.1%}",
        f"{_geometric([np.mean(one.error) for one in tallies]):.4f}",
        f"{_geometric([np.mean(one.score) for one in tallies]):.3f}",
    ]


def _geometric(values: list[Any]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    return str(tabulate(rows, headers=head, tablefmt="github", disable_numparse=True))


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument(
        "--reference", type=Path, default=Path("reference"), help="folder of published tables"
    )
    parser.add_argument("--designs", action="store_true", help="also compare designs of the ensemble")
    parser.add_argument("--output", type=Path, help="write the tables to this file too")
    options = parser.parse_args()
    sets = dict(data_sets(options.reference))
    every = {name: [(data, backtest(data, LEVEL)) for data in members] for name, members in sets.items()}
    text = "\n\n".join([candidate_tables(every), coverage_table(every), held_out_choices(every)])
    if options.designs:
        text += "\n\n" + design_table(every)
    print(text)
    if options.output:
        options.output.write_text(f"{HEAD}\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
