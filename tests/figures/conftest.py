"""Toy tables: what an experiment of two corpora and four suites leaves behind, made up but to the letter.

Among them are a diverged run, a budget whose minimum lies outside the widths tried, three seeds at one budget, a group
without a fit and fits without an interval.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from relscale.figures.data import FigureData
from relscale.fitting.keys import CURVE

from .questions import as_table, contrast_rows, question_tables, surface_rows

BUDGETS = (1e11, 3e11, 1e12, 3e12)
WIDTHS = (16, 24, 32, 48, 64)
CORPORA = ("documentation", "code")
REFERENCE = math.exp(float(np.mean(np.log(BUDGETS[:3]))))
OUTSIDE = ("code", 3e12)  # where no minimum lies inside the widths
LOST = "3e+12 FLOPs: minimum outside the widths tried"

DOMAINS = {
    "numerics": {"label": "numerics"},
    "learning": {"label": "machine learning"},
    "tables": {"label": "tables"},
    "graphics": {"label": "graphics"},
    "algebra": {"label": "symbolic algebra"},
    "networks": {"label": "networks"},
}
SUITES: dict[str, dict[str, Any]] = {
    "knowledge": {
        "title": "Knowledge domains",
        "kind": "multiple_choice",
        "groups": DOMAINS,
        "baseline": "numerics",
        "metric": "bits_per_byte_answer_mean",
        "options": {"choices": 4},
    },
    "varieties": {
        "title": "Varieties of English",
        "kind": "rolling",
        "groups": {
            "american": {"label": "United States"},
            "british": {"label": "Britain"},
            "australian": {"label": "Australia"},
            "canadian": {"label": "Canada"},
        },
        "baseline": "american",
        "metric": "bits_per_byte_document_pooled",
    },
    "domains": {
        "title": "Domains",
        "kind": "rolling",
        "groups": DOMAINS,
        "baseline": "numerics",
        "metric": "bits_per_byte_document_pooled",
    },
    "behaviours": {
        "title": "Behaviours",
        "kind": "multiple_choice",
        "groups": {
            "capability": {"label": "Capability"},
            "influence": {"label": "Influence"},
            "adversarial": {"label": "Adversarial"},
        },
        "baseline": "capability",
        "metric": "bits_per_byte_answer_mean",
        "options": {"choices": 2},
    },
}
SHARES = {
    "documentation": {
        "numerics": 0.34,
        "learning": 0.31,
        "tables": 0.15,
        "graphics": 0.12,
        "algebra": 0.05,
        "networks": 0.03,
    },
    "code": {
        "numerics": 0.22,
        "learning": 0.45,
        "tables": 0.12,
        "graphics": 0.04,
        "algebra": 0.11,
        "networks": 0.06,
    },
}


def fit_row(corpus: str, **values: Any) -> dict[str, Any]:
    row = dict.fromkeys(
        (
            *("experiment", "corpus", "optimizer", "suite", "prompt", "metric", "group", "baseline", "law"),
            *(
                "parameter",
                "value",
                "stderr",
                "low",
                "high",
                "level",
                "df",
                "method",
                "estimand",
                "p_value",
                "p_bh",
            ),
            *("p_by", "n", "status", "interval_direction", "reference_flops", "predictor", "contrast", "fit"),
        )
    )
    return row | {
        "experiment": "toy",
        "corpus": corpus,
        "optimizer": "c-adamc",
        "level": 0.95,
        "df": 2.0,
        "method": "line",
        "n": 4,
        "status": "ok",
        "reference_flops": REFERENCE,
        **values,
    }


def estimate(value: float, half: float | None) -> dict[str, Any]:
    if half is None:
        return {"value": value, "stderr": None, "low": None, "high": None}
    return {"value": value, "stderr": half / 4.3, "low": value - half, "high": value + half}


def ratio_estimate(value: float, half: float | None) -> dict[str, Any]:
    if half is None:
        return {"value": value, "stderr": None, "low": None, "high": None}
    return {
        "value": value,
        "stderr": value * half / 4.3,
        "low": value * math.exp(-half),
        "high": value * math.exp(half),
    }


def toy_tables(seed: int = 0) -> dict[str, list[dict[str, Any]]]:
    """The tables, row by row."""
    random = np.random.default_rng(seed)
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("measurements", "frontier", "errors", "gaps", "fits")
    }
    for corpus in CORPORA:
        floor = 1.9 if corpus == "documentation" else 1.5
        scale = 4e5 if corpus == "documentation" else 5e5
        optimum = {}
        for budget in BUDGETS:
            optimum[budget] = scale * (budget / 1e11) ** 0.52
            sizes = [width * (2.2 if (corpus, budget) == OUTSIDE else 1) for width in WIDTHS]
            for i, width in enumerate(sizes):
                for seed_number in (0, 1, 2) if budget == 1e12 else (0,):
                    tokens = int(optimum[budget] * 2.6 * (sizes[0] / width) ** 1.15)
                    if (corpus, budget) == OUTSIDE:
                        tokens = int(optimum[budget] * 0.8 * (0.75) ** i)
                    params = int(budget / 6 / tokens)
                    loss = floor + 3.2 * (budget / 1e11) ** -0.11
                    loss += 0.16 * math.log(tokens / optimum[budget]) ** 2 + random.normal(0, 0.008)
                    diverged = corpus == "documentation" and budget == 3e11 and width == WIDTHS[-1]
                    run = f"{corpus}-{budget:g}-d{width:g}-s{seed_number}"
                    base = {
                        "experiment": "toy",
                        "corpus": corpus,
                        "optimizer": "c-adamc",
                        "run": run,
                        "seed": seed_number,
                        "step": 1000,
                        "block": run,
                        "budget": budget,
                        "training_flops": budget * random.uniform(0.995, 1.005),
                        "params": params,
                        "tokens": tokens,
                        "prompt": None,
                        "stderr": None,
                        "items": 100,
                        "bytes": 50000,
                        "status": "diverged at step 40" if diverged else "ok",
                    }
                    tables["measurements"].append(
                        base
                        | {
                            "suite": "validation",
                            "group": "all",
                            "metric": "nats_per_token",
                            "value": None if diverged else loss,
                        }
                    )
                    if diverged:
                        continue
                    for name, suite in SUITES.items():
                        if suite["kind"] == "rolling":
                            continue
                        for k, group in enumerate(suite["groups"]):
                            bits = 0.35 * loss * (1 + 0.09 * k) + random.normal(0, 0.01)
                            share = 1 / suite["options"]["choices"]
                            accuracy = share + (1 - share) / (1 + math.exp(6 * (bits - 1.45)))
                            values = {
                                suite["metric"]: bits,
                                "accuracy": accuracy + random.normal(0, 0.015),
                                "probability": share + 0.6 * (accuracy - share) + random.normal(0, 0.008),
                            }
                            tables["measurements"] += [
                                base
                                | {
                                    "suite": name,
                                    "prompt": "default",
                                    "group": group,
                                    "metric": metric,
                                    "value": value,
                                    "stderr": 0.02,
                                }
                                for metric, value in values.items()
                            ]
            inside = (corpus, budget) != OUTSIDE
            centre = math.log(optimum[budget]) - 0.1
            tables["frontier"].append(
                {
                    "experiment": "toy",
                    "corpus": corpus,
                    "optimizer": "c-adamc",
                    "budget": budget,
                    "run": None,
                    "training_flops": budget,
                    "log_tokens": math.log(optimum[budget]) if inside else None,
                    "tokens": optimum[budget] if inside else None,
                    "params": budget / 6 / optimum[budget] if inside else None,
                    "loss": floor + 3.2 * (budget / 1e11) ** -0.11 if inside else None,
                    "curvature": 0.16,
                    "c0": floor + 3.2 * (budget / 1e11) ** -0.11 + 0.16 * 0.01,
                    "c1": -2 * 0.16 * 0.1,
                    "c2": 0.16,
                    "x_mean": centre,
                    "runs": 5,
                    "run_sd": 0.008 if budget == 1e12 else None,
                    "status": "ok" if inside else "minimum outside the widths tried",
                }
            )
        used = [budget for budget in BUDGETS if (corpus, budget) != OUTSIDE]
        for quantity, exponent, level in (
            ("tokens", 0.52, scale * (REFERENCE / 1e11) ** 0.52),
            ("params", 0.48, REFERENCE / 6 / (scale * (REFERENCE / 1e11) ** 0.52)),
        ):
            shared = {
                **{"law": f"compute_optimal_{quantity}", "suite": "validation", "group": "all"},
                **{"metric": "nats_per_token", "estimand": "validation loss"},
            }
            tables["fits"] += [
                fit_row(corpus, **shared, parameter="exponent", **estimate(exponent, 0.05)),
                fit_row(
                    corpus, **shared, parameter=f"{quantity}_at_reference", **ratio_estimate(level, 0.06)
                ),
            ]
        loss_law = {"law": "power", "suite": "validation", "metric": "nats_per_token", "group": "all"}
        loss_at_reference = floor + 3.2 * (REFERENCE / 1e11) ** -0.11
        tables["fits"] += [
            fit_row(
                corpus,
                **loss_law,
                estimand="validation loss",
                parameter="beta",
                **estimate(0.11 * 0.55, 0.01),
            ),
            fit_row(
                corpus,
                **loss_law,
                estimand="validation loss",
                parameter="error_at_reference",
                **ratio_estimate(loss_at_reference, 0.01),
            ),
        ]
        for name, suite in SUITES.items():
            add_suite(tables, random, corpus, name, suite, used)
    suite = SUITES["knowledge"]
    key = {"suite": "knowledge", "prompt": "default", "metric": suite["metric"]}
    tables |= question_tables(key, list(CORPORA), list(suite["groups"]), suite["baseline"], list(BUDGETS))
    tables["fits"] += surface_rows(CORPORA[0])
    loss = {"suite": "validation", "prompt": None, "metric": "nats_per_token", "group": "all"}
    keys = [loss, *(key | {"group": group} for group in suite["groups"])]
    used = [budget for budget in BUDGETS if (CORPORA[1], budget) != OUTSIDE]
    for name, rows in contrast_rows(CORPORA[1], CORPORA[0], keys, used).items():
        tables[name] += rows
    tables["verdicts"] = verdicts_of(tables["fits"])
    return tables


def verdicts_of(fits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A verdict on each gap, that of its direction."""
    words = {"unclear": "not resolved", None: None}
    return [
        {name: row.get(name) for name in CURVE}
        | {
            "verdict": words.get(row.get("interval_direction"), row.get("interval_direction")),
            "primary": True,
        }
        for row in fits
        if row["parameter"] == "delta_beta" and row["estimand"] != "item population"
    ]


