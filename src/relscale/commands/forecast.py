"""``relscale forecast FITS``: what a fit forecasts, and the same on record."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relscale.fitting.forecasts.forecast import ForecastRow
    from relscale.fitting.forecasts.record import OutcomeRow

HELP = "show the forecasts of a fit, or put them on record"
HEADS = ("suite", "metric", "corpus", "group", "over", "FLOPs", "forecast", "low", "high")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FITS and --record."""
    parser.add_argument("fits", type=Path, metavar="FITS", help="The folder that `relscale fit` wrote.")
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="Write the forecasts with the digests of their data and code to this .parquet or .csv; `relscale "
        "score-forecasts` scores them once the models exist.",
    )


def forecast_cells(row: "ForecastRow | OutcomeRow") -> list[object]:
    """The cells of a forecast under ``HEADS``."""
    names = ("suite", "metric", "corpus", "group", "baseline", "training_flops", "value", "low", "high")
    return [getattr(row, name) for name in names]


def run(options: argparse.Namespace) -> None:
    """Show the ensemble's forecasts of a fit, with prediction intervals; with --record put them on record.

    The intervals come from backtests inside the data: too narrow where a curve bends beyond them.
    """
    from tabulate import tabulate

    from relscale.fitting.fits import read
    from relscale.fitting.forecasts.candidates import ENSEMBLE
    from relscale.fitting.forecasts.forecast import ForecastRow
    from relscale.fitting.forecasts.record import record
    from relscale.rows import rows_of

    fits = read(options.fits)
    shown = [
        [
            *forecast_cells(row),
            row.note or row.status,
        ]
        for row in rows_of(ForecastRow, fits.tables["forecasts"])
        if row.candidate == ENSEMBLE
    ]
    print(
        tabulate(shown, headers=[*HEADS, "status"], floatfmt=".4g") if shown else "the fit has no forecasts"
    )
    if options.record:
        rows = record(fits, options.record)
        print(f"\n{len(rows)} forecasts recorded: {options.record}")
