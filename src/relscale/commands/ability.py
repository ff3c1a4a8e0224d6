"""``relscale ability``: abilities of models and easiness of items, from a table of answers."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from relscale.confidence import check_level
from relscale.errors import RelscaleError

if TYPE_CHECKING:
    from relscale.laws.law import Array

HELP = "item response models (Rasch, 2PL): abilities of models, easiness of items, forecasts of larger models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TABLE, its columns, the model, --choose, --at and --where."""
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
        "--group", metavar="COLUMN", help="Column of the item's group; one line in compute per group."
    )
    parser.add_argument(
        "--chance",
        type=float,
        default=0.0,
        metavar="P",
        help="Accuracy of a model without ability: 0.25 for four choices (default: 0).",
    )
    parser.add_argument(
        "--slopes", action="store_true", help="Fit the 2PL model, in which items differ in discrimination."
    )
    parser.add_argument(
        "--choose", type=int, default=0, metavar="N", help="List the N most informative items."
    )
    parser.add_argument(
        "--at", metavar="COMPUTE", help="Forecast the accuracy of a model with this training compute."
    )
    parser.add_argument(
        "--backtest",
        action="store_true",
        help="Print the error of forecasts of the larger models from the smaller ones.",
    )
    parser.add_argument(
        "--level", type=float, default=0.95, metavar="P", help="Confidence level (default: 0.95)."
    )
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="Keep the rows that satisfy a condition: suite=mmlu, seed=0.",
    )


@dataclass(frozen=True)
class AnswerTable:
    """Answers of models to items.

    Attributes
    ----------
    name
        Name of the table, for messages.
    remark
        How many of its rows meet the conditions; empty without conditions.
    models, items, groups
        Names of the n models and the k items, and the group of each item.
    answers
        (n, k) scores from 0 to 1, NaN if missing.
    compute
        (n,) training compute, NaN if it is unknown or not positive.
    """

    name: str
    remark: str
    models: list[str]
    items: list[str]
    groups: list[str]
    answers: "Array"
    compute: "Array"


def run(options: argparse.Namespace) -> None:
    """Print the ability of each model with its standard error, and the accuracy of a larger model.

    A score can also be a probability. Without ``--chance`` the abilities of models near chance are noise. The forecast
    is the accuracy that a further model would be measured at on the items of the table.
    """
    at = _checked(options)
    table = _read(options)
    _print_abilities(table, options)
    if options.compute:
        _print_lines(table, options, at)


def _checked(options: argparse.Namespace) -> float | None:
    """The compute of the forecast, after a check of options against each other."""
    if not 0 <= options.chance < 1:
        raise RelscaleError(f"--chance: {options.chance:g} is not an accuracy from 0 to 1")
    check_level(options.level, "--level")
    for option in ("at", "group", "backtest"):
        if getattr(options, option) and not options.compute:
            raise RelscaleError(f"--{option}: give the column of compute as well, with --compute")
    if options.slopes and options.compute:
        raise RelscaleError("--slopes: the line along compute is of the Rasch model; leave out one of both")
    if options.at is None:
        return None
    try:
        at = float(options.at)
    except ValueError:
        at = 0.0
    if not 0 < at < float("inf"):
        raise RelscaleError(f"--at: {options.at!r} is not a positive compute")
    return at


def _read(options: argparse.Namespace) -> AnswerTable:
    """The answers, one per model and item."""
    import numpy as np

    from relscale.compute_columns import check_no_logarithm, of_each
    from relscale.storage.columns import numbers, words
    from relscale.storage.tables import listed, read_table, table_name
    from relscale.table_fit.row_filter import filter_rows

    name = table_name(options.table)
    labels = [column for column in (options.model, options.item, options.group) if column]
    table, remark, name = filter_rows(read_table(options.table, names=labels), options.where, name)
    optional = [column for column in (options.compute, options.group) if column]
    for column in (options.model, options.item, options.score, *optional):
        if column not in table.column_names:
            raise RelscaleError(f"{name}: no column {column!r}; it has {listed(table.column_names)}")

    def column_numbers(column: str) -> "Array":
        cells = table[column]
        cells = cells.cast("int8") if str(cells.type) == "bool" else cells  # right or wrong
        return np.asarray(numbers(cells, f"{name}: column {column!r}").to_numpy(), dtype=float)

    def names(column: str) -> tuple[list[str], "np.ndarray"]:
        labels = np.array(words(table[column], f"{name}: column {column!r}"), dtype=object).astype(str)
        different, index = np.unique(labels, return_inverse=True)
        return [str(label) for label in different], index

    score = column_numbers(options.score)
    if ((score < 0) | (score > 1)).any():
        raise RelscaleError(f"{name}: column {options.score!r} has numbers outside 0 to 1")
    (models, row), (items, column) = names(options.model), names(options.item)
    if len(models) < 2 or len(items) < 2:
        raise RelscaleError(
            f"{name}: {len(models)} models and {len(items)} items; at least two of each are needed"
        )
    if np.bincount(row * len(items) + column).max() > 1:
        raise RelscaleError(f"{name}: a model has several scores for an item; select rows with --where")
    answers = np.full((len(models), len(items)), np.nan)
    answers[row, column] = score
    compute = np.full(len(models), np.nan)
    if options.compute:
        given = column_numbers(options.compute)
        check_no_logarithm(options.compute, given, name)
        compute = of_each(given, row, models, options.compute, name)
        compute[~(np.isfinite(compute) & (compute > 0))] = np.nan
    groups, group = names(options.group) if options.group else (["all items"], np.zeros_like(column))
    of_item = np.zeros(len(items), dtype=int)
    of_item[column] = group
    if (of_item[column] != group).any():
        item = items[column[of_item[column] != group][0]]
        raise RelscaleError(f"{name}: item {item!r} is in several groups of {options.group!r}")
    return AnswerTable(name, remark, models, items, [groups[i] for i in of_item], answers, compute)


