"""``relscale ability``: abilities of models and the ease of items, from a table of answers."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relscale.laws.law import Array

HELP = "abilities of models and easiness of items (Rasch, 2PL) from answers, and the most informative items"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TABLE, its columns, --slopes, --choose, --at and --where."""
    parser.add_argument("table", type=Path, help="One row per model and item (.parquet, .csv, .tsv, .jsonl).")
    for option, meaning in (
        ("model", "the model"),
        ("item", "the item"),
        ("score", "right or wrong, 1 or 0"),
    ):
        parser.add_argument(f"--{option}", required=True, metavar="COLUMN", help=f"The column of {meaning}.")
    parser.add_argument("--compute", metavar="COLUMN", help="Training compute: fit ability = a · ln F + b.")
    parser.add_argument("--slopes", action="store_true", help="2PL: items differ in discrimination.")
    parser.add_argument(
        "--choose", type=int, default=0, metavar="N", help="List the N most informative items."
    )
    parser.add_argument("--at", metavar="COMPUTE", help="The expected accuracy of a model with that compute.")
    parser.add_argument(
        "--where", action="append", default=[], metavar="CONDITION", help="Rows: suite=mmlu, seed=0."
    )


def run(options: argparse.Namespace) -> None:
    """Print each model's ability with its standard error, and what --compute, --choose and --at ask for.

    A score may also be a probability. Rasch's model knows no guessing: abilities of models near chance are noise.
    """
    import numpy as np
    from tabulate import tabulate

    from relscale.columns import numbers, words
    from relscale.errors import RelscaleError
    from relscale.fitting.items.rasch import abilities, calibrated
    from relscale.row_filter import filter_rows
    from relscale.tables import listed, read_table, table_name

    name = table_name(options.table)
    table = filter_rows(read_table(options.table), options.where, name)
    named = [options.model, options.item, options.score, *([options.compute] if options.compute else [])]
    for column in named:
        if column not in table.column_names:
            raise RelscaleError(f"{name}: no column {column!r}; it has {listed(table.column_names)}")

    def of(column: str) -> "Array":
        return np.asarray(numbers(table[column], f"{name}: column {column!r}").to_numpy(), dtype=float)

    score = of(options.score)
    if ((score < 0) | (score > 1)).any():
        raise RelscaleError(f"{name}: column {options.score!r} holds numbers that are not from 0 to 1")
    rows, columns = (
        np.array(words(table[each], f"{name}: column {each!r}"), dtype=object) for each in named[:2]
    )
    models, row = np.unique(rows.astype(str), return_inverse=True)
    items, column = np.unique(columns.astype(str), return_inverse=True)
    if len(models) < 2 or len(items) < 2:
        raise RelscaleError(f"{name}: {len(models)} models and {len(items)} items; two of each are needed")
    if len(set(zip(row, column, strict=True))) < len(row):
        raise RelscaleError(f"{name}: a model has several scores of an item; choose rows by --where")
    answers = np.full((len(models), len(items)), np.nan)
    answers[row, column] = score
    found, _ = calibrated(answers, slopes=options.slopes)
    theta, error = abilities(answers, found)
    shown = [
        [model, t, e, a, x]
        for model, t, e, a, x in zip(
            models, theta, error, np.nanmean(answers, axis=1), found.accuracy(theta), strict=True
        )
    ]
    shown.sort(key=lambda each: -each[1])
    print(f"{len(models)} models, {len(items)} items, {np.isnan(answers).sum()} answers missing\n")
    print(tabulate(shown, ["model", "ability", "stderr", "mean score", "over all items"], floatfmt=".3f"))
    if options.choose:
        information = found.information(theta).mean(axis=0)
        best = np.argsort(-information)[: options.choose]
        cells = [[items[j], found.ease[j], found.slope[j], information[j]] for j in best]
        print("\n" + tabulate(cells, ["item", "ease", "slope", "information"], floatfmt=".3f"))
    if options.compute:
        compute = np.full(len(models), np.nan)
        compute[row] = of(options.compute)
        use = np.isfinite(compute) & (compute > 0)
        if len(set(compute[use])) < 3:
            raise RelscaleError(f"{name}: a line of ability needs three different {options.compute}")
        slope, level = np.polyfit(np.log(compute[use]), theta[use], 1, w=1 / error[use])
        print(f"\nability = {slope:.4f} · ln {options.compute} {level:+.4f}, {use.sum()} models")
        if options.at:
            try:
                at = float(options.at)
            except ValueError:
                at = 0.0
            if not 0 < at < np.inf:
                raise RelscaleError(f"--at: {options.at!r} is not a positive compute")
            ahead = np.array([slope * np.log(at) + level])
            print(f"at {at:g}: ability {ahead[0]:.3f}, accuracy {found.accuracy(ahead)[0]:.3f}")
    elif options.at:
        raise RelscaleError("--at: name the column of compute too, by --compute")
