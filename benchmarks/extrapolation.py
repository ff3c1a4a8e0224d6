"""Two public benchmarks of extrapolation: what is chosen without a test row, and how it does where answers are
open.

    python benchmarks/extrapolation.py --data FOLDER --output PREDICTIONS

FOLDER has the tables TASK.csv.gz with a column ``split``; a test row without its answer is forecast and written to
PREDICTIONS/TASK.relscale.csv. *SLDBench* (arXiv 2507.21184): R² = 1 − mean over targets of MSE / variance of
the test rows.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from relscale.extrapolation.candidates.emergence import rising
from relscale.extrapolation.extrapolate import extrapolate
from relscale.extrapolation.folds import Fold
from relscale.extrapolation.table import Table


@dataclass(frozen=True)
class Task:
    """One table: its targets, its predictors by the names of candidates, and what makes a curve."""

    targets: tuple[str, ...]
    x: dict[str, str]
    group: tuple[str, ...] = ()
    model: str | None = None
    only: str | None = None  # known rows alone of the kind that is asked for
    human: float = np.nan
    agent: float = np.nan


DOMAINS = range(1, 6)
TASKS = {
    "parallel": Task(
        ("loss",), {"params": "num_params", "streams": "parallel_size"}, ("group",), human=1.000, agent=1.000
    ),
    "vocab": Task(
        ("unigram_normalized_loss",),
        {"params": "non_vocab_parameters", "vocabulary": "vocab_size", "characters": "num_characters"},
        human=0.966,
        agent=0.951,
    ),
    "sft": Task(("sft_loss",), {"examples": "sft_data_size"}, ("model", "dataset"), human=0.957, agent=0.981),
    "domain_mixture": Task(
        tuple(f"loss_domain_{i}" for i in DOMAINS),
        {f"share_{i}": f"proportion_domain_{i}" for i in DOMAINS},
        ("group",),
        human=0.671,
        agent=0.989,
    ),
    "moe": Task(
        ("loss_validation",),
        {"params": "dense_parameter_count", "experts": "num_experts"},
        ("router_type",),
        only="k == 1 and routing_frequency == 0.5",
        human=0.703,
        agent=0.833,
    ),
    "data_constrained": Task(
        ("loss",),
        {"params": "params", "tokens": "training_tokens", "unique_tokens": "unique_tokens"},
        human=0.911,
        agent=0.984,
    ),
    "lr_bsz": Task(
        ("smooth_loss",),
        {"lr": "lr", "batch": "batch_sequences", "params": "non_embedding_params", "tokens": "tokens"},
        human=-0.076,
        agent=0.546,
    ),
    "easy_question": Task(
        ("brier_score",), {"log_flops": "log_flops"}, ("group",), "model", human=-1.0, agent=0.377
    ),
}


def table(rows: pd.DataFrame, task: Task, target: str) -> Table:
    """Rows of a task as a table."""
    group = (
        pd.factorize(rows[list(task.group)].astype(str).agg("|".join, axis=1))[0]
        if task.group
        else np.zeros(len(rows), int)
    )
    model = pd.factorize(rows[task.model])[0] if task.model else np.arange(len(rows))
    return Table(
        tuple(task.x),
        rows[list(task.x.values())].to_numpy(float).T,
        rows[target].to_numpy(float),
        group,
        model,
    )


def emerged_folds(known: Table) -> list[Fold]:
    """Folds of the tasks that have passed their threshold: each beyond an earlier one, from all that is known
    of the others.

    Before its threshold a task does not show what it does after it, so folds that hold out ends of the tasks
    which have not
    passed theirs would look like something else than what is asked.
    """
    result = []
    for origin in (1.4, 0.9):
        for group in rising(known, -1):
            asked = (known.group == group) & (known.x[0] > origin)
            result.append(Fold(~asked, asked, f"task {group}, beyond 10^{origin:g}"))
    return result


def sldbench(folder: Path, output: Path, names: list[str]) -> None:
    """Run the tasks and print how they did."""
    summary = []
    for name, task in TASKS.items():
        if names and name not in names:
            continue
        rows = pd.read_csv(folder / f"{name}.csv.gz")
        begin, parts, nested, predictions = time.perf_counter(), [], [], {}
        for target in task.targets:
            every = table(rows, task, target)
            train = (rows.split == "train").to_numpy()
            used = train & (rows.eval(task.only).to_numpy() if task.only else True)
            result = extrapolate(
                every.take(used),
                every.take(~train),
                given=emerged_folds(every.take(used)) if name == "easy_question" else (),
            )
            print(f"\n{name}, {target}\n{result}", flush=True)
            predictions[target] = result.forecast
            nested.append(result.nested_r2)
            truth = every.y[~train]
            parts.append(1 - np.mean((result.forecast - truth) ** 2) / np.var(truth))
        test = rows[rows.split == "test"].drop(columns=[*task.targets, "split"]).dropna(axis=1, how="all")
        columns = (
            ["prediction"]
            if len(task.targets) == 1
            else [f"prediction_{i + 1}" for i in range(len(task.targets))]
        )
        output.mkdir(parents=True, exist_ok=True)
        test.assign(**dict(zip(columns, predictions.values(), strict=True))).to_csv(
            output / f"{name}.relscale.csv", index=False
        )
        summary.append(
            (name, task, float(np.mean(parts)), float(np.mean(nested)), time.perf_counter() - begin)
        )
    print(f"\n{'SLDBench, R²':18} human  agent  relscale  nested folds  seconds")
    for name, task, score, inside, seconds in summary:
        shown = f"{score:8.3f}" if np.isfinite(score) else "withheld"
        print(f"{name:18} {task.human:5.3f}  {task.agent:5.3f}  {shown}  {inside:12.3f}  {seconds:7.0f}")
    scores = [score for _, _, score, _, _ in summary if np.isfinite(score)]
    if scores:
        print(f"mean of the {len(scores)} open tasks: {np.mean(scores):.3f}")


def main() -> None:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="The folder of the tables.")
    parser.add_argument(
        "--output", type=Path, default=Path("results/extrapolation"), help="Where predictions are written."
    )
    parser.add_argument("--task", action="append", default=[], help="A task alone; may be repeated.")
    options = parser.parse_args()
    sldbench(options.data, options.output, options.task)


if __name__ == "__main__":
    main()
