"""``relscale ability``: abilities of models and easiness of items, from a table of answers."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relscale.laws.law import Array

HELP = "item response models (Rasch, 2PL): abilities of models, easiness of items, most informative items"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TABLE, its columns, --slopes, --choose, --at and --where."""
    parser.add_argument("table", type=Path, help="One row per model and item (.parquet, .csv, .tsv, .jsonl).")
    for option, meaning in (
        ("model", "the model"),
        ("item", "the item"),
        ("score", "the score: 1 if correct, else 0"),
    ):
        parser.add_argument(f"--{option}", required=True, metavar="COLUMN", help=f"The column of {meaning}.")
    parser.add_argument(
        "--compute", metavar="COLUMN", help="Column of the training compute F; fits ability = a · ln F + b."
    )
    parser.add_argument(
        "--slopes", action="store_true", help="Fit the 2PL model, in which items differ in discrimination."
    )
    parser.add_argument(
        "--choose", type=int, default=0, metavar="N", help="List the N most informative items."
    )
    parser.add_argument(
        "--at", metavar="COMPUTE", help="Predict the accuracy of a model with this training compute."
    )
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="Keep the rows that satisfy a condition: suite=mmlu, seed=0.",
    )


def run(options: argparse.Namespace) -> None:
    """Print the ability of each model with its standard error.

    A score can also be a probability. The Rasch model has no guessing parameter: abilities of models near chance are
    noise.
    """
    import numpy as np
    from tabulate import tabulate

    from relscale.errors import RelscaleError
    from relscale.fitting.items.rasch import abilities, ability_line, calibrated
    from relscale.storage.columns import numbers, words
    from relscale.storage.tables import listed, read_table, table_name
    from relscale.table_fit.row_filter import filter_rows

    name = table_name(options.table)
    table = filter_rows(read_table(options.table), options.where, name)
    used = [options.model, options.item, options.score, *([options.compute] if options.compute else [])]
    for column in used:
        if column not in table.column_names:
            raise RelscaleError(f"{name}: no column {column!r}; it has {listed(table.column_names)}")

    def column_numbers(column: str) -> "Array":
        return np.asarray(numbers(table[column], f"{name}: column {column!r}").to_numpy(), dtype=float)

    score = column_numbers(options.score)
    if ((score < 0) | (score > 1)).any():
        raise RelscaleError(f"{name}: column {options.score!r} has numbers outside 0 to 1")
    rows, columns = (
        np.array(words(table[column], f"{name}: column {column!r}"), dtype=object) for column in used[:2]
    )
    models, row = np.unique(rows.astype(str), return_inverse=True)
    items, column = np.unique(columns.astype(str), return_inverse=True)
    if len(models) < 2 or len(items) < 2:
        raise RelscaleError(
            f"{name}: {len(models)} models and {len(items)} items; at least two of each are needed"
        )
    if len(set(zip(row, column, strict=True))) < len(row):
        raise RelscaleError(f"{name}: a model has several scores for an item; select rows with --where")
    answers = np.full((len(models), len(items)), np.nan)
    answers[row, column] = score
    items_model, _ = calibrated(answers, slopes=options.slopes)
    theta, error = abilities(answers, items_model)
    shown = [
        [model, t, e, a, x]
        for model, t, e, a, x in zip(
            models, theta, error, np.nanmean(answers, axis=1), items_model.accuracy(theta), strict=True
        )
    ]
    shown.sort(key=lambda cells: -cells[1])
    print(f"{len(models)} models, {len(items)} items, {np.isnan(answers).sum()} answers missing\n")
    print(tabulate(shown, ["model", "ability", "stderr", "mean score", "over all items"], floatfmt=".3f"))
    if options.choose:
        information = items_model.information(theta).mean(axis=0)
        best = np.argsort(-information)[: options.choose]
        cells = [[items[j], items_model.ease[j], items_model.slope[j], information[j]] for j in best]
        print("\n" + tabulate(cells, ["item", "ease", "slope", "information"], floatfmt=".3f"))
    if options.compute:
        compute = np.full(len(models), np.nan)
        compute[row] = column_numbers(options.compute)
        use = np.isfinite(compute) & (compute > 0)
        if len(set(compute[use])) < 3:
            raise RelscaleError(
                f"{name}: the fit of ability needs at least three values of {options.compute}"
            )
        slope, level = ability_line(np.log(compute[use]), theta[use], error[use])
        print(f"\nability = {slope:.4f} · ln {options.compute} {level:+.4f}, {use.sum()} models")
        if options.at:
            try:
                at = float(options.at)
            except ValueError:
                at = 0.0
            if not 0 < at < np.inf:
                raise RelscaleError(f"--at: {options.at!r} is not a positive compute")
            ahead = np.array([slope * np.log(at) + level])
            print(f"at {at:g}: ability {ahead[0]:.3f}, accuracy {items_model.accuracy(ahead)[0]:.3f}")
    elif options.at:
        raise RelscaleError("--at: give the column of compute as well, with --compute")
