"""Toy answers to what is asked of a fit: specifications, forecasts, influence, forms, power, and published numbers."""

import itertools
import math
from typing import Any

import numpy as np
import pyarrow as pa

from relscale.fitting.fits import empty

Row = dict[str, Any]

TARGETS = (3e13, 1e14)
CANDIDATES = {"persistence": 0.0, "damped trend": 0.5, "power law": 1.0, "irreducible": 0.7, "bnsl": 1.3}
SURFACE = {"E": 1.6, "A": 40.0, "B": 300.0, "alpha": 0.34, "beta": 0.37}


def question_tables(
    key: Row, corpora: list[str], groups: list[str], baseline: str, budgets: list[float], seed: int = 0
) -> dict[str, list[Row]]:
    """Rows of the tables that answer questions, for a suite's ``groups``; ``key`` has its suite, prompt and metric."""
    random = np.random.default_rng([seed, 7])
    tables: dict[str, list[Row]] = {name: [] for name in QUESTIONS}
    for corpus, (k, group) in itertools.product(corpora, enumerate(g for g in groups if g != baseline)):
        whose = {"experiment": "toy", "corpus": corpus, "optimizer": "c-adamc", **key, "group": group}
        whose |= {"baseline": baseline, "contrast": "group", "level": 0.95, "status": "ok"}
        slope, level = 0.012 * (-1) ** k, math.log(1.2 + 0.1 * k)
        _specifications(tables["specifications"], whose, slope, random)
        _forecasts(tables, whose, slope, level, budgets, random)
        for budget in budgets:
            change = random.normal(0, 0.004)
            tables["influence"].append(
                whose
                | {
                    "parameter": "delta_beta",
                    "without": f"{budget:g} FLOPs",
                    "training_flops": budget,
                    "value": slope + change,
                    "low": slope + change - 0.02,
                    "high": slope + change + 0.02,
                    "verdict": "not resolved",
                    "estimand": "item population",
                    "change": change,
                    "carries": k == 1 and budget == budgets[-1],
                }
            )
        for place, form in enumerate(("power", "irreducible", "bnsl", "difference")):
            lost = form == "bnsl"
            tables["forms"].append(
                whose
                | {
                    "quantity": "ratio",
                    "form": form,
                    "n_fitted": 3,
                    "n_held_out": 1,
                    "held_out_from": budgets[-1],
                    "rmse_log": None if lost else 0.01 * (place + 1) * math.exp(random.normal(0, 0.4)),
                    "bias_log": 0.0,
                    "rank": None if lost else place + 1,
                    "status": "4 points, and the law has 5 parameters" if lost else "ok",
                }
            )
        for resource, counts in (
            ("budgets", (4, 6, 8, 12)),
            ("runs", (1, 2, 4, 8)),
            ("items", (100, 400, 1600)),
        ):
            for i, count in enumerate(counts):
                power = 1 - math.exp(-0.4 * (i + 1) - 0.1 * k)
                tables["power"].append(
                    whose
                    | {
                        "delta_beta": 0.01,
                        "resource": resource,
                        "count": float(count),
                        "power": power,
                        "stderr": 0.01,
                        "enough": power >= 0.8,
                    }
                )
    tables["prompt_forms"] = _prompt_forms(key, corpora, groups, budgets, random)
    tables["reproduction"] = _reproduction()
    return tables


