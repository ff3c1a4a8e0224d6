"""``relscale score-forecasts RECORD FITS``: compare recorded forecasts with later measurements."""

import argparse
from pathlib import Path

from relscale.commands.forecast import HEADS, forecast_cells
from relscale.commands.outputs import output_table

HELP = "score recorded forecasts against a later fit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RECORD, FITS and --output."""
    parser.add_argument("record", type=Path, metavar="RECORD", help="Output of `relscale forecast --record`.")
    parser.add_argument(
        "fits", type=Path, metavar="FITS", help="Folder of a later fit that includes the new models."
    )
    parser.add_argument("--output", type=output_table, help="Write the outcomes to this .parquet or .csv.")


def run(options: argparse.Namespace) -> None:
    """Compare recorded forecasts with the points of a later fit at the same compute.

    Prints for each forecast the measured value, the error, and whether the interval covers it, and overall the median
    error and the coverage.
    """
    import numpy as np
    from tabulate import tabulate

    from relscale.fitting.fits import read
    from relscale.fitting.forecasts.record import OutcomeRow, score_record
    from relscale.storage.rows import table_of
    from relscale.storage.tables import write_table

    rows = score_record(options.record, read(options.fits))
    shown = [
        [
            *forecast_cells(row),
            row.observed,
            row.log_error,
            row.covered,
            row.note or row.status,
        ]
        for row in rows
    ]
    print(tabulate(shown, headers=[*HEADS, "measured", "ln error", "covered", "status"], floatfmt=".4g"))
    errors = [abs(row.log_error) for row in rows if row.log_error is not None]
    covered = [row.covered for row in rows if row.covered is not None]
    if errors:
        coverage = f", interval coverage {sum(covered)} of {len(covered)}" if covered else ""
        print(
            f"\n{len(errors)} of {len(rows)} have been measured: median |ln error| {np.median(errors):.4g}{coverage}"
        )
    else:
        print(
            f"\nnone of the {len(rows)} forecasts is measured in {options.fits}: the column status says why"
        )
    if options.output:
        write_table(table_of(OutcomeRow, rows), options.output)
        print(f"written: {options.output}")
