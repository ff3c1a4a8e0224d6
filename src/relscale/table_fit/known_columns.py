"""The meaning of the columns of a user's table, guessed from their names."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log

import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.printable import escaped_repr
from relscale.storage.columns import numbers, words
from relscale.storage.tables import listed

NAMES = {  # column names per quantity, the likeliest first; case is ignored
    "training_flops": ("training_flops", "train_flops", "flops", "compute", "training_compute", "c"),
    "params": ("params", "parameters", "n_params", "num_params", "model_params", "n"),
    "tokens": ("tokens", "training_tokens", "train_tokens", "n_tokens", "num_tokens", "d"),
    "step": ("step", "steps", "iteration"),
    "learning_rate": ("learning_rate", "lr"),
    "loss": ("loss", "val_loss", "validation_loss"),
    "y": (
        *("bpb", "bits_per_byte", "loss", "val_loss", "validation_loss", "eval_loss", "test_loss", "nll"),
        *("cross_entropy", "error", "error_rate", "perplexity", "value"),
    ),
    "group": (
        *("group", "subgroup", "domain", "subject", "category", "task", "language", "lang", "region"),
        *("dataset", "subset", "split", "test"),
    ),
}
HIGHER_IS_BETTER = {
    *("acc", "accuracy", "exact", "em", "f1", "score", "pass@1", "pass_at_1", "bleu", "rouge", "mcc"),
    *("auc", "precision", "recall", "acc_norm", "exact_match", "win_rate"),
}
SHARES = {"error", "err", "error_rate", "acc", "accuracy", "exact_match", "win_rate", "acc_norm"}
WIDE_GAP = 5.0  # between the largest share and the smallest percentage


@escaped_repr
@dataclass(frozen=True)
class Guess:
    """A guessed column or baseline.

    Attributes
    ----------
    option
        Name of the option of ``relscale.fit``.
    reason
        Reason, unless it is the column's name.
    """

    option: str
    value: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.option} = {self.value}" + (f" ({self.reason})" if self.reason else "")


def names_of_groups() -> list[str]:
    """The column names by which groups are guessed, in the usual cases."""
    return [spelled for name in NAMES["group"] for spelled in (name, name.capitalize(), name.upper())]


def guess_column(table: pa.Table, of: str, used: Iterable[str | None] = ()) -> str | None:
    """The column whose name is one of those of ``of``, a key of ``NAMES``, blanks aside; None if there is none."""
    by_lower = {name.strip().lower(): name for name in table.column_names if name not in set(used)}
    return next((by_lower[name] for name in NAMES.get(of, (of,)) if name in by_lower), None)


def guess_x(
    table: pa.Table, predictors: Sequence[str], law: str, name: str, used: Sequence[str] = ()
) -> list[str]:
    """The columns of a law's predictors, found by name; those in ``used`` are excluded.

    Raises
    ------
    RelscaleError
        No column has such a name.
    """
    columns: list[str] = []
    for predictor in predictors:
        column = guess_column(table, predictor, [*columns, *used])
        if column is None:
            is_used = predictor in used
            other = "no other column is" if is_used else "no column is"
            unused = [column for column in table.column_names if column not in used]
            raise RelscaleError(
                f"{name}: x: the law {law!r} needs {predictor}, and {other} called so; name its column, "
                f"one of {listed(unused)}"
            )
        columns.append(column)
    return columns


def guess_y(table: pa.Table, used: Sequence[str], name: str) -> str:
    """The column of the error: by its name, else the only unused column of numbers.

    Raises
    ------
    RelscaleError
        There is no such column, or several.
    """
    columns = guess_column(table, "y", used)
    if columns is not None:
        return columns
    known = {known_name for names in NAMES.values() for known_name in names} | {
        "seed",
        "run",
        "block",
        "stderr",
    }
    unused = [
        column
        for column in table.column_names
        if column not in used and column.lower() not in known and is_number(table[column].type)
    ]
    if len(unused) == 1:
        return str(unused[0])
    raise RelscaleError(
        f"{name}: y: name the column of the error, or the column of each group, separated by commas; there are "
        f"{listed(unused or table.column_names)}"
    )


def guess_baseline(table: pa.Table, group: str, y: str, name: str) -> str:
    """The group with the largest geometric mean error.

    Raises
    ------
    RelscaleError
        No group has a positive number.
    """
    logs: dict[str, list[float]] = defaultdict(list)
    cells = numbers(table[y], f"{name}: column {y!r}").to_pylist()
    for of, value in zip(words(table[group], f"{name}: column {group!r}"), cells, strict=True):
        if value is not None and isfinite(value) and value > 0:
            logs[of].append(log(value))
    means = {of: exp(sum(known_name) / len(known_name)) for of, known_name in logs.items()}
    if not means:
        raise RelscaleError(
            f"{name}: column {y!r} has no positive number, as errors are; of log-likelihoods, fit the negative"
        )
    by_error: list[str] = sorted(means, key=lambda of: (-means[of], of))
    return by_error[0]


def higher_is_better(y: str) -> str:
    """A warning if higher values of a column are better, by its name; else empty.

    Examples
    --------
    >>> higher_is_better("mmlu_acc")
    "note: 'mmlu_acc' is fitted as an error, for which lower is better; of an accuracy, fit 1 − accuracy, and of \
percentages 100 − accuracy"
    >>> higher_is_better("loss")
    ''
    """
    if not _is_called(y, HIGHER_IS_BETTER):
        return ""
    return (
        f"note: {y!r} is fitted as an error, for which lower is better; of an accuracy, fit 1 − accuracy, and of "
        "percentages 100 − accuracy"
    )


def steps_of_a_training(x: Sequence[str]) -> str:
    """A warning if the only predictor is the step of a training, by its name; else empty.

    Examples
    --------
    >>> steps_of_a_training(["_step"])
    "note: '_step' is the step of a training by its name; points of one training are not independent, and intervals \
too narrow, unless --block names the column of the training"
    >>> steps_of_a_training(["training_flops"])
    ''
    """
    if len(x) > 1 or x[0].strip(" _").lower() not in NAMES["step"]:
        return ""
    return (
        f"note: {x[0]!r} is the step of a training by its name; points of one training are not independent, and "
        "intervals too narrow, unless --block names the column of the training"
    )


def shares_and_percentages(y: Iterable[str], errors: pa.Table) -> str:
    """A warning as of ``mixed_units``, if the names ``y`` of the columns of the errors are those of shares; else empty.

    Examples
    --------
    >>> errors = pa.table({"group": ["a", "b"], "value": [0.4, 38.0]})
    >>> bool(shares_and_percentages(["error"], errors)), bool(shares_and_percentages(["loss"], errors))
    (True, False)
    """
    return mixed_units(errors) if all(_is_called(column, SHARES) for column in y) else ""


def mixed_units(values: pa.Table) -> str:
    """A warning if the values of some groups look like shares and those of all others like percentages; else empty.

    Parameters
    ----------
    values
        Columns ``group`` and ``value``.

    Examples
    --------
    >>> mixed_units(pa.table({"group": ["a", "a", "b", "b"], "value": [0.3, 0.4, 38.0, 41.0]}))
    "note: 'a' is at most 0.4, and 'b' at least 38; if these are percentages, write all in one unit"
    """
    found = values.group_by("group").aggregate([("value", "min"), ("value", "max")]).to_pylist()
    shares = [of for of in found if of["value_min"] >= 0 and of["value_max"] <= 1]
    percentages = [of for of in found if of["value_min"] > 1 and of["value_max"] <= 100]
    if not shares or not percentages or len(shares) + len(percentages) < len(found):
        return ""
    low = max(shares, key=lambda of: float(of["value_max"]))
    high = min(percentages, key=lambda of: float(of["value_min"]))
    if high["value_min"] < WIDE_GAP * low["value_max"]:
        return ""
    return (
        f"note: {low['group']!r} is at most {low['value_max']:g}, and {high['group']!r} at least "
        f"{high['value_min']:g}; if these are percentages, write all in one unit"
    )


def _is_called(column: str, words: Iterable[str]) -> bool:
    """Whether a column's name is one of the words, or ends with one."""
    name = column.lower()
    return any(name == word or name.endswith((f"_{word}", f"/{word}", f" {word}")) for word in words)


