"""``relscale capabilities``: the components of many models' benchmark scores, and forecasts of further models."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relscale.laws.law import Array

HELP = "principal components of models' benchmark scores, a line in compute per family, and larger models of a family"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TABLE, its columns, --components, --at and --where."""
    parser.add_argument("table", type=Path, help="One row per model (.parquet, .csv, .tsv, .jsonl).")
    parser.add_argument(
        "--benchmarks", required=True, metavar="COLUMNS", help="Columns of scores: MMLU,ARC,GSM8K."
    )
    parser.add_argument("--family", required=True, metavar="COLUMN", help="Column of the model's family.")
    parser.add_argument("--compute", required=True, metavar="COLUMN", help="Training compute, in any unit.")
    parser.add_argument(
        "--components", type=int, default=3, metavar="N", help="Number of components (default: 3)."
    )
    parser.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="FAMILY=COMPUTE",
        help="Forecast the scores of a model of that family with that compute.",
    )
    parser.add_argument(
        "--where", action="append", default=[], metavar="CONDITION", help="Rows: tuned=0, year>=2023."
    )


def run(options: argparse.Namespace) -> None:
    """Print the components, how they grow with compute within families, and the scores that --at asks for.

    Missing scores are filled in from the first component, and models without compute are left out of the lines. The
    error that is printed is that of every model but the smallest of its family, forecast from the others and that one.
    """
    import numpy as np
    from tabulate import tabulate

    from relscale.columns import numbers, words
    from relscale.errors import RelscaleError
    from relscale.fitting.capabilities import completed, components, forecast, held_out
    from relscale.row_filter import filter_rows
    from relscale.tables import listed, read_table, table_name

    name, benchmarks = table_name(options.table), options.benchmarks.split(",")
    table = filter_rows(read_table(options.table), options.where, name)
    for column in (*benchmarks, options.family, options.compute):
        if column not in table.column_names:
            raise RelscaleError(f"{name}: no column {column!r}; it has {listed(table.column_names)}")

    def of(column: str) -> "Array":
        return np.asarray(numbers(table[column], f"{name}: column {column!r}").to_numpy(), dtype=float)

    families = words(table[options.family], f"{name}: column {options.family!r}")
    scores, compute = np.stack([of(benchmark) for benchmark in benchmarks], axis=1), of(options.compute)
    count = min(options.components, len(benchmarks))
    if count < 1:
        raise RelscaleError(f"--components: {options.components}; at least 1")
    empty = [
        benchmark for benchmark, column in zip(benchmarks, scores.T, strict=True) if np.isnan(column).all()
    ]
    scored = np.isfinite(scores).any(axis=1)
    if empty or scored.sum() < 3:
        problem = f"no score in column {empty[0]!r}" if empty else "fewer than 3 models have a score"
        raise RelscaleError(f"{name}: {problem}")
    filled = completed(scores[scored])
    space = components(filled)
    rows = [
        [f"component {i + 1}", f"{100 * space.shares[i]:.1f}%", *(f"{x:.2f}" for x in space.loadings[i])]
        for i in range(count)
    ]
    print(f"{scored.sum()} models, {np.isnan(scores[scored]).sum()} of {filled.size} scores missing\n")
    print(tabulate(rows, ["", "variance", *benchmarks], disable_numparse=True))
    of_lines = np.isfinite(np.log(np.where(compute > 0, compute, np.nan)))[scored]
    of_family = [families[i] for i in np.flatnonzero(scored)[of_lines]]
    log_compute = np.log(compute[scored][of_lines])
    lines = filled[of_lines]
    error = held_out(lines, log_compute, of_family, count)
    if np.isfinite(error):
        print(f"\nlarger models of a family from its smallest: mean error {error:.3f} of a score")
    if options.at:
        targets = [text.rpartition("=") for text in options.at]
        for family, _, value in targets:
            if family not in of_family:
                raise RelscaleError(
                    f"--at: no family {family!r} with compute; there are {listed(sorted(set(of_family)))}"
                )
            if not _positive(value):
                raise RelscaleError(f"--at: {value!r} is not a positive compute; write FAMILY=COMPUTE")
        ahead = np.log([float(value) for _, _, value in targets])
        known = np.arange(len(lines) + len(ahead)) < len(lines)
        forecasts = forecast(
            np.concatenate([lines, np.full((len(ahead), len(benchmarks)), np.nan)]),
            np.concatenate([log_compute, ahead]),
            [*of_family, *(family for family, _, _ in targets)],
            known,
            count,
        )
        shown = [
            [f"{family} at {value}", *(f"{x:.3f}" for x in row)]
            for (family, _, value), row in zip(targets, forecasts[~known], strict=True)
        ]
        print("\n" + tabulate(shown, ["forecast", *benchmarks], disable_numparse=True))
        low, high = lines.min(axis=0), lines.max(axis=0)
        beyond = np.any((forecasts[~known] < low) | (forecasts[~known] > high), axis=0)
        if beyond.any():
            outside = ", ".join(benchmarks[i] for i in np.flatnonzero(beyond))
            print(f"beyond any score of the table, where a line may not hold: {outside}")


def _positive(text: str) -> bool:
    try:
        return 0 < float(text) < float("inf")
    except ValueError:
        return False
