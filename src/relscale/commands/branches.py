"""``relscale branches``: losses of the branches of an experiment's runs, and critical batch sizes."""

import argparse
from pathlib import Path

from relscale.commands.inputs import add_config, add_files, training_experiment
from relscale.commands.outputs import output_table

HELP = "critical batch sizes of an experiment, from branches of its runs with larger batches"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --runs, --output and --critical-batches."""
    add_config(parser)
    add_files(parser, "--runs", "The manifests of all training jobs")
    parser.add_argument("--output", type=output_table, help="Write the branches to this .parquet or .csv.")
    parser.add_argument(
        "--critical-batches", type=output_table, help="Write the critical batches to this .parquet or .csv."
    )


def run(options: argparse.Namespace) -> None:
    """List the critical batch size at each checkpoint from which branches were trained (training.branches)."""
    from tabulate import tabulate

    from relscale.errors import RelscaleError
    from relscale.storage.rows import rows_of, table_of
    from relscale.storage.tables import read_table, write_table
    from relscale.studies.critical_batches import CriticalBatchRow, critical_batches
    from relscale.studies.trained_models import trained_models
    from relscale.training.branch_row import BranchRow
    from relscale.training.branches import BRANCHES

    experiment = training_experiment(
        options.config, instead="for a table of branches, use `relscale ask critical_branch TABLE`"
    )
    branching = experiment.training.branches
    if branching is None:
        raise RelscaleError(f"{options.config}: no training.branches; set the checkpoints to branch from")
    folders = [
        Path(model.path)
        for model in trained_models(experiment, options.runs)
        if not model.training or model.training == model.name
    ]
    tables = [read_table(folder / BRANCHES) for folder in folders if (folder / BRANCHES).is_file()]
    rows = [row for table in tables for row in rows_of(BranchRow, table)]
    critical = list(critical_batches(rows, branching.epsilon))
    if options.output:
        write_table(table_of(BranchRow, rows), options.output)
    if options.critical_batches:
        write_table(table_of(CriticalBatchRow, critical), options.critical_batches)
    shown = ("run", "from_tokens", "batch_tokens", "factor", "critical_batch_tokens", "low", "high", "note")
    print(tabulate([[getattr(row, name) for name in shown] for row in critical], [*shown], missingval=""))
