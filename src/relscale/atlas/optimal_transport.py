"""Projektor (Kang et al., arXiv 2307.02460): exactly known transport distances, and errors of its second stage."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View, curve_points
from relscale.corpora.distance import transport_distance
from relscale.laws.law import Array
from relscale.questions.projection import projected

SMALL, LARGE = 1000.0, 1500.0
EXTRAPOLATIONS = ((0.0, 5_000), (0.0, 10_000), (0.2, 5_000), (0.2, 10_000))  # floor and size


def loss(floor: float, size: Array) -> Array:
    """A power of the size above a floor."""
    return np.asarray(floor + 2 * size**-0.3)


def stage_2_errors(floor: float, size: Array) -> tuple[Array, Array]:
    """Errors (%) of extrapolation by the line through two sizes, of the loss and of its logarithm."""
    position = np.log(size / SMALL) / np.log(LARGE / SMALL)
    small, large = loss(floor, np.array(SMALL)), loss(floor, np.array(LARGE))
    linear = projected(small, large, position)
    log_linear = np.exp(projected(np.log(small), np.log(large), position))
    return 100 * (linear / loss(floor, size) - 1), 100 * (log_linear / loss(floor, size) - 1)


def _quantity(floor: float, size: int, label: str) -> str:
    return f"error at size {size:,} from 1,000 and 1,500, floor {floor:g}, line of {label}"


def reproduce(tables: Tables) -> dict[str, Number]:
    """Errors of stage 2, and exactly known distances of samples."""
    numbers = {}
    for floor, size in EXTRAPOLATIONS:
        for label, percent in zip(("L", "ln L"), stage_2_errors(floor, np.array(float(size))), strict=True):
            numbers[_quantity(floor, size, label)] = Number(float(percent))
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 2))
    shifted = transport_distance(points, points + np.array([1.0, 2.0]), power=2)
    numbers["squared distance W2 of a shift by (1, 2)"] = Number(shifted**2)
    a, b = rng.normal(size=200), rng.normal(0.5, 2, size=200)
    difference = transport_distance(a[:, None], b[:, None]) - float(np.abs(np.sort(a) - np.sort(b)).mean())
    numbers["distance in one dimension minus that of the sorted points"] = Number(difference)
    return numbers


def view(tables: Tables) -> View:
    """The error of stage 2 over the size."""
    at = curve_points([1500, 2e4])
    series = []
    for floor in (0.0, 0.2):
        for label, difference in zip(("L", "ln L"), stage_2_errors(floor, at), strict=True):
            series.append(Series(f"line of {label}, floor {floor:g}", fitted=(at, difference)))
    return View("size, from runs of 1,000 and 1,500", "error of stage 2, %", tuple(series), log_y=False)


ENTRY = Entry(
    title="Performance scaling via optimal transport (Projektor)",
    paper="Kang et al., arXiv 2307.02460, and its notebook",
    formula="L(N, p) = Σ_i (b2_i p_i² + b1_i p_i + b0) · OT + Σ_i (c2_i p_i² + c1_i p_i + c0); L(N) is a line in ln N "
    "through L(N_0) and L(N_1)",
    tables=(),
    reproduce=reproduce,
    view=view,
    command="relscale ask transport documents.parquet --target news\n"
    "relscale ask projection runs.csv --x share_a,share_b,share_c --size tokens --at 1e10 --y error",
    remark="No table of the paper is public. Its second stage is exact if the performance is linear in ln N, as for "
    "some accuracies; a loss of 2 · N^(−0.3) is linear only in its logarithm, and with an irreducible loss in neither.",
)