def _prompt_forms(
    key: Row, corpora: list[str], groups: list[str], budgets: list[float], random: np.random.Generator
) -> list[Row]:
    """Three forms: what compute explains of the suite's metric and of accuracy, and what two gain over letters."""
    rows = []
    for corpus, (k, group), form in itertools.product(
        corpora, enumerate(groups), ("letters", "cloze", "text")
    ):
        whose = {"experiment": "toy", "corpus": corpus, "optimizer": "c-adamc", **key, "group": group}
        whose |= {"prompt": form, "points": "compute-optimal runs", "level": 0.95, "n": 4, "status": "ok"}
        for metric in (key["metric"], "accuracy"):
            share = 0.97 - 0.02 * k - 0.1 * (metric == "accuracy")
            limits = {"value": share, "low": share - 0.08, "high": share + 0.02, "method": "noncentral t"}
            told = {"metric": metric, "quantity": "r_squared", "estimand": "these items"}
            rows.append(whose | told | limits)
        for budget in (*budgets, None) if form != "letters" else ():
            gain = 0.03 - 0.01 * k + random.normal(0, 0.005)
            about = "item population, of this point alone" if budget else "item population"
            place = {"budget": budget, "training_flops": budget or budgets[1], "estimand": about}
            told = {"metric": "accuracy", "quantity": "difference", "reference": "letters"}
            rows.append(
                whose
                | told
                | place
                | {"value": gain, "low": gain - 0.02, "high": gain + 0.02, "method": "item replicates"}
            )
    return rows


def _specifications(rows: list[Row], whose: Row, slope: float, random: np.random.Generator) -> None:
    choices = itertools.product(
        ("parabola", "all"),
        ("training", "6ND"),
        (2, 3),
        ("all runs", "inner"),
        ("micro", "macro"),
        ("ratio",),
    )
    for number, (frontier, flops, degree, window, subjects, form) in enumerate(choices):
        lost = degree == 3 and frontier == "all"
        value = slope + 0.006 * (frontier == "all") - 0.004 * (subjects == "macro") + random.normal(0, 0.002)
        half = 0.009 + 0.004 * (window == "inner")
        clear = abs(value) > half
        rows.append(
            whose
            | {
                "specification": number,
                "frontier": frontier,
                "flops": flops,
                "degree": degree,
                "window": window,
                "subjects": subjects,
                "form": form,
                "estimand": "item population",
                "value": None if lost else value,
                "low": None if lost else value - half,
                "high": None if lost else value + half,
                "verdict": None
                if lost
                else ("widens" if value > 0 else "closes")
                if clear
                else "not resolved",
                "n": 4,
                "default": number == 0,
                "status": "no parabola to give a degree to" if lost else "ok",
            }
        )


def _forecasts(
    tables: dict[str, list[Row]],
    whose: Row,
    slope: float,
    level: float,
    budgets: list[float],
    random: np.random.Generator,
) -> None:
    last = math.log(budgets[-1])
    for target in TARGETS:
        away = math.log(target) - last
        guesses = {
            name: level + slope * away * share
            for name, share in zip(CANDIDATES, (0, 0.5, 1, 0.7, 1.3), strict=True)
        }
        spread = (math.exp(min(guesses.values())), math.exp(max(guesses.values())))
        for name in (*CANDIDATES, "ensemble"):
            centre = guesses.get(name, level + slope * away * 0.4)
            half = 0.05 + 0.02 * away
            tables["forecasts"].append(
                whose
                | {
                    "quantity": "ratio",
                    "training_flops": target,
                    "candidate": name,
                    "weight": 1.0 if name == "ensemble" else 0.2,
                    "value": math.exp(centre),
                    "low": math.exp(centre - half),
                    "high": math.exp(centre + half),
                    "origins": 3,
                    "log_distance": away,
                    "spread_low": spread[0] if name == "ensemble" else None,
                    "spread_high": spread[1] if name == "ensemble" else None,
                    "interval_direction": "unclear",
                    "data": "0" * 16,
                    "code": "1" * 16,
                }
            )
    for i, origin in enumerate(budgets[1:-1], start=1):
        for target in budgets[i + 1 :]:
            away = math.log(target / origin)
            for place, name in enumerate((*CANDIDATES, "ensemble")):
                error = random.normal(0, 0.01 * (1 + place / 3) * away)
                tables["backtests"].append(
                    whose
                    | {
                        "quantity": "ratio",
                        "candidate": name,
                        "origin_flops": origin,
                        "training_flops": target,
                        "log_distance": away,
                        "observed": 1.2,
                        "predicted": 1.2 * math.exp(error),
                        "log_error": error,
                        "low": 1.1,
                        "high": 1.3,
                        "covered": abs(error) < 0.04 * away,
                        "interval_score": 0.2,
                    }
                )


