"""Correlation with compute of metrics from ln p(right) to accuracy (Schaeffer et al., arXiv 2406.04391)."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.laws.law import Array
from relscale.questions.metric_chain import area, correlations

ITEMS, MODELS = 400, 12
METRICS = ("bpb", "probability", "accuracy")

TITLES = {"bpb": "bits per byte"}


def reproduce(tables: Tables) -> dict[str, Number]:
    """Two identities on simulated items, and rank correlations of the OLMo ladder's tasks with compute."""
    rng = np.random.default_rng(0)
    log_compute = np.linspace(0, 5, MODELS)
    log_p_right = -3 + rng.uniform(-0.2, 0.8, ITEMS) * log_compute[:, None]
    log_p_right = log_p_right + 0.2 * rng.standard_normal((MODELS, ITEMS))
    probability = 1 / (1 + np.exp(-log_p_right))
    # unnormalised probability of the wrong choices, the same for all models
    wrong = rng.uniform(0.05, 3, ITEMS)
    r = correlations(log_compute, np.log(probability))
    r_among_choices = correlations(log_compute, probability / (probability + wrong))
    results = {
        "area below the survival curve minus (1 + mean)": Number(area(r) - 1 - float(r.mean())),
        "largest difference of r of ln p(right) and of p among choices, wrong choices constant": Number(
            float(np.abs(r - r_among_choices).max())
        ),
    }
    for metric, task_correlations in correlations_with_compute(tables).items():
        name = TITLES.get(metric, metric)
        results[f"mean correlation of {name} with compute"] = Number(float(np.nanmean(task_correlations)))
        results[f"smallest correlation of {name} with compute"] = Number(float(np.nanmin(task_correlations)))
    return results


def correlations_with_compute(tables: Tables) -> dict[str, Array]:
    """Per metric, the rank correlations of the tasks' scores with compute, over the final checkpoints of 25 runs."""
    rows = tables.read("olmo_ladder_checkpoints.csv.gz")
    in_ladder = [not str(run).startswith("peteish") and "rerun" not in str(run) for run in rows["run"]]
    rows = rows.where(np.array(in_ladder))
    last = [int(np.flatnonzero(rows["run"] == run)[-1]) for run in dict.fromkeys(rows["run"])]
    compute = np.log(rows["flops_per_token"] * rows["tokens"])[last]
    results = {}
    for metric in METRICS:
        tasks = [name for name in rows.of if name.endswith(f":{metric}")]
        sign = -1 if metric == "bpb" else 1
        scores = np.stack([sign * rows[task][last] for task in tasks], axis=1)
        results[metric] = np.asarray(correlations(compute, scores))
    return results


def view(tables: Tables) -> View:
    """The share of tasks whose correlation with compute is at least r, per metric."""
    series = []
    for metric, task_correlations in correlations_with_compute(tables).items():
        task_correlations = np.sort(task_correlations[np.isfinite(task_correlations)])
        share = 1 - np.arange(len(task_correlations) + 1) / len(task_correlations)
        corners = np.repeat(task_correlations, 2), np.repeat(share, 2)[1:-1]
        series.append(Series(TITLES.get(metric, metric), fitted=corners))
    return View(
        "rank correlation with compute, r",
        "share of tasks at r or above",
        tuple(series),
        log_x=False,
        log_y=False,
    )


ENTRY = Entry(
    title="Why has predicting downstream capabilities remained elusive?",
    paper="Schaeffer et al., arXiv 2406.04391; tasks of Bhagia et al., arXiv 2412.04403",
    formula="r_i = corr(ln compute, score of item i), ∫ S(r) dr = 1 + mean r",
    tables=("olmo_ladder_checkpoints.csv.gz",),
    reproduce=reproduce,
    command="relscale ask metric_chain items.csv --metrics log_p_right,p_right,p_among_choices,accuracy "
    "--item item --model model --compute training_flops",
    remark="The paper's per-item scores are not public; the correlations are over the final checkpoints of 25 runs, "
    "for 20 task splits. Simulated items can produce either order of the metrics, so the order is an empirical "
    "finding.",
    slow=True,
    view=view,
)
