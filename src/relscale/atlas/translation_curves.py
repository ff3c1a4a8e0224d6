"""Exponents of translation models of several architectures over examples seen (runs of arXiv 2202.01994)."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import View, fitted_series
from relscale.fitting.estimation.estimate import estimate
from relscale.laws.irreducible import LAW
from relscale.storage.column_arrays import Columns

MAX_PAIRS = 16  # million sentence pairs, up to which lines are fitted
LEVEL_AT = 4e6  # sentence pairs at which levels are compared
NAMES = (
    "exponent",
    "standard error",
    "level at 4M pairs",
    "floor",
    "exponent above the floor",
    "ln error held out",
)


def reproduce(tables: Tables) -> dict[str, Number]:
    """A line per architecture, the F test of equal slopes, and laws with a floor."""
    results: dict[str, Number] = {}
    table = tables.read("nmt_learning_curves.csv.gz")
    for millions in (8, 16, 32):
        common, ratio, p = test_of_equal_slopes(
            table.where(table["sentence_pairs_seen"] <= 1.01e6 * millions)
        )
        if millions <= MAX_PAIRS:  # for more pairs only p is known
            results[f"F of equal exponents, up to {millions}M pairs"] = Number(ratio)
        results[f"p of equal exponents, up to {millions}M pairs"] = Number(p)
        if millions == MAX_PAIRS:
            results["common exponent"] = Number(-common)
    for name, rows in table.by("architecture"):
        fitted_rows = rows.where(rows["sentence_pairs_seen"] <= 1.01e6 * MAX_PAIRS)
        x, y = np.log(fitted_rows["sentence_pairs_seen"] / LEVEL_AT), np.log(fitted_rows["log_perplexity"])
        (slope, level), (residual_squares,), *_ = np.polyfit(x, y, 1, full=True)
        error = np.sqrt(residual_squares / (len(x) - 2) / ((x - x.mean()) ** 2).sum())
        is_held_out = rows["held_out"] == 1
        pairs = rows["sentence_pairs_seen"][None] / LEVEL_AT
        fit = estimate(LAW, pairs[:, ~is_held_out], rows["log_perplexity"][~is_held_out])
        log_error = np.log(
            LAW.value(fit.theta[:, 0], pairs[:, is_held_out]) / rows["log_perplexity"][is_held_out]
        )
        (low, high), theta = fit.interval(0.95), fit.theta
        numbers = [Number(-slope), Number(float(error)), Number(float(np.exp(level)))]
        numbers += [Number(theta[i, 0], low[i, 0], high[i, 0]) for i in (2, 1)]
        numbers.append(Number(float(log_error[0])))
        results |= {f"{label}, {name}": number for label, number in zip(NAMES, numbers, strict=True)}
    return results


def test_of_equal_slopes(table: Columns) -> tuple[float, float, float]:
    """The common slope of all architectures in the logarithms, and F and p of the test of equal slopes."""
    from scipy.stats import f as f_distribution

    squares, lines = 0.0, []
    for _, rows in table.by("architecture"):
        x, y = np.log(rows["sentence_pairs_seen"]), np.log(rows["log_perplexity"])
        squares += np.polyfit(x, y, 1, full=True)[1][0]
        lines.append((x - x.mean(), y - y.mean()))
    x, y = (np.concatenate(parts) for parts in zip(*lines, strict=True))
    common = (x * y).sum() / (x * x).sum()
    equal = ((y - common * x) ** 2).sum()
    degrees_of_freedom = len(x) - 2 * len(lines)
    ratio = (equal - squares) / (len(lines) - 1) / (squares / degrees_of_freedom)
    return float(common), float(ratio), float(f_distribution.sf(ratio, len(lines) - 1, degrees_of_freedom))


def view(tables: Tables) -> View:
    """Log-perplexity over examples seen; the law is fitted without the last point of each architecture."""
    series = []
    for name, rows in tables.read("nmt_learning_curves.csv.gz").by("architecture"):
        known = rows["held_out"] == 0
        series.append(
            fitted_series(name, LAW, rows["sentence_pairs_seen"], rows["log_perplexity"], known=known)
        )
    return View("sentence pairs seen", "log-perplexity", tuple(series))


ENTRY = Entry(
    title="Deep learning scaling is predictable: one exponent for every architecture?",
    paper="the claim of Hestness et al., arXiv 1712.00409, on translation runs of arXiv 2202.01994 as released with "
    "arXiv 2209.06640",
    law="irreducible",
    formula="ln L = level − exponent · ln x, up to 16M pairs; " + LAW.formula,
    tables=("nmt_learning_curves.csv.gz",),
    reproduce=reproduce,
    view=view,
    command="relscale fit nmt_learning_curves.csv.gz --law irreducible --x sentence_pairs_seen --y log_perplexity "
    "--group architecture",
    remark="Sentence pairs seen are the batch size times the steps, not the size of a corpus. Equal exponents are "
    "narrowly not rejected at 5%. All laws with an irreducible error predict too low an error at the held-out point.",
)
