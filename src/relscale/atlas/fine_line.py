"""Prediction of a task from others during one training run (arXiv 2404.01204), on the OLMo 2 ladder."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.questions.domain_prediction import rows as predicted
from relscale.storage.column_arrays import Columns

RUN, RUN_7B = "1B-10xC", "peteish7_eval_full"
TASKS_7B = (
    *("arc_challenge_test", "arc_easy_test", "boolq_val", "csqa_val", "hellaswag_val"),
    *("openbookqa_test", "piqa_val", "socialiqa_val", "winogrande_val"),
)  # nine of 13: not MMLU
MMLU = "+".join(f"mmlu_{group}_test:accuracy" for group in ("stem", "humanities", "social_sciences", "other"))
COMMONSENSE = "+".join(f"{task}_val:accuracy" for task in ("hellaswag", "piqa", "csqa"))
MEAN, SMALLEST = (
    "mean rank correlation of {} with tokens, 7B",
    "smallest rank correlation of {} with tokens, 7B",
)
WITHIN, ACROSS = "error of MMLU groups from the others", "error of MMLU groups from commonsense tasks"


def reproduce(tables: Tables) -> dict[str, Number]:
    """Errors of linear predictions over the second half of the training run."""
    checkpoints = tables.read("olmo_ladder_checkpoints.csv.gz")
    table = checkpoints.where(np.asarray(checkpoints["run"] == RUN))
    domains = f"mmlu={MMLU}", f"commonsense={COMMONSENSE}"
    predictions = {
        (row.domain, row.predictor): row for row in predicted(table, step="tokens", domains=domains)
    }
    return {
        WITHIN: Number(predictions["mmlu", "mmlu"].error or np.nan),
        ACROSS: Number(predictions["mmlu", "commonsense"].error or np.nan),
    } | rank_correlations(checkpoints.where(np.asarray(checkpoints["run"] == RUN_7B)))


def rank_correlations(run: Columns) -> dict[str, Number]:
    """Rank correlation of each task of the 7B model with its training tokens, negative for bits per byte."""
    from scipy.stats import spearmanr

    results = {}
    for metric, (name, sign) in {"bpb": ("bits per byte", -1), "accuracy": ("accuracy", 1)}.items():
        of_tasks = [float(sign * spearmanr(run[f"{task}:{metric}"], run["tokens"])[0]) for task in TASKS_7B]
        results[MEAN.format(name)] = Number(float(np.mean(of_tasks)))
        results[SMALLEST.format(name)] = Number(min(of_tasks))
    return results


def view(tables: Tables) -> View:
    """The accuracies of MMLU's groups and of commonsense tasks over the training tokens."""
    rows = tables.read("olmo_ladder_checkpoints.csv.gz")
    run = rows.where(np.asarray(rows["run"] == RUN))
    series = []
    for name in [*MMLU.split("+")[:2], *COMMONSENSE.split("+")[:2]]:
        series.append(Series(name.partition(":")[0], run["tokens"] / 1e9, np.asarray(run[name], dtype=float)))
    return View("training tokens, 10⁹", "accuracy", tuple(series), log_x=False, log_y=False)


ENTRY = Entry(
    title="The fine line: predicting one task from others during training",
    paper="the finding of arXiv 2404.01204, on the checkpoints of Bhagia et al., arXiv 2412.04403",
    formula="score_j ≈ a + Σ_k b_k · score_k over the first half of the checkpoints, evaluated on the second",
    tables=("olmo_ladder_checkpoints.csv.gz",),
    reproduce=reproduce,
    view=view,
    command="relscale ask domain_prediction olmo_ladder_checkpoints.csv.gz --where run=1B-10xC --step tokens "
    "--domains knowledge=arc_easy_test:accuracy+arc_challenge_test:accuracy,"
    "commonsense=hellaswag_val:accuracy+piqa_val:accuracy",
    remark="A model of 1B parameters at ten times Chinchilla's tokens; commonsense is HellaSwag, PIQA and "
    "CommonsenseQA. The paper's own numbers are not public, and the table has no MMLU of the 7B and 13B models: "
    "errors within MMLU and from commonsense tasks of 0.0097 and 0.0175 (7B), 0.0092 and 0.0188 (13B), known from "
    "independent code, cannot be reproduced.",
    differs=dict.fromkeys(
        (MEAN.format("bits per byte"), MEAN.format("accuracy")),
        "The known mean is over 13 tasks, the reproduced one over nine: the table leaves out the four groups of MMLU, "
        "whose mean correlation would have to be 0.98 (bits per byte) and 0.94 (accuracy).",
    ),
    slow=True,
)
