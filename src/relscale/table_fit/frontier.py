"""Compute-optimal frontier of a table of IsoFLOP runs: optima, exponents, and the optimum at any compute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, product
from typing import Any

import numpy as np
import pyarrow as pa

from relscale.arguments import typed
from relscale.compute_columns import SCALES, check_same_units
from relscale.confidence import LEVEL, check_level
from relscale.errors import RelscaleError
from relscale.fitting.curves.allocation import allocation
from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier_curves import FrontierCurves, frontier_curves
from relscale.fitting.curves.point_rows import FrontierRow, point_rows
from relscale.fitting.curves.run_matrix import Floats, run_matrices
from relscale.fitting.inference import interval
from relscale.fitting.inference.log_log_lines import Lines, curve_lines
from relscale.fitting.settings import fit_settings
from relscale.laws import parabola
from relscale.measurements.metric import VALIDATION
from relscale.measurements.status import Status
from relscale.printable import escaped_repr
from relscale.storage.columns import numbers, words
from relscale.storage.tables import listed
from relscale.table_fit.frame import Frame
from relscale.table_fit.known_columns import Guess, guess_column
from relscale.table_fit.least_loss import LeastLoss
from relscale.table_fit.measurements import (
    check_columns,
    measurements_of,
    note_on_copies,
    read_source,
    usable,
)
from relscale.table_fit.row_filter import filter_rows

# The option and the known names of each measured column.
MEASURED = {
    "training_flops": ("flops", "training_flops"),
    "params": ("params", "params"),
    "tokens": ("tokens", "tokens"),
    "value": ("loss", "loss"),
}
QUANTITIES = {"tokens": "D*", "params": "N*", "loss": "L*"}
MIN_BUDGETS = 3  # minimum number of budgets with an optimum, for an exponent with an interval
SAME_BUDGET = 0.01  # relative spread of the computes of one nominal budget, which differ by rounding
SEPARATE_BUDGETS = (
    10 * SAME_BUDGET
)  # between neighbours, so that ungrouped computes are not taken for budgets


@escaped_repr
@dataclass(frozen=True)
class FrontierFit:
    """Compute-optimal frontier of a table, as returned by ``relscale.frontier``.

    Attributes
    ----------
    rows
        One row per corpus and budget, with its status.
    lines
        Per corpus, the lines of ln tokens, ln params and ln loss of the optima over ln FLOPs.
    least
        Per corpus, the law of the loss of the optima.
    """

    rows: tuple[FrontierRow, ...]
    level: float
    guessed: tuple[Guess, ...]
    notes: tuple[str, ...]
    lines: Mapping[str, Mapping[str, Lines]]
    least: Mapping[str, LeastLoss]

    def __dir__(self) -> list[str]:
        return ["at", "exponents", "guessed", "least", "level", "lines", "notes", "optima", "rows"]

    @property
    def optima(self) -> Frame:
        """One row per corpus and budget: optimal tokens and parameters with their intervals, and the loss there.

        Examples
        --------
        >>> import relscale as rs
        >>> len(rs.frontier(rs.datasets.isoflop_suite()).optima)
        21
        """
        names: tuple[str, ...] = ("corpus", "budget", "training_flops", "tokens", "tokens_low", "tokens_high")
        names = (*names, "params", "params_low", "params_high", "loss", "runs", "status")
        return Frame([{name: getattr(row, name) for name in names} for row in self.rows])

    @property
    def exponents(self) -> Frame:
        """The exponents of optimal tokens, parameters and loss in compute: D* ∝ F^b, N* ∝ F^a, L* ∝ F^c.

        The intervals are those of the table ``fits``: t intervals with the larger of the variance of the scatter around
        the line and its mean with that of the parabolas; if budgets share training runs (``block``), jackknife
        intervals over training runs. The exponent of L* is the slope among these budgets, without a floor; ``at`` uses
        it only if the optima do not determine a floor.

        Examples
        --------
        >>> import relscale as rs
        >>> exponents = rs.frontier(rs.datasets.isoflop_suite()).exponents
        >>> f'{exponents.where(corpus="common-pile", quantity="N*")["exponent"][0]:.2f}'
        '0.39'
        """
        rows = []
        for corpus, (name, quantity) in product(self._corpora(), QUANTITIES.items()):
            line = self._line(corpus, name)
            slope = interval.slope(line, self.level)
            exponent, low, high = (float(part[0]) for part in (slope.value, slope.low, slope.high))
            rows.append((corpus, quantity, exponent, low, high, int(line.n[0])))
        return Frame(_cells(rows, "corpus", "quantity", "exponent", "low", "high", "budgets"))

    def at(self, flops: float | Sequence[float]) -> Frame:
        """Optimal parameters, tokens and loss at given training compute, with their confidence intervals.

        Tokens and parameters follow straight lines in logarithms. The loss falls towards a floor
        (``relscale.table_fit.least_loss``), or follows a straight line if the optima do not determine a floor; the
        column ``law`` states which.

        Examples
        --------
        >>> import relscale as rs
        >>> ahead = rs.frontier(rs.datasets.isoflop_suite()).at(1e22).where(corpus="common-pile")
        >>> ahead["low"][0] < ahead["value"][0] < ahead["high"][0]
        True
        """
        computes = [flops] if isinstance(flops, int | float) else list(flops)
        invalid = [target for target in computes if not 0 < target < np.inf]
        if invalid:
            raise RelscaleError(f"at: {invalid[0]!r} is not a positive compute")
        rows = [
            (corpus, float(target), quantity, *self._optimum_at(corpus, name, target))
            for corpus, target, (name, quantity) in product(self._corpora(), computes, QUANTITIES.items())
        ]
        return Frame(_cells(rows, "corpus", "training_flops", "quantity", "value", "low", "high", "law"))

    def _optimum_at(self, corpus: str, name: str, flops: float) -> tuple[float, float, float, str]:
        """A quantity at a compute, its limits, and the law that it follows."""
        line = self._line(corpus, name)
        with_floor = self.least[corpus].at(flops, self.level) if name == "loss" else None
        if with_floor is not None:
            return *with_floor, "power law with a floor"
        log = interval.level_at(line, np.log([flops]), self.level)
        value, low, high = (float(np.exp(part[0])) for part in (log.value, log.low, log.high))
        return value, low, high, "power law without a floor" if name == "loss" else "power law"

    def __repr__(self) -> str:
        guessed = [f"guessed: {', '.join(map(str, self.guessed))}"] if self.guessed else []
        try:
            exponents = repr(self.exponents)
        except RelscaleError as error:
            exponents = str(error)
        return "\n\n".join([*guessed, *self.notes, repr(self.optima), exponents])

    def _repr_html_(self) -> str:
        return self.optima._repr_html_() + self.exponents._repr_html_()

    def _corpora(self) -> list[str]:
        return list(dict.fromkeys(str(row.corpus) for row in self.rows))

    def _line(self, corpus: str, name: str) -> Lines:
        line = self.lines[corpus].get(name)
        count = 0 if line is None else int(line.n[0])
        if line is None or count < MIN_BUDGETS:
            of = sum(row.corpus == corpus for row in self.rows)
            raise RelscaleError(
                f"{corpus}: {count} of {of} budgets have a minimum inside the tested sizes, and an "
                f"exponent needs {MIN_BUDGETS}; see the status of each budget, or name the column "
                "of budgets (--budget COLUMN)"
            )
        return line


def _cells(rows: Sequence[Sequence[object]], *names: str) -> list[dict[str, object]]:
    """Rows with the names of their columns."""
    return [dict(zip(names, row, strict=True)) for row in rows]


def _loss(curves: FrontierCurves) -> Curves:
    """The validation loss along the frontier."""
    return curves.errors.select(
        np.array([(key.suite, key.group, key.metric) == VALIDATION for key in curves.errors.keys])
    )


def _lines(curves: FrontierCurves) -> dict[str, Lines]:
    """The lines through the optima of a frontier; empty if there are no optima."""
    optima = [optimum for _, optimum in allocation(curves)]
    if not optima:
        return {}
    tokens, params = optima
    parts = {"tokens": tokens, "params": params, "loss": _loss(curves)}
    return {name: curve_lines(part) for name, part in parts.items()}


def budgets_of(flops: Floats, tokens: Floats) -> Floats:
    """The nominal budget of each run (n,) of one corpus: the geometric mean of computes that differ only by rounding.

    Computes of one budget differ by at most ``SAME_BUDGET``, neighbouring budgets by at least ``SEPARATE_BUDGETS``. If
    the computes do not form such groups, or two computes of a group have three sizes each, and so a parabola of their
    own, every distinct compute is a budget.

    Examples
    --------
    >>> budgets_of(np.array([1.0, 1.002, 1.004, 10.0, 10.02, 9.99]), np.arange(1.0, 7)).round(2)
    array([ 1.,  1.,  1., 10., 10., 10.])
    >>> budgets_of(np.array([1.0, 1.05, 1.1]), np.arange(1.0, 4))
    array([1.  , 1.05, 1.1 ])
    """
    computes = np.unique(flops)
    starts = np.flatnonzero(np.diff(np.log(computes), prepend=-np.inf) >= np.log1p(SEPARATE_BUDGETS))
    budgets = np.array(flops, dtype=float)
    for group in np.split(computes, starts[1:]):
        if group[-1] > (1 + SAME_BUDGET) * group[0]:
            return flops
        sizes = [len(np.unique(tokens[flops == compute])) for compute in group]
        if sum(size >= parabola.SMALLEST for size in sizes) > 1:
            return flops
        if len(group) > 1:
            budgets[np.isin(flops, group)] = np.exp(np.log(group).mean())
    return budgets


@typed
def frontier(
    table: Any,
    *,
    flops: str | None = None,
    params: str | None = None,
    tokens: str | None = None,
    loss: str | None = None,
    budget: str | None = None,
    corpus: str | None = None,
    block: str | None = None,
    where: str | Sequence[str] = (),
    level: float = LEVEL,
) -> FrontierFit:
    """The compute-optimal frontier of a table of IsoFLOP runs.

    At each budget, a parabola of the loss in ln tokens has its minimum at the compute-optimal tokens; straight lines
    in logarithms through these optima are the exponents (Hoffmann et al. 2022, approach 2).

    Parameters
    ----------
    table
        A path, a frame, or another Arrow-compatible table with one row per run.
    flops, params, tokens, loss
        Columns of training compute, parameters, training tokens and loss; by default guessed from their names.
    budget
        The column that identifies the IsoFLOP curve of a run; by default ``budget``, else runs of a corpus whose
        computes are within 1% belong together, if its budgets are at least 10% apart.
    corpus
        Each value of this column is fitted separately; by default ``corpus`` if there is one.
    block
        A column that identifies the training run, if several budgets are slices of the same training run.
    where
        Conditions that select rows, as in ``relscale.fit``.
    level
        Confidence level of the intervals.

    Raises
    ------
    RelscaleError
        A column is missing or not numeric, no row can be fitted, or no budget has enough runs.

    Examples
    --------
    >>> import relscale as rs
    >>> sorted(set(rs.frontier(rs.datasets.isoflop_suite()).optima["status"]))
    ['ok']
    """
    check_level(level)
    source, name = read_source(table, [corpus, "corpus"])
    source, remark, place = filter_rows(source, [where] if isinstance(where, str) else where, name)
    named = {"flops": flops, "params": params, "tokens": tokens, "loss": loss}
    for option, choice in (named | {"budget": budget, "corpus": corpus, "block": block}).items():
        if choice is not None:
            check_columns(source, [choice], f"{name}: {option}")
    columns = {
        key: named[option] or _guessed(source, option, of, name) for key, (option, of) in MEASURED.items()
    }
    guessed = [Guess(option, columns[key]) for key, (option, _) in MEASURED.items() if named[option] is None]
    named_budget = budget or guess_column(source, "budget")
    if named_budget:
        columns["budget"] = named_budget
    cells = {
        key: numbers(source[column], f"{name}: column {column!r}").to_numpy(zero_copy_only=False)
        for key, column in columns.items()
    }
    status = usable({columns[key]: values for key, values in cells.items()})
    if Status.OK not in status:
        raise RelscaleError(
            f"{place}: no row can be fitted, the first is {status[0]}" if status else f"{place}: no rows"
        )
    fitted = np.array(status) == Status.OK
    copies = note_on_copies(list(compress(source.to_pylist(), fitted)), name)
    labels = _labels(source, corpus or guess_column(source, "corpus"), block, status, name)
    corpora = labels["corpus"].to_numpy(zero_copy_only=False)
    of_corpus = [fitted & (corpora == each) for each in np.unique(corpora[fitted])]
    for rows in of_corpus:
        check_same_units([cells[key][rows] for key in SCALES], name, [columns[key] for key in SCALES])
    if not named_budget:
        cells["budget"] = cells["training_flops"].astype(float)
        for rows in of_corpus:
            cells["budget"][rows] = budgets_of(cells["training_flops"][rows], cells["tokens"][rows])
        if (cells["budget"] != cells["training_flops"])[fitted].any():
            guessed.append(Guess("budget", columns["training_flops"], "runs within 1% share a budget"))
    matrices = run_matrices(measurements_of(cells | labels, name))
    settings = fit_settings({"level": level, "frontier": "parabola"}, {}, matrices)
    frontiers = [frontier_curves(matrix, settings) for matrix in matrices]
    return FrontierFit(
        rows=tuple(row for each in frontiers for row in point_rows(each.matrix, each.points, level)),
        level=level,
        guessed=tuple(guessed),
        notes=tuple(filter(None, (remark, copies))),
        lines={str(frontier.matrix.corpus): _lines(frontier) for frontier in frontiers},
        least={str(frontier.matrix.corpus): LeastLoss.of(_loss(frontier)) for frontier in frontiers},
    )


def _labels(
    source: pa.Table, corpus: str | None, block: str | None, status: list[str], name: str
) -> dict[str, pa.Array]:
    """The columns of text of the rows as measurements of the validation loss."""
    count = source.num_rows
    columns = {"corpus": corpus, "block": block}
    named = {
        key: pa.array(words(source[column], f"{name}: column {column!r}"))
        for key, column in columns.items()
        if column
    }
    return {
        "corpus": pa.repeat(name, count),
        "run": pa.array([f"row {number}" for number in range(1, count + 1)]),
        "suite": pa.repeat(VALIDATION.suite, count),
        "group": pa.repeat("all", count),
        "metric": pa.repeat("nats_per_token", count),
        "status": pa.array(status),
        **named,
    }


def _guessed(source: pa.Table, option: str, of: str, name: str) -> str:
    """The column of a quantity by its name; the only one that ends in loss is that of the loss."""
    losses = [column for column in source.column_names if of == "loss" and column.endswith("loss")]
    column = guess_column(source, of) or (losses[0] if len(losses) == 1 else None)
    if column is None:
        raise RelscaleError(
            f"{name}: {option}: name the column of {of}; it has {listed(source.column_names)}"
        )
    return column
