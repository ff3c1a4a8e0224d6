"""``relscale quantization``: what quantized weights change, from two scorings of the same models."""

import argparse
from pathlib import Path

HELP = "what int8 or int4 weights change: answers, log-probabilities and Δβ, from two folders of results"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FIRST, SECOND, --output and --slopes."""
    parser.add_argument("first", type=Path, help="Results of an experiment, such as results/laptop.")
    parser.add_argument(
        "second", type=Path, help="Results of the same models scored with scoring.quantization: int8 or int4."
    )
    parser.add_argument("--output", type=Path, help="Write the changes of items (.parquet or .csv).")
    parser.add_argument("--slopes", type=Path, help="Write the change of every Δβ (.parquet or .csv).")


def run(options: argparse.Namespace) -> None:
    """Print how often answers flip and log-probabilities change, per suite and group, and how far Δβ moves."""
    from statistics import median

    from tabulate import tabulate

    from relscale.quantization_effect import ItemEffectRow, SlopeEffectRow, item_effects, slope_effects
    from relscale.rows import names_of, table_of
    from relscale.tables import write_table

    items = list(item_effects(options.first, options.second))
    slopes = list(slope_effects(options.first, options.second))
    if options.output:
        write_table(table_of(ItemEffectRow, items), options.output)
    if options.slopes:
        write_table(table_of(SlopeEffectRow, slopes), options.slopes)
    names = names_of(ItemEffectRow)
    print(tabulate([[getattr(row, name) for name in names] for row in items], names, floatfmt=".3g"))
    if not slopes:
        print("No Δβ is in both; fit both to see how far it moves.")
        return
    summary = []
    for suite, metric in dict.fromkeys((row.suite, row.metric) for row in slopes):
        own = [row for row in slopes if (row.suite, row.metric) == (suite, metric)]
        changes = [abs(row.change) for row in own]
        widths = [(row.high - row.low) / 2 for row in own if row.high is not None and row.low is not None]
        summary.append(
            (suite, metric, len(own), median(changes), max(changes), median(widths) if widths else None)
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