def long_table(table: pa.Table, columns: Sequence[str], group: str, value: str, name: str) -> pa.Table:
    """A wide table, with a column of numbers per group, as one row per group.

    Raises
    ------
    RelscaleError
        A column contains no numbers, or another column has the name of one of the two that are added.

    Examples
    --------
    >>> wide = pa.table({"flops": [1.0], "easy": [2.0], "hard": [3.0]})
    >>> long_table(wide, ["easy", "hard"], "group", "error", "wide.csv").to_pylist()
    [{'flops': 1.0, 'group': 'easy', 'error': 2.0}, {'flops': 1.0, 'group': 'hard', 'error': 3.0}]
    """
    other_columns = table.drop_columns(list(columns))
    used = [column for column in (group, value) if column in other_columns.column_names]
    if used:
        raise RelscaleError(
            f"{name}: y: several columns become the columns {group!r} and {value!r}, and there is another "
            f"{used[0]!r}; rename it"
        )
    parts = [
        other_columns.append_column(group, pa.array([column] * table.num_rows)).append_column(
            value, numbers(table[column], f"{name}: column {column!r}")
        )
        for column in columns
    ]
    return pa.concat_tables(parts)


def is_number(kind: pa.DataType) -> bool:
    """Whether the cells of a column of this type are numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
