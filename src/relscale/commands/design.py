"""``relscale design TABLE``: expected standard errors of a law's parameters before training."""

import argparse
from pathlib import Path

from relscale.commands.fit_table import columns, targets
from relscale.fixed_parameters import fixed_parameters

HELP = "expected standard errors of a law's parameters, condition number and D-efficiency of planned runs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TABLE, the law and a guess at its parameters."""
    parser.add_argument(
        "table",
        type=Path,
        help="One row per run (.parquet, .csv, .tsv, .jsonl), such as the table of `relscale plan --output`.",
    )
    parser.add_argument("--law", default="parametric", help="The law (default: parametric).")
    parser.add_argument(
        "--x",
        metavar="COLUMNS",
        help="Columns of the predictors, in the law's order (default: columns with their names).",
    )
    parser.add_argument(
        "--guess",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="Assumed value of a parameter (default for parametric: Chinchilla's).",
    )
    parser.add_argument(
        "--noise", type=float, default=0.01, help="Standard deviation of ln y (default: 0.01)."
    )
    parser.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="TARGET",
        help="Target of a forecast: a model, such as params=7e9,tokens=1.4e11, or a compute, such as 1e23, "
        "allocated by Chinchilla's law.",
    )


def run(options: argparse.Namespace) -> None:
    """Print the expected standard errors of the law's parameters, at assumed parameters."""
    import numpy as np

    from relscale.design.information import CHINCHILLA, chinchilla_optimum, information
    from relscale.errors import RelscaleError
    from relscale.laws.catalogue import law
    from relscale.laws.predictor_columns import check_predictor_columns
    from relscale.storage.tables import read_table

    predictors = columns(options.x) if options.x else []
    chosen = law(options.law, predictors)
    names = predictors or list(chosen.predictors)
    check_predictor_columns(chosen, names)
    if not options.noise > 0:
        raise RelscaleError(
            f"--noise: {options.noise:g} is not a standard deviation; give one above 0, such as 0.01"
        )
    table = read_table(options.table, names)
    try:
        x = np.array([table[name].cast("float64").to_numpy() for name in names])
    except (ValueError, TypeError, NotImplementedError):
        raise RelscaleError(f"{options.table}: {', '.join(names)} must be numbers") from None
    if not x.size or not (np.isfinite(x) & (x > 0)).all():
        raise RelscaleError(f"{options.table}: {', '.join(names)} must be positive in every row")
    guess = fixed_parameters(options.guess, "--guess")
    if chosen.name == "parametric":
        guess = {**CHINCHILLA, **guess}
    points = []
    for target in targets(options.at):
        if isinstance(target, dict):
            points.append(target)
        elif chosen.predictors == ("params", "tokens"):
            points.append(chinchilla_optimum(target))
        else:
            points.append({chosen.predictors[0]: target})
    print(information(chosen, x, guess, options.noise, points))
