"""Prediction of a task from others during one training run (arXiv 2404.01204), on the OLMo 2 ladder."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.questions.domain_prediction import rows as predicted

RUN = "1B-10xC"
MMLU = "+".join(f"mmlu_{group}_test:accuracy" for group in ("stem", "humanities", "social_sciences", "other"))
COMMONSENSE = "+".join(f"{task}_val:accuracy" for task in ("hellaswag", "piqa", "csqa"))
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
    }


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
    "CommonsenseQA. The paper's own numbers are not public, and the table has no MMLU of the 7B and 13B models.",
    slow=True,
)
