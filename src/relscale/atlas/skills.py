"""Benchmarks of large models from one small model of each family (the baseline of Sloth, arXiv 2412.06540)."""

import numpy as np

from relscale.atlas.entry import Answer, Entry, Number, Origin, Tables
from relscale.column_arrays import Columns
from relscale.fitting.capabilities import forecast

FIRST = ("MMLU", "ARC", "HellaSwag", "Winogrande", "TruthfulQA", "GSM8K")
BOTH = (*FIRST, "IFEval", "BBH", "MATH Lvl 5", "GPQA", "MUSR", "MMLU-PRO")
SETS = {"6 benchmarks": FIRST, "12 benchmarks": BOTH}
SUPERSEDED = (  # families that are known in full; the newest generation of each is forecast
    *("llama", "llama-2", "openllama", "openllamav2", "qwen", "qwen1.5", "starcoder", "yi", "yi-200k"),
)
PUBLISHED = {
    "6 benchmarks": (0.073213, 0.060366, 0.063437, 0.063761),
    "12 benchmarks": (0.062988, 0.058975, 0.055527, 0.057043),
}
FORECAST = {"6 benchmarks": (134, 19), "12 benchmarks": (74, 11)}


def usable(rows: Columns, benchmarks: tuple[str, ...]) -> Columns:
    """Models with all scores and known compute, of kinds of which there are two or more, from small to large."""
    known = np.isfinite(np.stack([rows[name] for name in (*benchmarks, "flops_1e21")])).all(axis=0)
    rows = rows.where(known)
    kinds = list(rows["family_of_law"])
    rows = rows.where(np.array([kinds.count(kind) >= 2 for kind in kinds]))
    order = np.argsort(rows["params_billions"], kind="stable")
    return Columns({name: values[order] for name, values in rows.of.items()})


def errors(rows: Columns, benchmarks: tuple[str, ...], number: int) -> dict[str, float]:
    """Mean absolute error of each family, all models of which but the smallest of each kind are forecast."""
    scores = np.stack([rows[name] for name in benchmarks], axis=1)
    kinds, compute = [str(kind) for kind in rows["family_of_law"]], np.log(rows["flops_1e21"])
    smallest = np.array([kind not in kinds[:i] for i, kind in enumerate(kinds)])
    found = {}
    for family in dict.fromkeys(rows["family"]):
        if family in SUPERSEDED:
            continue
        known = (rows["family"] != family) | smallest
        ahead = forecast(scores, compute, kinds, known, number)
        found[str(family)] = float(np.abs(ahead - scores)[~known].mean())
    return found


def reproduce(tables: Tables) -> dict[str, Number]:
    """Mean errors over families, with one to four components."""
    table, found = tables.read("sloth_benchmarks.csv.gz"), {}
    for name, benchmarks in SETS.items():
        rows = usable(table, benchmarks)
        found[f"models with all of {name}"] = Number(len(rows["family"]))
        for number in (1, 2, 3, 4):
            each = errors(rows, benchmarks, number)
            found[f"error with {number} components, {name}"] = Number(float(np.mean(list(each.values()))))
        found[f"families forecast, {name}"] = Number(len(each))
    return found


ENTRY = Entry(
    title="Sloth: benchmarks of a family's large models from its smallest",
    paper="Polo et al., arXiv 2412.06540, its baseline of principal components",
    formula="scores ≈ mean + Σ_k (θ_k · ln C + ν_k(family)) · loadings_k",
    tables=("sloth_benchmarks.csv.gz",),
    answers=(
        *(
            Answer(f"error with {i + 1} components, {name}", value, 6e-7, "of scores from 0 to 1")
            for name, values in PUBLISHED.items()
            for i, value in enumerate(values)
        ),
        *(
            answer
            for name, (models, families) in FORECAST.items()
            for answer in (
                Answer(f"models with all of {name}", models, 0, origin=Origin.TABLE),
                Answer(f"families forecast, {name}", families, 0),
            )
        ),
    ),
    reproduce=reproduce,
    command="relscale capabilities sloth_benchmarks.csv.gz --benchmarks MMLU,ARC,HellaSwag,Winogrande,TruthfulQA,"
    "GSM8K --family family_of_law --compute flops_1e21",
    remark="A kind is a family's base models or one way of tuning them; the smallest of each kind is known, and so are "
    "all models of other families. Nine families that a newer generation supersedes are never forecast; which these "
    "are is not published and was chosen so that the errors come out: eight numbers that agree are one check of the "
    "protocol, and none of that choice. The components are those of the known models "
    "alone. The paper's own method, sigmoids of skills, is not fitted here.",
)
