"""Translation by examples seen: the same exponent for every architecture? (runs of arXiv 2202.01994)"""

import numpy as np

from relscale.atlas.entry import Answer, Entry, Number, Origin, Tables
from relscale.atlas.view import View, fitted_series
from relscale.fitting.estimation.estimate import estimate
from relscale.laws.irreducible import LAW

MOST, LEVEL_AT = (
    16_100_000,
    4e6,
)  # sentence pairs: of the points of the lines, and where their levels are compared
# Exponent, its standard error, level; floor and exponent with a floor, and ln(predicted / observed) held out.
KNOWN = {
    "6 Enc, 6 Dec": (0.2284, 0.0097, 0.558, 0.2971, 0.470, -0.056),
    "28 Enc, 6 Dec": (0.1953, 0.0064, 0.580, 0.2122, 0.321, -0.064),
    "6 Enc, 28 Dec": (0.2395, 0.0053, 0.592, 0.2185, 0.371, -0.066),
    "Dec-only": (0.2237, 0.0127, 0.536, 0.3603, 0.610, -0.038),
    "TEnc-LSTM": (0.1998, 0.0186, 0.579, 0.3516, 0.549, -0.017),
}
NAMES = (
    "exponent",
    "standard error",
    "level at 4M pairs",
    "floor",
    "exponent above the floor",
    "ln error held out",
)


def reproduce(tables: Tables) -> dict[str, Number]:
    """Lines of each architecture, the F test that their slopes are equal, and laws with a floor."""
    from scipy.stats import f as f_distribution

    results: dict[str, Number] = {}
    squares, lines = 0.0, []
    for name, rows in tables.read("nmt_learning_curves.csv.gz").by("architecture"):
        few = rows.where(rows["sentence_pairs_seen"] <= MOST)
        x, y = np.log(few["sentence_pairs_seen"] / LEVEL_AT), np.log(few["log_perplexity"])
        (slope, level), (squares_left,), *_ = np.polyfit(x, y, 1, full=True)
        error = np.sqrt(squares_left / (len(x) - 2) / ((x - x.mean()) ** 2).sum())
        squares += squares_left
        lines.append((x - x.mean(), y - y.mean()))
        is_held_out = rows["held_out"] == 1
        pairs = rows["sentence_pairs_seen"][None] / LEVEL_AT
        fit = estimate(LAW, pairs[:, ~is_held_out], rows["log_perplexity"][~is_held_out])
        off = np.log(LAW.value(fit.theta[:, 0], pairs[:, is_held_out]) / rows["log_perplexity"][is_held_out])
        (low, high), theta = fit.interval(0.95), fit.theta
        numbers = [Number(-slope), Number(float(error)), Number(float(np.exp(level)))]
        numbers += [Number(theta[i, 0], low[i, 0], high[i, 0]) for i in (2, 1)]
        numbers.append(Number(float(off[0])))
        results |= {f"{label}, {name}": number for label, number in zip(NAMES, numbers, strict=True)}
    x, y = (np.concatenate(parts) for parts in zip(*lines, strict=True))
    common = (x * y).sum() / (x * x).sum()
    equal = ((y - common * x) ** 2).sum()
    free = len(x) - 2 * len(lines)
    ratio = (equal - squares) / (len(lines) - 1) / (squares / free)
    results["common exponent"] = Number(float(-common))
    results["F(4, 18) of equal exponents"] = Number(float(ratio))
    results["p of equal exponents"] = Number(float(f_distribution.sf(ratio, len(lines) - 1, free)))
    return results


def view(tables: Tables) -> View:
    """Log-perplexity over examples seen; the law is fitted without the last point of each."""
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
    answers=(
        Answer("common exponent", 0.2214, 1e-3, origin=Origin.TABLE),
        Answer("F(4, 18) of equal exponents", 2.605, 1e-3, origin=Origin.TABLE),
        Answer("p of equal exponents", 0.071, 1e-3, origin=Origin.TABLE),
        *(
            Answer(f"{label}, {name}", value, 1e-3, origin=Origin.TABLE)
            for name, values in KNOWN.items()
            for label, value in zip(NAMES, values, strict=True)
        ),
    ),
    reproduce=reproduce,
    view=view,
    command="relscale fit nmt_learning_curves.csv.gz --law irreducible --x sentence_pairs_seen --y log_perplexity "
    "--group architecture",
    remark="Sentence pairs seen are batch times steps, not the size of a corpus. Equal exponents are narrowly not "
    "rejected at 5%. Every law with an irreducible error is optimistic at the held-out point.",
)
