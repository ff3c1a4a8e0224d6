"""The largest eigenvalue of a batch's Hessian (Granziol et al., arXiv 2006.09092), by theory and by simulation."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View, curve_points
from relscale.laws.law import Array
from relscale.laws.peak_learning_rate import LAW
from relscale.training.hessian_spectrum import lanczos, largest_of_batch, noise_matrix

PARAMS, SPIKE, NOISE = 600, 3.0, 0.2
BATCHES = (1, 4, 8, 16, 64)
ITERATIONS = 80
DRAWS = 8  # simulations; a single one scatters by up to 3%


def hessian(batch: int, seed: int) -> Array:
    """A simulated Hessian: one large eigenvalue along a parameter, plus the noise of a batch."""
    matrix = NOISE * np.sqrt(PARAMS / batch) * noise_matrix(PARAMS, seed)
    matrix[0, 0] += SPIKE
    return np.asarray(matrix)


def lanczos_largest(batch: int, seed: int) -> float:
    """The largest eigenvalue of one simulated batch, by Lanczos."""
    matrix = hessian(batch, seed)
    return float(lanczos(lambda vector: matrix @ vector, PARAMS, ITERATIONS).values[-1])


def mean_largest(batch: int) -> float:
    """The mean over simulations."""
    return float(np.mean([lanczos_largest(batch, seed) for seed in range(DRAWS)]))


def reproduce(tables: Tables) -> dict[str, Number]:
    """Theory and simulation per batch size, and Lanczos compared with the exact eigenvalue."""
    numbers = {}
    for batch in BATCHES:
        numbers[f"largest eigenvalue, batch {batch}, theory"] = Number(
            largest_of_batch(SPIKE, NOISE, PARAMS, batch)
        )
        numbers[f"largest eigenvalue, batch {batch}, mean of {DRAWS} simulations"] = Number(
            mean_largest(batch)
        )
    exact = float(np.linalg.eigvalsh(hessian(8, seed=0))[-1])
    return numbers | {
        "largest eigenvalue by Lanczos minus the exact one, batch 8": Number(
            lanczos_largest(8, seed=0) - exact
        )
    }


def view(tables: Tables) -> View:
    """The largest eigenvalue over the batch size."""
    at = curve_points([1, 64])
    theory = np.array([largest_of_batch(SPIKE, NOISE, PARAMS, float(batch)) for batch in at])
    simulated = Series(
        "largest eigenvalue", BATCHES, [mean_largest(batch) for batch in BATCHES], (at, theory)
    )
    return View("batch size", "largest eigenvalue", (simulated,))


ENTRY = Entry(
    title="Learning rates as a function of batch size: a random matrix theory approach",
    paper="Granziol et al., arXiv 2006.09092, from the general theory of spiked matrices; the paper's theorems were "
    "not checked",
    law="peak_learning_rate",
    formula=f"λ(b) = λ + (P / b) · σ² / λ if λ > σ · √(P / b), else 2 · σ · √(P / b); {LAW.formula}",
    tables=(),
    reproduce=reproduce,
    view=view,
    command="relscale fit sweep.csv --law peak_learning_rate --x batch_tokens --y learning_rate --group params\n"
    "python benchmarks/hessian_spectrum.py MODEL TEXT --batches 4,16,64",
    remark="A matrix of 600 parameters with one eigenvalue of 3 above noise of 0.2 per example. The largest stable "
    "learning rate of SGD is 2 / λ(b): linear in small batch sizes, constant in large ones. It is not the best rate. "
    "For networks the theory assumes unstructured noise; the script measures the Hessian of a checkpoint.",
)
