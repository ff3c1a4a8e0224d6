"""``relscale extrapolate TABLE``: forecast rows of a table from the other rows."""

import argparse
from pathlib import Path

from relscale.commands.fit_table import columns
from relscale.commands.outputs import output_table
from relscale.confidence import LEVEL

HELP = "forecast rows of a table by an ensemble of laws, weighted by backtests on similar extrapolations"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TABLE and its columns."""
    parser.add_argument("table", type=Path, metavar="TABLE", help="CSV, JSON lines or parquet.")
    parser.add_argument("--y", required=True, metavar="COLUMN", help="Column of the response.")
    parser.add_argument(
        "--x",
        required=True,
        metavar="COLUMNS",
        help="Columns of the predictors, separated by commas; NAME=COLUMN if the column's name differs from the "
        "predictor's: "
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
        help="Candidate laws by prefixes of their names, separated by commas (default: auto, all that "
        "apply).",
    )
    parser.add_argument(
        "--level", type=float, default=LEVEL, help=f"Level of the prediction intervals (default: {LEVEL})."
    )
    parser.add_argument(
        "--output",
        type=output_table,
        help="Write the rows with their forecasts and intervals to this .csv or .parquet.",
    )


def run(options: argparse.Namespace) -> None:
    """Forecast the rows of a table that do not satisfy a condition, from those that do.

    Every applicable candidate law is backtested on folds that resemble the requested extrapolation: same direction,
    similar factor, same share of the range held out. Its weight in the ensemble follows from its backtest error. Prints
    the candidates with their errors and weights, the excluded candidates, and the forecasts with their prediction
    intervals, which come from the errors in the same folds.
    """
    from relscale.extrapolation.of_table import extrapolate_table

    predictors = {}
    for entry in columns(options.x):
        name, _, column = entry.partition("=")
        predictors[name] = column or name
    result = extrapolate_table(
        options.table,
        y=options.y,
        x=predictors,
        train=options.train,
        group=columns(options.group) if options.group else (),
        model=options.model,
        laws=() if options.laws == "auto" else columns(options.laws),
        level=options.level,
    )
    print(result)
    if options.output:
        result.write(options.output)
        print(f"\nwritten: {options.output}")
