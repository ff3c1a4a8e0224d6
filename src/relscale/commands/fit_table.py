"""``relscale fit TABLE --law``: one law on any table."""

import argparse
import csv
import io
from collections.abc import Sequence
from functools import partial

from relscale.commands.laws import known_laws
from relscale.commands.listing import complete_by
from relscale.commands.outputs import default_output, output_page
from relscale.confidence import LEVEL
from relscale.errors import RelscaleError
from relscale.fixed_parameters import fixed_parameters

NAMES = ("group", "baseline", "corpus", "block", "cluster", "tokens", "params")
SETTINGS = ("residual", "loss", "delta", "level", "seed", "bootstrap")
COLUMNS = ("x", "y", *NAMES, "run_key", "plot", "report")  # options of a single law only


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of a single law on any table."""
    law = parser.add_argument_group("one law on any table")
    law_name = law.add_argument(
        "--law",
        help="Name of a law, see `relscale laws` (default: relative if there are groups, else power).",
    )
    complete_by(law_name, known_laws)
    _add_columns(law)
    _add_settings(law)
    page = partial(law.add_argument, type=output_page, metavar="HTML")
    page("--plot", help="Write the figure to this .html; other formats are written beside it.")
    page("--report", help="Write an HTML report with verdicts, curves and forecasts.")


def _add_columns(law: argparse._ArgumentGroup) -> None:
    """Options that name the columns of the table."""
    column = partial(law.add_argument, metavar="COLUMN")
    column(
        "--x",
        help="Column of the training compute; for other laws, columns of their predictors, separated by "
        "commas (double quotes around a name that contains one).",
    )
    column(
        "--y",
        help="Column of the error (positive, lower is better); for a wide table one column per group, "
        "separated by commas (double quotes around a name that contains one).",
    )
    column("--group", help="Column of the test distribution.")
    law.add_argument(
        "--baseline",
        metavar="GROUP",
        help="The group that the others are compared with; mean compares each with the geometric mean of the others.",
    )
    column("--corpus", help="Fit each value of this column separately.")
    law.add_argument(
        *("--run-key", "--run"),
        metavar="COLUMNS",
        help="Columns that identify a model, separated by commas (default: run, else --x).",
    )
    column(
        "--block",
        help="Column that identifies the training run of checkpoints (default: block, else each run).",
    )
    column(
        "--cluster", help="Not supported for tables: items are clustered by the option cluster of a suite."
    )
    column("--tokens", help="Training tokens.")
    column("--params", help="Parameters.")


def _add_settings(law: argparse._ArgumentGroup) -> None:
    """Options of the fit, the selection of rows and the forecast targets."""
    law.add_argument(
        "--residual",
        choices=["log", "linear"],
        default="log",
        help="Fit residuals of log y (default) or of y.",
    )
    law.add_argument(
        "--loss",
        choices=["squares", "huber"],
        default="squares",
        help="Least squares (default) or Huber's loss of the residuals.",
    )
    law.add_argument(
        "--delta",
        type=float,
        help="Threshold of Huber's loss (default: 0.001, in ln y or as a share of the median y).",
    )
    repeated = partial(law.add_argument, action="append", default=[])
    repeated("--fix", metavar="NAME=VALUE", help="Fix a parameter at a value; can be repeated.")
    repeated(
        "--anchor",
        metavar="NUMBERS",
        help="Exact point that the curve must pass through, in the order of --x and --y, such as 0,1 for an "
        "accuracy of 1 at loss 0; can be repeated.",
    )
    law.add_argument(
        "--level", type=float, default=LEVEL, help=f"Confidence level of the intervals (default: {LEVEL})."
    )
    law.add_argument("--seed", type=int, default=0, help="Seed of the bootstrap (default: 0).")
    law.add_argument(
        "--draws",
        dest="bootstrap",
        metavar="N",
        type=int,
        default=1000,
        help="Bootstrap draws, where intervals are resampled (default: 1000); 0 for none.",
    )
    repeated(
        "--at",
        metavar="FLOPS",
        help="Forecast at these computes, 1e22,1e24, or for a model, training_flops=1e24,params=7e9,tokens=2e13; "
        "can be repeated (default: 10 times the largest of the table).",
    )
    repeated(
        "--where",
        metavar="CONDITION",
        help="Keep the rows that satisfy a condition: model=7B, step>=1000, seed!=3; can be repeated.",
    )


def run(options: argparse.Namespace) -> None:
    """Fit one law to any table, print the result and write it."""
    from relscale.storage.tables import table_name
    from relscale.table_fit.checks import check_output, check_reported
    from relscale.table_fit.fit import fit

    beside = options.table.with_name(f"{table_name(options.table)}.fits.parquet")
    output = options.output or default_output(beside)
    if output.resolve() == options.table.resolve():
        raise RelscaleError(f"--output: {output} is the table itself")
    check_output(output)
    if options.report:
        check_reported(options.law or "relative")
    result = fit(
        options.table,
        options.law,
        x=columns(options.x) if options.x else None,
        y=options.y,
        run=columns(options.run_key) if options.run_key else (),
        fixed=fixed_parameters(options.fix),
        anchor=anchors(options.anchor),
        at=targets(options.at),
        where=options.where,
        **{name: getattr(options, name) for name in (*NAMES, *SETTINGS)},
    )
    print(result)
    result.write(output)
    print(f"\nwritten: {output}")
    if options.plot:
        result.plot(options.plot)
        print(f"figure: {options.plot}")
    if options.report:
        result.report(options.report)
        print(f"report: {options.report}")


def anchors(texts: Sequence[str]) -> list[list[float]]:
    """Parse anchor points such as ``0,1``.

    Raises
    ------
    RelscaleError
        A text is not a list of numbers.
    """
    try:
        return [[float(number) for number in text.split(",")] for text in texts]
    except ValueError as reason:
        raise RelscaleError(f"--anchor: {reason}; write the numbers of --x and --y, such as 0,1") from None


def targets(texts: Sequence[str]) -> list[float | dict[str, float]]:
    """Parse forecast targets such as ``1e22,1e24`` and ``training_flops=1e24,params=7e9``.

    Raises
    ------
    RelscaleError
        A text is neither a list of computes nor a model.
    """
    parsed: list[float | dict[str, float]] = []
    for text in texts:
        try:
            if "=" in text:
                pairs = [pair.split("=") for pair in text.split(",")]
                parsed.append({name.strip(): float(value) for name, value in pairs})
            else:
                parsed += [float(number) for number in text.split(",")]
        except ValueError:
            raise RelscaleError(
                f"--at: {text!r} is neither compute, such as 1e22,1e24, nor a model, such as "
                "training_flops=1e24,params=7e9,tokens=2e13"
            ) from None
    return parsed


def columns(text: str) -> list[str]:
    """Names separated by commas; one that contains a comma is in double quotes, as in CSV.

    Raises
    ------
    RelscaleError
        The text is not such a list.
    """
    try:
        (names,) = csv.reader(io.StringIO(text, newline=""), strict=True)
    except (csv.Error, ValueError):
        raise RelscaleError(f"{text!r}: not a list of columns separated by commas") from None
    return names
