"""Noise between the last checkpoints of a training run, on the OLMo 2 ladder (Bhagia et al., arXiv 2412.04403)."""

import numpy as np

from relscale.atlas.answers import known
from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.laws.law import Array
from relscale.questions.signal_noise import noise
from relscale.storage.column_arrays import Columns

RUN, LAST = "1B-10xC", 10
MMLU = {
    "stem": 0.215,
    "humanities": 0.335,
    "social_sciences": 0.219,
    "other": 0.231,
}  # share of the questions
TASKS = (
    *("mmlu", "hellaswag_val", "arc_challenge_test", "arc_easy_test", "piqa_val", "csqa_val"),
    *("socialiqa_val", "openbookqa_test", "winogrande_val", "boolq_val"),
)
METRICS = {"bpb": "bits per byte", "accuracy": "accuracy"}


def scores(rows: Columns, task: str, metric: str) -> Array:
    """A task's metric at each checkpoint; MMLU is the mean over its questions."""
    if task != "mmlu":
        return np.asarray(rows[f"{task}:{metric}"])
    return np.asarray(sum(share * rows[f"mmlu_{group}_test:{metric}"] for group, share in MMLU.items()))


def reproduce(tables: Tables) -> dict[str, Number]:
    """Standard deviations over the last ten checkpoints."""
    rows = tables.read("olmo_ladder_checkpoints.csv.gz")
    run = rows.where(rows["run"] == RUN)
    return {
        f"{name} of {task}": Number(noise(scores(run, task, metric)[-LAST:]))
        for task in TASKS
        for metric, name in METRICS.items()
    }


def view(tables: Tables) -> View:
    """The accuracy of four tasks over the last third of the run, with standard deviations over its last checkpoints."""
    rows = tables.read("olmo_ladder_checkpoints.csv.gz")
    run = rows.where(
        (rows["run"] == RUN) & (rows["tokens"] > 2 / 3 * np.nanmax(rows["tokens"][rows["run"] == RUN]))
    )
    shown = ("hellaswag_val", "arc_easy_test", "winogrande_val", "boolq_val")
    deviations = {task: known("signal_and_noise")[f"accuracy of {task}"] for task in shown}
    series = (
        Series(f"{task}, ±{deviations[task]:.4f}", run["tokens"] / 1e9, scores(run, task, "accuracy"))
        for task in shown
    )
    return View("training tokens, 10⁹", "accuracy", tuple(series), log_x=False, log_y=False)


ENTRY = Entry(
    title="Noise between checkpoints",
    paper="Bhagia et al., arXiv 2412.04403; after Heineman et al., arXiv 2508.13144",
    formula="noise = standard deviation of a metric over the last 10 checkpoints of one run",
    tables=("olmo_ladder_checkpoints.csv.gz",),
    reproduce=reproduce,
    view=view,
    command="relscale ask signal_noise olmo_ladder_checkpoints.csv.gz --metrics "
    "hellaswag_val:bpb,hellaswag_val:accuracy --run run --step step",
    remark="A model of 1B parameters at ten times Chinchilla's tokens. The standard deviations describe these ten "
    "values, without correction for the sample size.",
    slow=True,
)
