"""``relscale plan``: the runs of an experiment and their cost."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from relscale.commands.inputs import add_config, training_experiment
from relscale.commands.outputs import output_table

if TYPE_CHECKING:
    from relscale.design.placement import Placement
    from relscale.design.run import Run
    from relscale.experiments.experiment import CheckpointExperiment, TrainingExperiment

HELP = "show the runs of an experiment, their size, devices and time, and the cost estimate"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --output and --goodput."""
    add_config(parser)
    parser.add_argument(
        "--output",
        type=output_table,
        help="Write the table to this file (.csv or .parquet) instead of printing it.",
    )
    parser.add_argument(
        "--goodput",
        type=critical_batch,
        metavar="TOKENS",
        help="Show the hours to the planned loss at other batch sizes instead, for the widest run of each "
        "budget, given this critical batch in tokens. Set hardware.seconds_per_step for the overhead of "
        "small batches.",
    )


def critical_batch(text: str) -> float:
    """A number of tokens above 0."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a critical batch; give tokens, such as 2e6")
    return value


def run(options: argparse.Namespace) -> None:
    """Show the runs of an experiment: design, size, expected memory, devices and time, and the cost estimate.

    For an experiment on checkpoints, show the table of checkpoints.
    """
    from relscale.experiments.check import check_experiment
    from relscale.experiments.config import load_config
    from relscale.experiments.experiment import CheckpointExperiment

    experiment = load_config(options.config)
    if isinstance(experiment, CheckpointExperiment):
        _show_checkpoints(experiment, options.output)
        return
    experiment = training_experiment(options.config, experiment)
    check_experiment(experiment)
    if options.goodput is not None:
        from relscale.design.goodput import format_goodput

        runs, hardware, training = experiment.planned_runs, experiment.hardware, experiment.training
        print(format_goodput(runs, hardware, training, options.goodput))
        return
    _show_runs(experiment, options.output)


def _show_runs(experiment: "TrainingExperiment", output: Path | None) -> None:
    from relscale.design.bill import bill, format_bill
    from relscale.design.isoflop import grid
    from relscale.design.placement import place
    from relscale.design.table import format_dropped, format_plan, plan_table

    runs, hardware, design = experiment.planned_runs, experiment.hardware, experiment.design
    placements = [place(run, hardware, experiment.training) for run in runs]
    branches = experiment.training.branches
    if output:
        from relscale.storage.tables import write_table

        write_table(plan_table(runs, placements, branches), output)
        return
    print(format_plan(runs, placements, branches), end="\n\n")
    corpus = next(iter(experiment.corpora))  # the grid is the same for every corpus
    dropped = grid(corpus, design.optimizers[0], design, experiment.vocabulary.size, experiment.seed)[1]
    for line in (*format_dropped(dropped), *_warnings(experiment, placements)):
        print(line)
    for line in _information(runs):
        print(line)
    print(_products(experiment))
    print(format_bill(bill(runs, placements, experiment.training.checkpoints, branches), hardware))


def _products(experiment: "TrainingExperiment") -> str:
    """Data type of the runs' matrix products, and its origin."""
    from relscale.training.precision import choose_products, counted

    training = experiment.training
    widths = [run.architecture.hidden_size for run in experiment.planned_runs]
    products = {width: choose_products(training, width) for width in set(widths)}
    runs = counted(products[width] for width in widths)
    decided = ", on this machine and others like it (relscale doctor)" if training.precision == "auto" else ""
    return f"matrix products: {runs}, by training.precision: {training.precision}{decided}"


def _information(runs: "Sequence[Run]") -> list[str]:
    """The expected precision of a Chinchilla-like loss surface from one corpus's runs, up to ten times the compute."""
    import numpy as np

    from relscale.design.information import CHINCHILLA, chinchilla_optimum, information
    from relscale.laws.parametric import LAW

    first = [run for run in runs if run.corpus == runs[0].corpus]
    x = np.array([[run.params, run.tokens] for run in first], dtype=float).T
    target = chinchilla_optimum(10.0 * max(run.training_flops for run in first))
    lines = information(LAW, x, CHINCHILLA, targets=[target]).lines()
    return [f"precision under Chinchilla's loss: {lines[0]}", *(f"  {line}" for line in lines[1:])]


def _warnings(experiment: "TrainingExperiment", placements: "Sequence[Placement]") -> Iterator[str]:
    """Further costs of a plan, one line each."""
    hours = experiment.hardware.hours
    slow = [
        run.name
        for run, placement in zip(experiment.planned_runs, placements, strict=True)
        if hours and placement.seconds > 3600 * hours
    ]
    if slow:
        yield f"longer than hardware.hours ({hours:g}) even on all devices: {len(slow)} runs, such as {slow[0]}"
    streamed = [
        name
        for name, corpus in experiment.corpora.items()
        if corpus.tokens is None and experiment.is_streamed(name)
    ]
    if streamed:
        most = max(sum(experiment.tokens_needed(name)) for name in streamed)
        yield (
            f"streamed up to the tokens of the largest run, {most:.4g} tokens: {', '.join(streamed)}; a larger "
            "budget changes the text, and all runs are retrained; set "
            f"corpora.{streamed[0]}.tokens to leave room"
        )


def _show_checkpoints(experiment: "CheckpointExperiment", output: Path | None) -> None:
    """The table of checkpoints to score; nothing is trained."""
    import pyarrow as pa

    from relscale.scoring.checkpoint_table import COLUMNS, check_distinct
    from relscale.storage.tables import write_table

    check_distinct(experiment.checkpoints, experiment.runs.table)
    rows = [
        {
            "run": checkpoint.run,
            "from": checkpoint.model or checkpoint.samples,
            **{name: getattr(checkpoint, name) for name in COLUMNS},
        }
        for checkpoint in experiment.checkpoints
    ]
    if output:
        write_table(pa.Table.from_pylist(rows), output)
        return
    for row in rows:
        print(
            f"{row['corpus']}  {row['run']}  {row['params'] or 0:,} parameters  {row['tokens'] or 0:,} tokens  "
            f"{row['training_flops']:.3g} FLOPs  {row['from']}"
        )