def _print_abilities(table: AnswerTable, options: argparse.Namespace) -> None:
    """Abilities of the models, and the most informative items."""
    import numpy as np
    from tabulate import tabulate

    from relscale.fitting.items.rasch import abilities, calibrated

    items, _ = calibrated(table.answers, slopes=options.slopes, guess=options.chance)
    theta, error = abilities(table.answers, items)
    shown = [
        [model, t, e, a, x]
        for model, t, e, a, x in zip(
            table.models,
            theta,
            error,
            np.nanmean(table.answers, axis=1),
            items.accuracy(theta),
            strict=True,
        )
    ]
    shown.sort(key=lambda cells: -cells[1])
    missing = np.isnan(table.answers).sum()
    print(f"{len(table.models)} models, {len(table.items)} items, {missing} answers missing")
    print(f"{table.remark}\n" if table.remark else "")
    print(tabulate(shown, ["model", "ability", "stderr", "mean score", "over all items"], floatfmt=".3f"))
    if options.choose:
        information = items.information(theta).mean(axis=0)
        best = np.argsort(-information)[: options.choose]
        cells = [[table.items[j], items.ease[j], items.slope[j], information[j]] for j in best]
        print("\n" + tabulate(cells, ["item", "ease", "slope", "information"], floatfmt=".3f"))


def _print_lines(table: AnswerTable, options: argparse.Namespace, at: float | None) -> None:
    """The line of abilities of each group, the forecast, and the errors of backtests."""
    import numpy as np
    from tabulate import tabulate

    from relscale.fitting.items.accuracy_backtest import CANDIDATES, backtest
    from relscale.fitting.items.below_guessing import share_below_guessing
    from relscale.fitting.items.latent_regression import FEWEST, latent_regression

    shown, errors = [], []
    for group in dict.fromkeys(sorted(table.groups)):
        answers = table.answers[:, np.array(table.groups) == group]
        used = np.isfinite(table.compute) & np.isfinite(answers).any(axis=1)
        compute, answers = table.compute[used], answers[used]
        if len(compute) < FEWEST or len(set(compute.tolist())) < FEWEST - 1:
            computes = f"{len(compute)} models with {len(set(compute.tolist()))} values of {options.compute}"
            raise RelscaleError(
                f"{table.name}: {group}: {computes}; the line needs {FEWEST} models with {FEWEST - 1} values"
            )
        if options.chance and (never := share_below_guessing(answers, options.chance)):
            print(
                f"{table.name}: {group}: no model answers {never:.0%} of the items right, more than guessing at "
                f"{options.chance:g} explains, so the forecast is biased; without --chance the floor is 0",
                file=sys.stderr,
            )
        fit = latent_regression(answers, compute, options.chance)
        row = [group, answers.shape[1], len(compute), fit.slope, *fit.slope_interval(options.level)]
        row += [fit.level, fit.scatter]
        if at is not None:
            row += fit.forecast(at, options.level)
        shown.append(row)
        if options.backtest:
            found = backtest(answers, compute, options.chance)
            errors.append([group, found.forecasts, *(found.mean_error[name] for name in CANDIDATES)])
    print(f"\nability = slope · ln {options.compute} + level, Rasch; {options.level:.0%} intervals\n")
    headers = ["group", "items", "models", "slope", "low", "high", "level", "scatter"]
    if at is not None:
        headers += [f"accuracy at {at:g}", "low", "high"]
    print(tabulate(shown, headers, floatfmt=".3f"))
    if options.backtest:
        print("\nmean absolute errors of forecasts of larger models from smaller ones\n")
        print(tabulate(errors, ["group", "forecasts", *CANDIDATES], floatfmt=".4f"))
