"""``relscale frontier``: the compute-optimal frontier of a table of IsoFLOP runs."""

import argparse
from pathlib import Path

from relscale.commands.fit_table import targets
from relscale.commands.outputs import output_table
from relscale.confidence import LEVEL

HELP = "the compute-optimal frontier of a table of IsoFLOP runs: optima, exponents, N* and D* at any compute"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TABLE, its columns, --at, --where and --output."""
    parser.add_argument("table", type=Path, help="One row per run (.parquet, .csv, .tsv, .jsonl).")
    for option, meaning in (
        ("flops", "training compute"),
        ("params", "parameters"),
        ("tokens", "training tokens"),
        ("loss", "the loss"),
        ("budget", "the nominal budget, equal for all runs of an IsoFLOP curve"),
    ):
        parser.add_argument(
            f"--{option}", metavar="COLUMN", help=f"The column of {meaning} (default: guessed)."
        )
    parser.add_argument("--corpus", metavar="COLUMN", help="Fit each value of this column separately.")
    parser.add_argument(
        "--block",
        metavar="COLUMN",
        help="Column that identifies the training run, if several budgets are checkpoints of one run.",
    )
    parser.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="FLOPS",
        help="Predict the optimum at these computes: 1e22,1e24.",
    )
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="Keep the rows that satisfy a condition: seed=0, step>=1000.",
    )
    parser.add_argument("--level", type=float, default=LEVEL, help=f"Confidence level (default: {LEVEL}).")
    parser.add_argument("--output", type=output_table, help="Write the optima to this .csv or .parquet.")


def run(options: argparse.Namespace) -> None:
    """Fit a parabola per budget and a power law through the minima; print optima and exponents."""
    from relscale.errors import RelscaleError
    from relscale.storage.tables import write_table
    from relscale.table_fit.frontier import frontier

    at = targets(options.at)
    if any(isinstance(target, dict) for target in at):
        raise RelscaleError("--at: give training compute only, such as 1e22,1e24")
    names = ("flops", "params", "tokens", "loss", "budget", "corpus", "block", "where", "level")
    fitted = frontier(options.table, **{name: getattr(options, name) for name in names})
    print(fitted)
    if at:
        print(f"\n{fitted.at([float(target) for target in at if not isinstance(target, dict)])}")
    if options.output:
        write_table(fitted.optima.to_arrow(), options.output)
        print(f"\nwritten: {options.output}")
