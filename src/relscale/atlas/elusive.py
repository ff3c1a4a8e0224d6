"""From ln p(right) to accuracy: where predictability gets lost (Schaeffer et al., arXiv 2406.04391)."""

import numpy as np

from relscale.atlas.entry import Answer, Entry, Number, Origin, Tables
from relscale.questions.metric_chain import area, correlations

ITEMS, MODELS = 400, 12
KNOWN = {"bpb": 0.981, "probability": 0.933, "accuracy": 0.942}  # mean Spearman correlation with compute


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
    rows = tables.read("olmo_ladder_checkpoints.csv.gz")
    of_ladder = [not str(run).startswith("peteish") and "rerun" not in str(run) for run in rows["run"]]
    rows = rows.where(np.array(of_ladder))
    last = [int(np.flatnonzero(rows["run"] == run)[-1]) for run in dict.fromkeys(rows["run"])]
    compute = np.log(rows["flops_per_token"] * rows["tokens"])[last]
    for metric in KNOWN:
        tasks = [name for name in rows.of if name.endswith(f":{metric}")]
        sign = -1 if metric == "bpb" else 1
        scores = np.stack([sign * rows[task][last] for task in tasks], axis=1)
        found[f"mean correlation of {metric} with compute"] = Number(
            float(np.nanmean(correlations(compute, scores)))
        )
    return found


ENTRY = Entry(
    title="Why has predicting downstream capabilities remained elusive?",
    paper="Schaeffer et al., arXiv 2406.04391; tasks of Bhagia et al., arXiv 2412.04403",
    formula="r_i = corr(ln compute, score of item i), ∫ S(r) dr = 1 + mean r",
    tables=("olmo_ladder_checkpoints.csv.gz",),
    answers=(
        Answer("area below the survival curve less (1 + mean)", 0, 1e-12, origin=Origin.THEORY),
        Answer("largest difference where wrong choices keep their mass", 0, 1e-12, origin=Origin.THEORY),
        *(
            Answer(f"mean correlation of {metric} with compute", value, 1e-3, origin=Origin.TABLE)
            for metric, value in KNOWN.items()
        ),
    ),
    reproduce=reproduce,
    command="relscale ask metric_chain items.csv --metrics log_p_right,p_right,p_among_choices,accuracy "
    "--item item --model model --compute training_flops",
    remark="The paper's scores per item are not public; the correlations are of 20 task splits of 25 runs at their "
    "end. On simulated items the order of the metrics can be made either way, so it is an empirical one.",
    slow=True,
)
