"""``relscale quantization``: effect of quantized weights on scores and Δβ."""

import argparse
from pathlib import Path

from relscale.commands.outputs import output_table

HELP = "effect of int8 or int4 weights on answers, log-probabilities and Δβ, from two folders of results"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FIRST, SECOND, --output and --slopes."""
    parser.add_argument("first", type=Path, help="Results of an experiment, such as results/laptop.")
    parser.add_argument(
        "second", type=Path, help="Results of the same models scored with scoring.quantization: int8 or int4."
    )
    parser.add_argument(
        "--output", type=output_table, help="Write the changes per item to this .parquet or .csv."
    )
    parser.add_argument(
        "--slopes", type=output_table, help="Write the changes of Δβ to this .parquet or .csv."
    )


def run(options: argparse.Namespace) -> None:
    """Print the share of changed answers and log-probabilities, per suite and group, and the change of Δβ."""
    from statistics import median

    from tabulate import tabulate

    from relscale.storage.rows import names_of, table_of
    from relscale.storage.tables import write_table
    from relscale.studies.quantization_effect import (
        ItemEffectRow,
        SlopeEffectRow,
        item_effects,
        slope_effects,
    )

    items = list(item_effects(options.first, options.second))
    slopes = list(slope_effects(options.first, options.second))
    if options.output:
        write_table(table_of(ItemEffectRow, items), options.output)
    if options.slopes:
        write_table(table_of(SlopeEffectRow, slopes), options.slopes)
    names = names_of(ItemEffectRow)
    print(tabulate([[getattr(row, name) for name in names] for row in items], names, floatfmt=".3g"))
    if not slopes:
        print("No Δβ is in both results; fit both to compare them.")
        return
    summary = []
    for suite, metric in dict.fromkeys((row.suite, row.metric) for row in slopes):
        metric_rows = [row for row in slopes if (row.suite, row.metric) == (suite, metric)]
        changes = [abs(row.change) for row in metric_rows]
        widths = [
            (row.high - row.low) / 2 for row in metric_rows if row.high is not None and row.low is not None
        ]
        summary.append(
            (
                suite,
                metric,
                len(metric_rows),
                median(changes),
                max(changes),
                median(widths) if widths else None,
            )
        )
    head = (
        "suite",
        "metric",
        "curves",
        "median |change of Δβ|",
        "largest",
        "median half-width of its interval",
    )
    print()
    print(tabulate(summary, head, floatfmt=".3g"))
