"""From ln p(right) to accuracy: where predictability gets lost (Schaeffer et al., arXiv 2406.04391)."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.laws.law import Array
from relscale.questions.metric_chain import area, correlations

ITEMS, MODELS = 400, 12
METRICS = ("bpb", "probability", "accuracy")

SPELLED = {"bpb": "bits per byte"}


def reproduce(tables: Tables) -> dict[str, Number]:
    """Two identities on simulated items, and correlations of the ladder's tasks with compute."""
    rng = np.random.default_rng(0)
    at = np.linspace(0, 5, MODELS)
    right = -3 + rng.uniform(-0.2, 0.8, ITEMS) * at[:, None] + 0.2 * rng.standard_normal((MODELS, ITEMS))
    probability = 1 / (1 + np.exp(-right))
    wrong = rng.uniform(0.05, 3, ITEMS)  # the mass on wrong choices, which models share
    r, among = correlations(at, np.log(probability)), correlations(at, probability / (probability + wrong))
    found = {
        "area below the survival curve less (1 + mean)": Number(area(r) - 1 - float(r.mean())),
        "largest difference where wrong choices keep their mass": Number(float(np.abs(r - among).max())),
    }
    for metric, of_tasks in correlations_with_compute(tables).items():
        found[f"mean correlation of {metric} with compute"] = Number(float(np.nanmean(of_tasks)))
    return found


def correlations_with_compute(tables: Tables) -> dict[str, Array]:
    """Of each metric the rank correlation with compute on every task of the ladder, at the end of 25 runs."""
    rows = tables.read("olmo_ladder_checkpoints.csv.gz")
    of_ladder = [not str(run).startswith("peteish") and "rerun" not in str(run) for run in rows["run"]]
    rows = rows.where(np.array(of_ladder))
    last = [int(np.flatnonzero(rows["run"] == run)[-1]) for run in dict.fromkeys(rows["run"])]
    compute = np.log(rows["flops_per_token"] * rows["tokens"])[last]
    found = {}
    for metric in METRICS:
        tasks = [name for name in rows.of if name.endswith(f":{metric}")]
        sign = -1 if metric == "bpb" else 1
        scores = np.stack([sign * rows[task][last] for task in tasks], axis=1)
        found[metric] = np.asarray(correlations(compute, scores))
    return found


def view(tables: Tables) -> View:
    """By metric the share of tasks whose correlation with compute is at least so high."""
    series = []
    for metric, of_tasks in correlations_with_compute(tables).items():
        of_tasks = np.sort(of_tasks[np.isfinite(of_tasks)])
        share = 1 - np.arange(len(of_tasks) + 1) / len(of_tasks)
        corners = np.repeat(of_tasks, 2), np.repeat(share, 2)[1:-1]
        series.append(Series(SPELLED.get(metric, metric), fitted=corners))
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
    remark="The paper's per-item scores are not public; the correlations are over 20 task splits of 25 runs at their "
    "end. On simulated items either order of the metrics can be produced, so the order is an empirical finding.",
    slow=True,
    view=view,
)
