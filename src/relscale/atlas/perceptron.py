"""A perceptron that learns from a teacher's hardest examples: exact errors (Sorscher et al., arXiv 2206.14486)."""

from itertools import pairwise

import numpy as np

from relscale.atlas.entry import Answer, Entry, Number, Origin, Tables
from relscale.atlas.view import Series, View

NODES, WIDTHS = 40, 8.0  # of each part of an integral; half the width of the part around a margin
POINTS = np.polynomial.legendre.leggauss(NODES)
FAR = 9.0  # standard deviations
KNOWN = {  # error by examples kept per dimension, for the fraction that is kept
    1.0: {1: 0.265711, 2: 0.188479, 4: 0.113657, 8: 0.060904, 16: 0.031065, 64: 0.007817, 256: 0.001955},
    0.8: {1: 0.271315, 2: 0.166751, 4: 0.093832, 8: 0.049183},
    0.5: {1: 0.321048, 2: 0.136097, 4: 0.060994, 8: 0.031065},
    0.3: {1: 0.380757, 2: 0.112276, 4: 0.037291, 8: 0.018721},
}


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


def errors() -> dict[tuple[float, int], float]:
    """The error of every fraction and number of examples of ``KNOWN``."""
    return {
        (share, alpha): student_error(alpha, share) for share, values in KNOWN.items() for alpha in values
    }


def reproduce(tables: Tables) -> dict[str, Number]:
    """All errors, and what is left of a known constant."""
    computed = errors()
    results = {_quantity(*key): Number(value) for key, value in computed.items()}
    results["error times examples per dimension, all kept, of 256"] = Number(256 * computed[1.0, 256])
    results["half kept of 8 less all kept of 16"] = Number(computed[0.5, 8] - computed[1.0, 16])
    return results


def _quantity(pruned_to: float, alpha: int) -> str:
    return f"error at {alpha} examples per dimension, {100 * pruned_to:.0f}% kept"


def view(tables: Tables) -> View:
    """The error over the examples that are kept, by the share that is kept; lines join what is computed here."""
    every = errors()
    series = []
    for share, known in KNOWN.items():
        computed = [every[share, alpha] for alpha in known]
        series.append(
            Series(f"{100 * share:.0f}% kept", list(known), list(known.values()), (list(known), computed))
        )
    return View("examples kept per dimension", "error of the student", tuple(series))


ENTRY = Entry(
    title="Beyond neural scaling laws: data pruning",
    paper="Sorscher et al., arXiv 2206.14486",
    formula="ε = arccos(R) / π, where min over R of α · ∫ … dz = 1 − R² at the largest margin",
    tables=(),
    answers=(
        *(
            Answer(_quantity(share, alpha), value, 1e-5, origin=Origin.THEORY)
            for share, values in KNOWN.items()
            for alpha, value in values.items()
        ),
        Answer("error times examples per dimension, all kept, of 256", 0.50048, 5e-4, origin=Origin.THEORY),
        Answer("half kept of 8 less all kept of 16", 0, 1e-6, origin=Origin.THEORY),
    ),
    reproduce=reproduce,
    view=view,
    command="",
    remark="The teacher is known and the student maximises the margin; the hardest examples are kept. If the dropped "
    "examples are not support vectors, the student is the same as with all of them. With few examples per dimension "
    "pruning easy examples hurts: keeping 30% at one example per dimension is worse than keeping all.",
)