def _reproduction() -> list[Row]:
    shared = {
        "level": 0.95,
        "method": "pairs bootstrap",
        "source": "Somebody et al., Table 1",
        "status": "ok",
    }
    agrees = {"published": 1.82, "published_stderr": 0.03, "reproduced": 1.8172, "low": 1.75, "high": 1.88}
    return [
        shared
        | agrees
        | {"data": "A figure", "quantity": "E", "difference": -0.0028, "within": True, "agrees": True},
        shared
        | {
            "data": "A figure",
            "quantity": "A",
            "published": 480.0,
            "reproduced": 310.0,
            "low": 250.0,
            "high": 400.0,
        }
        | {"difference": -170.0, "within": False, "agrees": False},
        shared
        | {
            "data": "Other tables",
            "quantity": "β of the frontier",
            "reproduced": 0.51,
            "low": 0.48,
            "high": 0.54,
        }
        | {"status": "no published number"},
        shared
        | {"data": "Other tables", "quantity": "γ", "published": 2.0, "status": "no row in fits says this"},
    ]


def surface_rows(corpus: str) -> list[Row]:
    """Rows of ``fits`` of a parametric law of the validation loss."""
    whose = {"experiment": "toy", "corpus": corpus, "suite": "validation", "metric": "nats_per_token"}
    whose |= {"optimizer": "c-adamc", "predictor": "params, tokens"}
    whose |= {"group": "all", "fit": "surface", "law": "parametric", "level": 0.95, "status": "ok"}
    whose |= {"method": "pairs bootstrap", "method_note": "percentile, 100 draws, 0 failed", "n": 20}
    return [
        whose | {"parameter": name, "value": value, "low": 0.9 * value, "high": 1.1 * value}
        for name, value in SURFACE.items()
    ]


def contrast_rows(target: str, baseline: str, keys: list[Row], budgets: list[float]) -> dict[str, list[Row]]:
    """Rows of ``gaps`` and ``fits`` of each series on one corpus against the same on another."""
    tables: dict[str, list[Row]] = {"gaps": [], "fits": []}
    reference = math.exp(float(np.mean(np.log(budgets))))
    for place, key in enumerate(keys):
        whose = {"experiment": "toy", "corpus": target, "optimizer": "c-adamc", **key}
        whose |= {"baseline": baseline, "contrast": "corpus", "status": "ok"}
        slope, level = -0.01 - 0.002 * place, 0.9
        tables["gaps"] += [
            whose
            | {
                "budget": budget,
                "run": None,
                "training_flops": budget,
                "ratio": level * (budget / reference) ** slope,
                "stderr_log": 0.01,
            }
            for budget in budgets
        ]
        loss = key["suite"] == "validation"
        law = whose | {"law": "relative", "level": 0.95, "reference_flops": reference}
        law |= {
            "estimand": "validation loss" if loss else "these items",
            "method": "line",
        }
        tables["fits"] += [
            law
            | {"parameter": "delta_beta", "value": slope, "low": slope - 0.005, "high": slope + 0.005}
            | {"interval_direction": "widens"},
            law | {"parameter": "ratio_at_reference", "value": level, "low": 0.89, "high": 0.91},
        ]
    return tables


QUESTIONS = (
    *("specifications", "forecasts", "backtests", "influence", "forms", "power", "prompt_forms"),
    "reproduction",
)


def as_table(name: str, rows: list[Row]) -> pa.Table:
    """Rows with the columns that a fit gives its table."""
    schema = empty(name).schema
    return pa.table({column: [row.get(column) for row in rows] for column in schema.names}, schema=schema)
