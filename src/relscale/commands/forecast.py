"""``relscale forecast FITS``: what a fit forecasts, and the same on record."""

import argparse
from pathlib import Path

HELP = "show the forecasts of a fit, or put them on record"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FITS and --record."""
    parser.add_argument("fits", type=Path, metavar="FITS", help="The folder that `relscale fit` wrote.")
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="Write the forecasts with the digests of their data and code to this .parquet or .csv; `relscale "
        "held-against` scores them once the models exist.",
    )


def run(options: argparse.Namespace) -> None:
    """Show the ensemble's forecasts of a fit, with prediction intervals; with --record put them on record."""
    from tabulate import tabulate

    from relscale.fitting.fits import read
    from relscale.fitting.forecasts.candidates import ENSEMBLE
    from relscale.fitting.forecasts.forecast import ForecastRow
    from relscale.fitting.forecasts.record import record
    from relscale.rows import rows_of

    fits = read(options.fits)
    shown = [
        [
            row.suite,
            row.metric,
            row.corpus,
            row.group,
            row.baseline,
            row.training_flops,
            row.value,
            row.low,
            row.high,
            row.note or row.status,
        ]
        for row in rows_of(ForecastRow, fits.tables["forecasts"])
        if row.candidate == ENSEMBLE
    ]
    heads = ["suite", "metric", "corpus", "group", "over", "FLOPs", "forecast", "low", "high", "status"]
    print(tabulate(shown, headers=heads, floatfmt=".4g") if shown else "the fit has no forecasts")
    if options.record:
        rows = record(fits, options.record)
        print(f"\n{len(rows)} forecasts recorded: {options.record}")
