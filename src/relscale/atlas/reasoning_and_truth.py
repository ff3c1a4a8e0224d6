"""Correlation of reasoning and truthfulness, which changes its sign with model size (arXiv 2605.18838)."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import View, line_series
from relscale.laws.law import Array
from relscale.questions.coupling import correlation, permutation_p, sign_change_size
from relscale.storage.column_arrays import Columns

SPLIT = 3.5  # billions of parameters
SCORES = ("HellaSwag", "MMLU", "ARC-C")
SIDES = (
    ("OPT", "below", "OPT below 3.5B"),
    ("OPT", "above", "OPT above"),
    ("RWKV", "below", "RWKV below 3.5B"),
)
SIGN_CHANGE_SCORES = ("HellaSwag", "ARC-C")
MEAN, WINDOW = "mean of both", 25  # a further score, and the number of models per window
DRAWS = 300
DEFINITIONS = "the interaction", f"the first of windows of {WINDOW} models"
FAMILIES = (
    *(
        "Pythia",
        "OPT",
        "Cerebras-GPT",
        "GPT-Neo/J",
        "Qwen1.5",
        "Qwen2",
        "Llama",
        "BLOOM",
        "StarCoder",
        "CodeLlama",
    ),
)


def _pair(rows: Columns, reasoning: str) -> tuple[Array, Array, Array]:
    """A reasoning score, TruthfulQA and the size of the models that have both."""
    known = np.isfinite(rows[reasoning]) & np.isfinite(rows["TruthfulQA"])
    return rows[reasoning][known], rows["TruthfulQA"][known], rows["params_billions"][known]


def _r(rows: Columns, reasoning: str) -> Number:
    return Number(correlation(*_pair(rows, reasoning)[:2]) or np.nan)


def reproduce(tables: Tables) -> dict[str, Number]:
    """Correlations below and above 3.5 billion parameters, and within families."""
    rows = tables.read("observational_benchmarks.csv.gz")
    small = rows["params_billions"] < SPLIT
    results = {}
    for name in SCORES:
        results[f"r of {name} and TruthfulQA below 3.5B"] = _r(rows.where(small), name)
        results[f"r of {name} and TruthfulQA above"] = _r(rows.where(~small), name)
    families = dict(rows.by("family"))
    for family in FAMILIES:
        results[f"r of HellaSwag and TruthfulQA, {family}"] = _r(families[family], "HellaSwag")
    for family, side, name in SIDES:
        is_small = families[family]["params_billions"] < SPLIT
        models = families[family].where(is_small if side == "below" else ~is_small)
        results[f"r of HellaSwag and TruthfulQA, {name}"] = _r(models, "HellaSwag")
    results["models below 3.5B"], results["models above"] = (
        Number(float(small.sum())),
        Number(float((~small).sum())),
    )
    rng = np.random.default_rng(0)
    rows = Columns({**rows.of, MEAN: (rows["HellaSwag"] + rows["ARC-C"]) / 2})
    for name in (*SIGN_CHANGE_SCORES, MEAN):
        pair = _pair(rows, name)
        results[f"size of the sign change by the interaction, {name}"] = Number(*sign_change_size(*pair))
        for definition, *limits in zip(DEFINITIONS, *bootstrap_limits(*pair, rng), strict=True):
            for side, limit in zip(("lower", "upper"), limits, strict=True):
                results[f"{side} bootstrap limit of the size by {definition}, {name}"] = Number(float(limit))
        for i, size in enumerate(sign_changes_by_window(*pair), 1):
            results[f"size of the sign change by windows of {WINDOW} models, {name}, {i}"] = Number(size)
    return results | {
        "exact p, Pythia": Number(permutation_p(*_pair(families["Pythia"], "HellaSwag")[:2], rng))
    }


def sign_changes_by_window(reasoning: Array, truth: Array, params: Array) -> list[float]:
    """Geometric mean sizes of the windows of models, by size, after which r changes from negative to positive."""
    in_order = np.argsort(params, kind="stable")
    x, y, log_size = (
        np.lib.stride_tricks.sliding_window_view(values[in_order], WINDOW)
        for values in (reasoning, truth, np.log(params))
    )
    covariance = ((x - x.mean(axis=1, keepdims=True)) * y).sum(axis=1)  # of the sign of r
    rising = np.flatnonzero((covariance[:-1] < 0) & (covariance[1:] >= 0))
    return [float(np.exp(window.mean())) for window in log_size[rising]]


def bootstrap_limits(reasoning: Array, truth: Array, params: Array, rng: np.random.Generator) -> Array:
    """The 95% limits (2, d) of the size of the sign change by each of ``DEFINITIONS``, over resampled models."""
    sizes = []
    for _ in range(DRAWS):
        drawn = rng.integers(0, len(params), len(params))
        pair = reasoning[drawn], truth[drawn], params[drawn]
        first_window = next(iter(sign_changes_by_window(*pair)), np.nan)
        sizes.append((sign_change_size(*pair)[0], first_window))
    return np.asarray(np.nanquantile(sizes, [0.025, 0.975], axis=0))


def view(tables: Tables) -> View:
    """TruthfulQA over HellaSwag, with a line for models below and above ``SPLIT``."""
    rows = tables.read("observational_benchmarks.csv.gz")
    small = rows["params_billions"] < SPLIT
    sides = {f"below {SPLIT}B": rows.where(small), f"from {SPLIT}B": rows.where(~small)}
    series = (
        line_series(name, *_pair(side_rows, "HellaSwag")[:2], log=False) for name, side_rows in sides.items()
    )
    return View("HellaSwag", "TruthfulQA", tuple(series), log_x=False, log_y=False)


ENTRY = Entry(
    title="Reasoning and truthfulness: a change of sign with size",
    paper="the claim of arXiv 2605.18838, on the benchmarks of Ruan et al., arXiv 2405.10938",
    formula="r = corr(reasoning, TruthfulQA) over models",
    tables=("observational_benchmarks.csv.gz",),
    reproduce=reproduce,
    view=view,
    command="relscale ask coupling observational_benchmarks.csv.gz --x HellaSwag --y TruthfulQA --size params_billions "
    "--split 3.5 --family family",
    remark="The sign change is reproduced, but not at the paper's size of 3.5B: depending on the definition it is at "
    "0.8B to 4.3B. TruthfulQA falls towards its floor for weak models, so part of the change is due to the metric. "
    "BLOOM, StarCoder and OPT stay negative up to their largest sizes. Bootstrap limits are those of 300 draws; the "
    "number of the known ones is not stated, so they are compared within three standard errors of two sets of 300.",
)
