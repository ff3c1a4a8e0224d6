"""``relscale capabilities``: principal components or skills of benchmark scores, and forecasts of further models."""

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

from relscale.errors import RelscaleError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from relscale.laws.law import Array

HELP = (
    "principal components or skills of benchmark scores, their scaling, and forecasts within a model family"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TABLE, its columns, --model with its options, --at and --where."""
    parser.add_argument("table", type=Path, help="One row per model (.parquet, .csv, .tsv, .jsonl).")
    parser.add_argument(
        "--benchmarks",
        required=True,
        metavar="COLUMNS",
        help="Columns of scores, separated by commas: MMLU,ARC,GSM8K.",
    )
    parser.add_argument("--family", required=True, metavar="COLUMN", help="Column of the model's family.")
    parser.add_argument(
        "--model",
        choices=("components", "sloth"),
        default="components",
        help="components: principal components, each a line in --compute per family (default). sloth: sigmoids of "
        "skills, each linear in --params, --tokens and their product, as logarithms.",
    )
    parser.add_argument("--compute", metavar="COLUMN", help="Training compute, in any unit.")
    parser.add_argument("--params", metavar="COLUMN", help="sloth: parameters, in any unit.")
    parser.add_argument("--tokens", metavar="COLUMN", help="sloth: training tokens, in any unit.")
    parser.add_argument(
        "--chance",
        metavar="SCORES",
        help="sloth: chance scores, MMLU=0.25,Winogrande=0.5 (default: 0).",
    )
    parser.add_argument(
        "--components", type=int, default=3, metavar="N", help="Number of components or skills (default: 3)."
    )
    parser.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="FAMILY=COMPUTE",
        help="Forecast the scores of a model of a family at this compute; sloth: FAMILY=PARAMS,TOKENS.",
    )
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="Keep the rows that satisfy a condition: tuned=0, year>=2023.",
    )


@dataclass(frozen=True)
class Models:
    """The models of a table.

    Attributes
    ----------
    benchmarks
        Names of the k benchmarks.
    scores
        (n, k), NaN if missing.
    families
        Families of the n models.
    log_sizes
        (n, s) ln compute, or ln parameters and ln tokens; NaN if unknown.
    """

    benchmarks: list[str]
    scores: "Array"
    families: list[str]
    log_sizes: "Array"

    def where(self, kept: "NDArray[np.bool_]") -> "Models":
        """A subset of the models."""
        families = [family for family, is_kept in zip(self.families, kept, strict=True) if is_kept]
        return Models(self.benchmarks, self.scores[kept], families, self.log_sizes[kept])


def run(options: argparse.Namespace) -> None:
    """Print the components or skills of the scores, and the error of forecasts within families.

    Models of unknown size are excluded from the fit. Missing scores are imputed from the first component; sloth omits
    them. The forecast error is a leave-family-out error: the larger models of each family are forecast from the other
    families and the family's smallest model.
    """
    import numpy as np

    from relscale.fitting.capabilities import completed, held_out

    models, remark = _read(options)
    missing = np.isnan(models.scores)
    count = min(options.components, len(models.benchmarks))
    if count < 1:
        raise RelscaleError(f"--components: {options.components}; at least 1")
    has_size = np.asarray(np.isfinite(models.log_sizes).all(axis=1))
    targets = [_target(text, options.model, models.where(has_size).families) for text in options.at]
    print(f"{len(missing)} models, {missing.sum()} of {missing.size} scores missing")
    print(f"{remark}\n" if remark else "")
    if options.model == "sloth":
        method = _skills(models, count, _chance(options.chance, models.benchmarks))
    else:
        models = replace(models, scores=completed(models.scores))
        method = _components(models, count)
        models = models.where(has_size)
    larger = held_out(
        models.scores,
        models.log_sizes.sum(axis=1),
        models.families,
        lambda known: method(models.scores, models.log_sizes, models.families, known),
    )
    if np.isfinite(larger):
        print(f"\nforecasts of a family's larger models from its smallest: mean absolute error {larger:.3f}")
    if targets:
        _print_forecasts(models, targets, options.at, method)


# Scores of all models by their scores, log sizes and families, and which of them are known.
Method = Callable[["Array", "Array", list[str], "NDArray[np.bool_]"], "Array"]


def _skills(models: Models, count: int, chance: "Array") -> Method:
    """Fit sloth to all models, print the errors of the fit, and return the method."""
    from functools import partial

    import numpy as np
    from tabulate import tabulate

    from relscale.expected_time import announce
    from relscale.fitting import sloth

    method = partial(sloth.forecast, number=count, chance=chance)
    begin = process_time()
    fitted = method(models.scores, models.log_sizes, models.families, np.ones(len(models.families), bool))
    further = sum(count > 1 for count in Counter(models.families).values())
    announce(
        f"{further} further fits, one without each family",
        (process_time() - begin) * further,
        "fewer --components take less",
    )
    error = np.nanmean(np.abs(fitted - models.scores), axis=0)
    rows = [["mean error of the fit", *(f"{x:.3f}" for x in error)]]
    print(tabulate(rows, ["", *models.benchmarks], disable_numparse=True))
    return method


def _components(models: Models, count: int) -> Method:
    """Print the principal components of the scores, and return the method that forecasts by them."""
    from functools import partial

    from tabulate import tabulate

    from relscale.fitting.capabilities import components, forecast

    space = components(models.scores)
    rows = [
        [f"component {i + 1}", f"{100 * space.shares[i]:.1f}%", *(f"{x:.2f}" for x in space.loadings[i])]
        for i in range(count)
    ]
    print(tabulate(rows, ["", "variance", *models.benchmarks], disable_numparse=True))
    return partial(forecast, number=count)


def _print_forecasts(
    models: Models, targets: list[tuple[str, list[float]]], given: list[str], method: Method
) -> None:
    """Print the scores of further models of known families and sizes, and those outside the range of the table."""
    import numpy as np
    from tabulate import tabulate

    unknown = np.full((len(targets), len(models.benchmarks)), np.nan)
    known = np.arange(len(models.scores) + len(targets)) < len(models.scores)
    forecasts = method(
        np.concatenate([models.scores, unknown]),
        np.concatenate([models.log_sizes, np.log([sizes for _, sizes in targets])]),
        [*models.families, *(family for family, _ in targets)],
        known,
    )[~known]
    shown = [
        [" at ".join(text.rpartition("=")[::2]), *(f"{x:.3f}" for x in row)]
        for text, row in zip(given, forecasts, strict=True)
    ]
    print("\n" + tabulate(shown, ["forecast", *models.benchmarks], disable_numparse=True))
    low, high = np.nanmin(models.scores, axis=0), np.nanmax(models.scores, axis=0)
    beyond = np.any((forecasts < low) | (forecasts > high), axis=0)
    if beyond.any():
        outside = ", ".join(models.benchmarks[i] for i in np.flatnonzero(beyond))
        print(f"outside the range of scores in the table (extrapolation): {outside}")


def _read(options: argparse.Namespace) -> tuple[Models, str]:
    """The models with a score, for sloth only those of known size; and what --where left of the table."""
    import numpy as np
    import pyarrow as pa

    from relscale.compute_columns import check_no_logarithm
    from relscale.storage.columns import numbers, words
    from relscale.storage.tables import listed, read_table, table_name
    from relscale.table_fit.known_columns import mixed_units
    from relscale.table_fit.row_filter import filter_rows

    sizes = _size_columns(options)
    name, benchmarks = table_name(options.table), options.benchmarks.split(",")
    table, remark, name = filter_rows(read_table(options.table, names=[options.family]), options.where, name)
    for column in (*benchmarks, options.family, *sizes):
        if column not in table.column_names:
            raise RelscaleError(f"{name}: no column {column!r}; it has {listed(table.column_names)}")

    def matrix(columns: list[str]) -> "Array":
        return np.stack(
            [
                np.asarray(numbers(table[column], f"{name}: column {column!r}").to_numpy(), dtype=float)
                for column in columns
            ],
            axis=1,
        )

    families = words(table[options.family], f"{name}: column {options.family!r}")
    scores, size = matrix(benchmarks), matrix(sizes)
    for column, values in zip(sizes, size.T, strict=True):
        check_no_logarithm(column, values, name)
    log_sizes = np.log(np.where((size > 0) & np.isfinite(size), size, np.nan))
    scored = np.asarray(np.isfinite(scores).any(axis=1))
    if options.model == "sloth":
        outside = ((scores < 0) | (scores > 1)).any(axis=0)
        if outside.any():
            column = benchmarks[int(np.argmax(outside))]
            raise RelscaleError(f"{name}: column {column!r} has scores outside 0 to 1, which sloth requires")
        scored &= np.isfinite(log_sizes).all(axis=1)
    empty = [
        benchmark
        for benchmark, values in zip(benchmarks, scores[scored].T, strict=True)
        if np.isnan(values).all()
    ]
    if empty or scored.sum() < 3:
        problem = f"no score in column {empty[0]!r}" if empty else "fewer than 3 models have a score"
        suffix = " of a model of known size" if options.model == "sloth" else ""
        raise RelscaleError(f"{name}: {problem}{suffix}")
    cells = pa.table({"group": benchmarks * len(scores), "value": pa.array(scores.ravel(), from_pandas=True)})
    remarks = "\n".join(filter(None, (remark, mixed_units(cells))))
    return Models(benchmarks, scores, families, log_sizes).where(scored), remarks


def _size_columns(options: argparse.Namespace) -> list[str]:
    """The columns of model size."""
    sloth = options.model == "sloth"
    needed, other = (
        (["params", "tokens"], ["compute"]) if sloth else (["compute"], ["params", "tokens", "chance"])
    )
    for option in needed:
        if not getattr(options, option):
            raise RelscaleError(f"--{option}: --model {options.model} needs this column")
    for option in other:
        if getattr(options, option):
            raise RelscaleError(f"--{option}: --model {options.model} does not use it")
    return [getattr(options, option) for option in needed]


def _chance(text: str | None, benchmarks: list[str]) -> "Array":
    """Chance score of each benchmark."""
    import numpy as np

    from relscale.storage.tables import listed

    chance = dict.fromkeys(benchmarks, 0.0)
    for part in text.split(",") if text else []:
        benchmark, _, value = part.rpartition("=")
        if benchmark not in chance:
            raise RelscaleError(f"--chance: no benchmark {benchmark!r}; there are {listed(benchmarks)}")
        number = _number(value)
        if number is None or not 0 <= number < 1:
            raise RelscaleError(f"--chance: {value!r} is not a score from 0 to 1; write {benchmark}=0.25")
        chance[benchmark] = number
    return np.array(list(chance.values()))


def _target(text: str, model: str, families: list[str]) -> tuple[str, list[float]]:
    """Family and size from --at."""
    from relscale.storage.tables import listed

    family, _, size = text.rpartition("=")
    if family not in families:
        raise RelscaleError(
            f"--at: no family {family!r} of known size; there are {listed(sorted(set(families)))}"
        )
    values = [_number(value) for value in size.split(",")]
    kind, form = (
        ("positive parameters and tokens", "PARAMS,TOKENS")
        if model == "sloth"
        else ("a positive compute", "COMPUTE")
    )
    positive = [value for value in values if value is not None and value > 0]
    if not len(positive) == len(values) == form.count(",") + 1:
        raise RelscaleError(f"--at: {size!r} is not {kind}; write FAMILY={form}")
    return family, positive


def _number(text: str) -> float | None:
    """Parse a finite number."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