def add_suite(
    tables: dict[str, list[dict[str, Any]]],
    random: np.random.Generator,
    corpus: str,
    name: str,
    suite: dict[str, Any],
    used: list[float],
) -> None:
    prompt = "default"
    key = {"suite": name, "prompt": prompt, "metric": suite["metric"]}
    for group in suite["groups"] if suite["kind"] == "multiple_choice" else ():
        guess = 1 / suite["options"]["choices"]
        curve = {"floor": guess, "ceiling": 1.0, "midpoint": 1.45, "slope": 6.0}
        on_bound = group == "networks"
        tables["fits"] += [
            fit_row(
                corpus,
                **{
                    **key,
                    "metric": "accuracy",
                    "group": group,
                    "law": "sigmoid",
                    "predictor": suite["metric"],
                },
                **{
                    "parameter": parameter,
                    "value": value,
                    "estimand": "these items",
                    "reference_flops": None,
                },
                status="on a bound: ceiling" if on_bound and parameter != "floor" else "ok",
            )
            for parameter, value in curve.items()
        ]
    tight = 0.15 if name == "varieties" else 1.0  # matched content: gaps are small and well known
    betas = {
        group: 0.09 - tight * 0.012 * k * (-1) ** k - 0.02 * (corpus == "code")
        for k, group in enumerate(suite["groups"])
    }
    levels = {group: 1.3 * (1 + tight * 0.13 * k) for k, group in enumerate(suite["groups"])}
    base = suite["baseline"]
    for group in suite["groups"]:
        errors = {}
        for budget in BUDGETS:
            exact = levels[group] * (budget / REFERENCE) ** -betas[group]
            errors[budget] = exact * math.exp(random.normal(0, 0.004 * tight))
            ok = budget in used
            tables["errors"].append(
                {
                    "experiment": "toy",
                    "corpus": corpus,
                    "optimizer": "c-adamc",
                    **key,
                    "group": group,
                    "budget": budget,
                    "training_flops": budget,
                    "value": errors[budget] if ok else None,
                    "stderr_runs": 0.006 if ok else None,
                    "stderr_items": 0.03 * tight if ok else None,
                    "status": "ok" if ok else "minimum outside the widths tried",
                }
            )
        no_fit = corpus == "code" and name == "behaviours" and group == "adversarial"
        for estimand, half in (("these items", 0.012 * tight), ("item population", 0.02 * tight)):
            unknown = corpus == "code" and name == "varieties" and estimand == "item population"
            half = None if unknown else half
            shared = {**key, "group": group, "estimand": estimand}
            if unknown:
                shared["status"] = "no item replicates"
            elif corpus == OUTSIDE[0]:
                shared |= {"n": 3, "status": f"fitted on 3 of 4 points ({LOST})"}
            if no_fit:
                shared |= {"n": 2, "status": f"2 points; an interval needs 3 ({LOST})"}
            power = estimate(betas[group], half) if not no_fit else {}
            level = ratio_estimate(levels[group], None if half is None else half * 1.5) if not no_fit else {}
            tables["fits"] += [
                fit_row(corpus, **shared, law="power", parameter="beta", **power),
                fit_row(corpus, **shared, law="power", parameter="error_at_reference", **level),
            ]
            if group == base:
                continue
            delta = betas[base] - betas[group]
            ratio = levels[group] / levels[base]
            clear = half is not None and abs(delta) > half
            direction = ("closes" if delta * math.log(ratio) < 0 else "widens") if clear else "unclear"
            relative = estimate(delta, half) if not no_fit else {}
            level = ratio_estimate(ratio, half) if not no_fit else {}
            tables["fits"] += [
                fit_row(
                    corpus,
                    **shared,
                    baseline=base,
                    contrast="group",
                    law="relative",
                    parameter="delta_beta",
                    interval_direction=None if no_fit else direction,
                    p_value=0.03,
                    p_bh=0.06,
                    p_by=0.1,
                    **relative,
                ),
                fit_row(
                    corpus,
                    **shared,
                    baseline=base,
                    contrast="group",
                    law="relative",
                    parameter="ratio_at_reference",
                    **level,
                ),
            ]
        if group != base:
            for budget in BUDGETS:
                ok = budget in used
                ratio = levels[group] / levels[base] * (budget / REFERENCE) ** (betas[base] - betas[group])
                tables["gaps"].append(
                    {
                        "experiment": "toy",
                        "corpus": corpus,
                        "optimizer": "c-adamc",
                        **key,
                        "group": group,
                        "baseline": base,
                        "contrast": "group",
                        "run": None,
                        "budget": budget,
                        "training_flops": budget,
                        "ratio": ratio * math.exp(random.normal(0, 0.004 * tight)) if ok else None,
                        "stderr_log": 0.012 * tight if ok else None,
                        "status": "ok" if ok else "minimum outside the widths tried",
                    }
                )


def write_toy(folder: Path, tables: dict[str, list[dict[str, Any]]] | None = None) -> FigureData:
    """Write the toy experiment into ``folder``, as an experiment's results lie."""
    tables = toy_tables() if tables is None else tables
    paths = {name: folder / "fits" / f"{name}.parquet" for name in tables}
    paths["measurements"] = folder / "measurements.parquet"
    for name, rows in tables.items():
        paths[name].parent.mkdir(parents=True, exist_ok=True)
        whole = name != "measurements"
        pq.write_table(as_table(name, rows) if whole else pa.Table.from_pylist(rows), paths[name])
    suites = {name: folder / "suites" / name / "suite.yaml" for name in SUITES}
    for name, path in suites.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(SUITES[name], sort_keys=False), encoding="utf-8")
    tokens = {corpus: folder / "tokens" / corpus / "manifest.json" for corpus in CORPORA}
    for corpus, path in tokens.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        groups = {group: {"share": share} for group, share in SHARES[corpus].items()}
        path.write_text(json.dumps({"groups": groups}), encoding="utf-8")
    return FigureData(paths["measurements"], folder / "fits", suites, tokens)


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> FigureData:
    return write_toy(tmp_path_factory.mktemp("toy"))
