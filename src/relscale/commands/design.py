"""``relscale design TABLE``: what runs will tell of a law's parameters, before they are trained."""

import argparse
from pathlib import Path

from relscale.commands.fit_table import columns, targets
from relscale.fixed_parameters import fixed_parameters

HELP = "expected standard errors, condition and efficiency of a law's parameters for a table of planned runs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TABLE, the law and a guess at its parameters."""
    parser.add_argument(
        "table", type=Path, help="One row per run (.parquet, .csv, .tsv, .jsonl); a plan's table too."
    )
    parser.add_argument("--law", default="parametric", help="The law (default: parametric).")
    parser.add_argument(
        "--x",
        metavar="COLUMNS",
        help="Columns of its predictors, in the law's order (default: columns of these names).",
    )
    parser.add_argument(
        "--guess",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="A guess at a parameter; for parametric, Chinchilla's by default.",
    )
    parser.add_argument(
        "--noise", type=float, default=0.01, help="Standard deviation of ln y (default: 0.01)."
    )
    parser.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="TARGET",
        help="A model, such as params=7e9,tokens=1.4e11, or a compute, such as 1e23, which is allocated "
        "by Chinchilla's law.",
    )


def run(options: argparse.Namespace) -> None:
    """Print the standard errors that the runs will give, at a guess at the law's parameters."""
    import numpy as np

    from relscale.design.information import CHINCHILLA, chinchilla_optimum, information
    from relscale.errors import RelscaleError
    from relscale.laws.catalogue import law
    from relscale.tables import read_table

    predictors = columns(options.x) if options.x else []
    the_law = law(options.law, predictors)
    names = predictors or list(the_law.predictors)
    if len(names) != len(the_law.predictors):
        raise RelscaleError(f"--x: the law {the_law.name} has the predictors {', '.join(the_law.predictors)}")
    if not options.noise > 0:
        raise RelscaleError(
            f"--noise: {options.noise:g} is not a standard deviation; give one above 0, such as 0.01"
        )
    table = read_table(options.table, names)
    try:
        x = np.array([table[name].cast("float64").to_numpy() for name in names])
    except (ValueError, TypeError, NotImplementedError):
        raise RelscaleError(f"{options.table}: {', '.join(names)} are not all numbers") from None
    if not x.size or not (np.isfinite(x) & (x > 0)).all():
        raise RelscaleError(f"{options.table}: {', '.join(names)} are not above 0 in every row")
    guess = fixed_parameters(options.guess, "--guess")
    if the_law.name == "parametric":
        guess = {**CHINCHILLA, **guess}
    points = []
    for target in targets(options.at):
        if isinstance(target, dict):
            points.append(target)
        elif the_law.predictors == ("params", "tokens"):
            points.append(chinchilla_optimum(target))
        else:
            points.append({the_law.predictors[0]: target})
    print(information(the_law, x, guess, options.noise, points))
