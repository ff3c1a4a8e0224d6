"""InfoLaw: the best shares of quality buckets by training tokens (arXiv 2605.02364), from the published constants."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View, curve_points
from relscale.laws.information import FORMULA, LAW
from relscale.laws.law import Array

SHARES = np.array([0.05, 0.15, 0.2])  # of all text, of the best three buckets
LAW_OF_THREE = LAW.make_law(("share_0", "share_1", "share_2"))
CONSTANTS = np.array([3.7373, 0.0441, 0.922, 0.140, 0.018])  # α, β, θ, a, b
PARAMS = 7e9
FEWER_TOKENS, MORE_TOKENS = 3e11, 1e12
FIRST_SHARE = 0.548  # best share of bucket 0 at FEWER_TOKENS, which determines the size of the text
STEP = 0.0025


def best_shares(tokens: float, text: float) -> Array:
    """The shares (3,) with the lowest loss, none larger than that of a better bucket, for ``text`` tokens of text."""
    steps = np.arange(0, 1 + STEP / 2, STEP)
    first, second = (axis.ravel() for axis in np.meshgrid(steps, steps, indexing="ij"))
    shares = np.stack([first, second, 1 - first - second])
    shares = shares[:, (shares[2] > -STEP / 2) & (second <= first) & (shares[2] <= second + STEP / 2)]
    shares = np.maximum(shares, 0)
    unique = np.broadcast_to(SHARES[:, None] * text, shares.shape)
    ones = np.ones((1, shares.shape[1]))
    loss = LAW_OF_THREE.value(CONSTANTS, np.vstack([PARAMS * ones, tokens * ones, shares, unique]))
    return np.asarray(shares[:, loss.argmin()])


def text_size() -> float:
    """The tokens of text for which the best share of bucket 0 is ``FIRST_SHARE`` at ``FEWER_TOKENS``."""
    low, high = np.log(2e11), np.log(6e11)
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (
            (middle, high) if best_shares(FEWER_TOKENS, np.exp(middle))[0] < FIRST_SHARE else (low, middle)
        )
    return float(np.exp(high))


def reproduce(tables: Tables) -> dict[str, Number]:
    """The best shares at ``MORE_TOKENS``."""
    shares = best_shares(MORE_TOKENS, text_size())
    results = {f"best share of bucket {i} at 1,000B tokens": Number(float(shares[i])) for i in (0, 2)}
    return results | {f"{name}, independent computation": number for name, number in results.items()}


def view(tables: Tables) -> View:
    """The best shares over training tokens."""
    text, at = text_size(), curve_points([1e11, 3e12])[::10]
    optima = np.stack([best_shares(float(tokens), text) for tokens in at], axis=1)
    series = tuple(Series(f"bucket {i}", fitted=(at, optima[i])) for i in range(3))
    return View("training tokens", "best share", series, log_y=False)


ENTRY = Entry(
    title="InfoLaw: quality, repetition and scale on one axis",
    paper="arXiv 2605.02364, from notes on the paper",
    law="information",
    formula=FORMULA,
    tables=(),
    reproduce=reproduce,
    view=view,
    command="relscale fit runs.csv --law information --x params,tokens,share_best,share_middle,share_rest,unique_best,"
    "unique_middle,unique_rest --y loss\n"
    "relscale ask mixture runs.csv --law information --x share_best,share_middle,share_rest --y loss --residual log "
    "--order falling --at params=7e9,tokens=1e12",
    remark="Computed for a model of 7B parameters from the published constants, which like the best shares were taken "
    "from notes on the paper, not from the paper itself. The amount of text follows from the best share of bucket 0 "
    "at 300B tokens, 0.548. Units and the base of the logarithm are not stated, but do not affect the best shares. "
    "The 27 runs are not public.",
)
