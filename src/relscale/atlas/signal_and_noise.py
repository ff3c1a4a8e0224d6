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
WINOGRANDE = "winogrande_val"


def scores(rows: Columns, task: str, metric: str) -> Array:
    """A task's metric at each checkpoint; MMLU is the mean over its questions."""
    if task != "mmlu":
        return np.asarray(rows[f"{task}:{metric}"])
    return np.asarray(sum(share * rows[f"mmlu_{group}_test:{metric}"] for group, share in MMLU.items()))


def reproduce(tables: Tables) -> dict[str, Number]:
    """Standard deviations over the last ten checkpoints, and signal-to-noise ratios."""
    rows = tables.read("olmo_ladder_checkpoints.csv.gz")
    run = rows.where(rows["run"] == RUN)
    return {
        f"noise of {name}, {task}": Number(noise(scores(run, task, metric)[-LAST:]))
        for task in TASKS
        for metric, name in METRICS.items()
    } | ratios(rows)


def ratios(rows: Columns) -> dict[str, Number]:
    """The range of a metric over the ladder's 25 runs, at their last checkpoints, relative to the noise of one."""
    runs = {name: run for name, run in rows.by("run") if "xC" in name and not name.endswith("-rerun")}
    tasks = [column.removesuffix(":bpb") for column in rows.of if column.endswith(":bpb")]

    def ratio(task: str, metric: str) -> float:
        last = [scores(run, task, metric)[-1] for run in runs.values()]
        return float(np.ptp(last) / noise(scores(runs[RUN], task, metric)[-LAST:]))

    by_metric = {
        metric: {task: ratio(task, metric) for task in tasks} for metric in ("bpb", "probability", "accuracy")
    }
    results = {
        f"median signal-to-noise ratio of {METRICS.get(metric, metric)}, {len(tasks)} task splits": np.median(
            list(of_tasks.values())
        )
        for metric, of_tasks in by_metric.items()
    }
    results |= {
        f"signal-to-noise ratio of {name}, {WINOGRANDE}": by_metric[metric][WINOGRANDE]
        for metric, name in METRICS.items()
    }
    results["task splits with a higher ratio of bits per byte than of accuracy"] = sum(
        by_metric["bpb"][task] > by_metric["accuracy"][task] for task in tasks
    )
    return {name: Number(float(value)) for name, value in results.items()}


def view(tables: Tables) -> View:
    """The accuracy of four tasks over the last third of the run, with standard deviations over its last checkpoints."""
    rows = tables.read("olmo_ladder_checkpoints.csv.gz")
    run = rows.where(
        (rows["run"] == RUN) & (rows["tokens"] > 2 / 3 * np.nanmax(rows["tokens"][rows["run"] == RUN]))
    )
    shown = ("hellaswag_val", "arc_easy_test", "winogrande_val", "boolq_val")
    deviations = {task: known("signal_and_noise")[f"noise of accuracy, {task}"] for task in shown}
    series = (
        Series(f"{task}, ±{deviations[task]:.4f}", run["tokens"] / 1e9, scores(run, task, "accuracy"))
        for task in shown
    )
    return View("training tokens, 10⁹", "accuracy", tuple(series), log_x=False, log_y=False)


ENTRY = Entry(
    title="Signal and noise between checkpoints",
    paper="Bhagia et al., arXiv 2412.04403; after Heineman et al., arXiv 2508.13144",
    formula="noise = standard deviation over the last 10 checkpoints of a run, signal = range over runs",
    tables=("olmo_ladder_checkpoints.csv.gz",),
    reproduce=reproduce,
    view=view,
    command="relscale ask signal_noise olmo_ladder_checkpoints.csv.gz --metrics "
    "hellaswag_val:bpb,hellaswag_val:accuracy --run run --step step",
    remark="A model of 1B parameters at ten times Chinchilla's tokens. The standard deviations describe these ten "
    "values, without correction for the sample size. Ratios are ranges over 25 runs of 190M to 3B parameters, each at "
    "its last checkpoint, divided by the noise of that model. These runs differ in size, so the ratios do not say how "
    "well a metric distinguishes recipes; `relscale ask signal_noise` averages the noise of all runs, relative to "
    "their means.",
    slow=True,
)
