"""``relscale forecast FITS``: show and record the forecasts of a fit."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from relscale.commands.outputs import output_table

if TYPE_CHECKING:
    from relscale.fitting.forecasts.forecast import ForecastRow
    from relscale.fitting.forecasts.record import OutcomeRow

HELP = "show or record the forecasts of a fit"
HEADS = ("suite", "metric", "corpus", "group", "over", "FLOPs", "forecast", "low", "high")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FITS and --record."""
    parser.add_argument("fits", type=Path, metavar="FITS", help="Output folder of `relscale fit`.")
    parser.add_argument(
        "--record",
        type=output_table,
        metavar="FILE",
        help="Write the forecasts with the digests of their data and code to this .parquet or .csv; `relscale "
        "score-forecasts` scores them once the models exist.",
    )


def forecast_cells(row: "ForecastRow | OutcomeRow") -> list[object]:
    """The cells of a forecast under ``HEADS``."""
    names = ("suite", "metric", "corpus", "group", "baseline", "training_flops", "value", "low", "high")
    return [getattr(row, name) for name in names]


def run(options: argparse.Namespace) -> None:
    """Show the ensemble forecasts of a fit with prediction intervals, and record them with --record.

    The intervals are calibrated by backtests inside the data; they are too narrow if a curve bends beyond it.
    """
    from tabulate import tabulate

    from relscale.fitting.fits import read
    from relscale.fitting.forecasts.candidates import ENSEMBLE
    from relscale.fitting.forecasts.forecast import ForecastRow
    from relscale.fitting.forecasts.record import record
    from relscale.storage.rows import rows_of

    fits = read(options.fits)
    shown = [
        [
            *forecast_cells(row),
            row.note or row.status,
        ]
        for row in rows_of(ForecastRow, fits["forecasts"])
        if row.candidate == ENSEMBLE
    ]
    print(
        tabulate(shown, headers=[*HEADS, "status"], floatfmt=".4g") if shown else "the fit has no forecasts"
    )
    if options.record:
        recorded = record(fits, options.record)
        left_out = (
            f"; {recorded.contained} left out, whose models the fit contains" if recorded.contained else ""
        )
        print(f"\n{len(recorded.rows)} forecasts recorded: {options.record}{left_out}")
