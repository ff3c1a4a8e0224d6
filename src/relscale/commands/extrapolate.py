"""``relscale extrapolate TABLE``: forecast rows of any table from the others, by any law of any predictors."""

import argparse
from pathlib import Path

from relscale.commands.fit_table import columns

HELP = "forecast rows of a table by laws that are weighted by cross-validation on similar extrapolations"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TABLE and its columns."""
    parser.add_argument("table", type=Path, metavar="TABLE", help="CSV, JSON lines or parquet.")
    parser.add_argument("--y", required=True, metavar="COLUMN", help="Column of the measured number.")
    parser.add_argument(
        "--x",
        required=True,
        metavar="COLUMNS",
        help="Predictors, separated by commas; NAME=COLUMN where the column has another name than the laws give it: "
        "params, tokens, unique_tokens, lr, batch, experts, streams, vocabulary, characters, share_…, log_flops. "
        "A single predictor may have any name.",
    )
    parser.add_argument(
        "--train",
        required=True,
        metavar="CONDITION",
        help="Condition of the known rows, such as 'split == \"train\"'; the others are forecast.",
    )
    parser.add_argument(
        "--group",
        metavar="COLUMNS",
        default="",
        help="Columns that identify a curve, such as model and data set.",
    )
    parser.add_argument("--model", metavar="COLUMN", help="Column that identifies the model of a row.")
    parser.add_argument(
        "--laws",
        metavar="NAMES",
        default="auto",
        help="Candidates by the beginning of their names, separated by commas; auto (default) tries all "
        "that apply.",
    )
    parser.add_argument(
        "--output", type=Path, help="Write the rows with their forecast to this .csv or .parquet."
    )


def run(options: argparse.Namespace) -> None:
    """Forecast the rows of a table that a condition leaves out.

    Every candidate that has the predictors is tried in folds that look like what is asked: the same direction, a like
    factor, edges cut by as much. Its weight in the forecast comes from what it missed there. Prints what was tried, the
    weights and how each did, and what was refused.
    """
    from relscale.extrapolation.of_table import extrapolate_table

    predictors = {}
    for each in columns(options.x):
        name, _, column = each.partition("=")
        predictors[name] = column or name
    result = extrapolate_table(
        options.table,
        y=options.y,
        x=predictors,
        train=options.train,
        group=columns(options.group) if options.group else (),
        model=options.model,
        laws=() if options.laws == "auto" else columns(options.laws),
    )
    print(result)
    if options.output:
        result.write(options.output)
        print(f"\nwritten: {options.output}")
