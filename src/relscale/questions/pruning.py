"""What does pruning gain in theory? Exact errors of a perceptron trained on its teacher's hardest examples.

    ε = arccos(R) / π,    α / f · ∫_0^γ 2φ(z) · [(a² + s²) · Φ(a/s) + a·s·φ(a/s)] dz = s²  at its least over R

α are examples kept per dimension, f is the kept share, nearest to the teacher's boundary, γ their largest distance
from it, a = κ − R·z, s = √(1 − R²), and κ the largest margin for which a student exists. ``gain`` is ln of the error
with as many random examples, minus ln of the error with the hardest: below 0, pruning easy examples
hurts. The metric is perfect and the classes separable: measured gains are smaller, and noisy examples look hard.

Source: Sorscher et al., *Beyond neural scaling laws*, arXiv 2206.14486; Gardner's argument for a perfect metric.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from relscale.errors import RelscaleError
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

NODES, WIDTHS = 40, 8.0  # nodes per part of an integral; half width, in s, of the part around z = κ / R
POINTS = np.polynomial.legendre.leggauss(NODES)
FAR = 9.0  # upper end of the integral without pruning, in standard deviations
FEWEST, MOST = 0.01, 1e4  # examples per dimension that the search for the margin is made for
LEAST_KEPT = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class PruningRow:
    """One row per row of the table."""

    examples: float = column("Examples kept per dimension.")
    kept: float = column("Share of all examples that is kept, the hardest.")
    theory: float = column("Error of the student on new examples, by theory.")
    unchosen: float = column("The same with as many examples that are not chosen.")
    gain: float = column("ln of the second error minus ln of the first; below 0, pruning hurts.")
    everything: float = column("Error with all examples, before pruning.")
    measured: float | None = column("The measured error.", default=None)


ROW = PruningRow


def rows(
    table: Columns, *, examples: str = "examples_per_dimension", kept: str = "kept", error: str = ""
) -> Iterator[PruningRow]:
    """The error by theory for each row's examples and share.

    Parameters
    ----------
    examples
        Column of the examples that are kept, per dimension.
    kept
        Column of the share of all examples that is kept.
    error
        Column of a measured error, to be shown beside theory.

    Raises
    ------
    RelscaleError
        A column is missing or not numeric, or a value is out of range.
    """
    alphas, shares = table.numbers(examples), table.numbers(kept)
    measured = table.numbers(error) if error else np.full(len(alphas), np.nan)
    for alpha, share, seen in zip(alphas.tolist(), shares.tolist(), measured.tolist(), strict=True):
        if not LEAST_KEPT <= share <= 1:
            raise RelscaleError(
                f"{kept}: {share:g} is not a share from {LEAST_KEPT:g} to 1; give the kept part of 1"
            )
        if not FEWEST <= alpha <= alpha / share <= MOST:
            raise RelscaleError(
                f"{examples}: {alpha:g} of {alpha / share:g} per dimension are not between {FEWEST:g} and {MOST:g}; "
                "divide the number of examples by that of dimensions"
            )
        theory, unchosen = student_error(alpha, share), student_error(alpha, 1.0)
        yield PruningRow(
            examples=alpha,
            kept=share,
            theory=theory,
            unchosen=unchosen,
            gain=float(np.log(unchosen / theory)),
            everything=student_error(alpha / share, 1.0),
            measured=None if np.isnan(seen) else seen,
        )


def _integral(overlap: float, kappa: float, most: float) -> float:
    """∫_0^most 2φ(z) · [(a² + s²) · Φ(a/s) + a·s·φ(a/s)] dz, a = κ − R·z, s = √(1 − R²)."""
    from scipy.special import ndtr

    s = np.sqrt(1 - overlap**2)
    middle = kappa / overlap
    ends = np.clip([0, middle - WIDTHS * s, middle + WIDTHS * s, most], 0, most)
    points, weights = POINTS
    total = 0.0
    for low, high in pairwise(ends):
        z = (low + high) / 2 + (high - low) / 2 * points
        a = kappa - overlap * z
        part = (a**2 + s**2) * ndtr(a / s) + a * s * np.exp(-((a / s) ** 2) / 2) / np.sqrt(2 * np.pi)
        density = 2 * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        total += (high - low) / 2 * float((weights * density * part).sum())
    return total


@cache
def student_error(alpha: float, pruned_to: float) -> float:
    """The error of the student of largest margin on new examples.

    The share ``pruned_to`` of examples with Gaussian coordinates nearest to the teacher's boundary is kept, α per
    dimension. With R the overlap of student and teacher and κ the margin, the student exists where

        min over R of  α / f · ∫ … dz − (1 − R²) ≤ 0;

    the largest such κ is its margin, and the error is ``arccos(R) / π`` there.
    """
    from scipy.optimize import brentq, minimize_scalar
    from scipy.special import ndtri

    most = FAR if pruned_to == 1 else float(-ndtri((1 - pruned_to) / 2))
    angles = np.log([1e-5, np.pi / 2 - 1e-6])

    def excess(log_angle: float, kappa: float) -> float:
        overlap = float(np.cos(np.exp(log_angle)))
        return (alpha / pruned_to * _integral(overlap, kappa, most)) / (1 - overlap**2) - 1

    def best(kappa: float) -> tuple[float, float]:
        start = np.linspace(angles[0], angles[1], 17)
        values = [excess(u, kappa) for u in start]
        i = int(np.argmin(values))
        near = start[max(i - 1, 0)], start[min(i + 1, 16)]
        minimum = minimize_scalar(
            excess, bounds=near, args=(kappa,), method="bounded", options={"xatol": 1e-8}
        )
        return float(minimum.x), float(minimum.fun)

    kappa = brentq(lambda k: best(k)[1], 1e-9, 10.0, xtol=1e-11)
    return float(np.exp(best(kappa)[0]) / np.pi)
