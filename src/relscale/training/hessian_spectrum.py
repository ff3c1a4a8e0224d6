"""Stochastic Lanczos quadrature: the spectrum of a matrix from matrix-vector products, such as a loss's Hessian.

    A ≈ Q T Qᵀ,    density φ(t) ≈ mean over starts of Σ_k w_k · δ(t − θ_k)

θ_k the eigenvalues of the tridiagonal T, w_k the squared first components of its eigenvectors, of random starts of ±1.
Full reorthogonalisation avoids repeated eigenvalues. The largest eigenvalues converge first.

For a batch of b examples, noise increases the largest eigenvalue of the Hessian. By the theory of spiked random
matrices, with λ that of all data, σ the noise of one example and P parameters

    λ(b) = λ + (P / b) · σ² / λ  if λ > σ · √(P / b),  else the edge of the noise, 2 · σ · √(P / b)

Sources: Ghorbani et al., *An Investigation into Neural Net Optimization via Hessian Eigenvalue Density*, arXiv
1901.10159; Granziol et al., *Learning Rates as a Function of Batch Size*, arXiv 2006.09092.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]
Product = Callable[[Floats], Floats]

ITERATIONS = 60
EXHAUSTED = (
    1e-10  # relative to the largest coefficient: the remainder of a vector within the space already searched
)


@dataclass(frozen=True)
class Ritz:
    """Approximate eigenvalues, ascending, and the weight of each in the density; weights sum to 1."""

    values: Floats
    weights: Floats


def lanczos(product: Product, size: int, iterations: int = ITERATIONS, seed: int = 0) -> Ritz:
    """Ritz values and weights of a symmetric matrix of a given size, from one random start."""
    from scipy.linalg import eigh_tridiagonal

    start = np.random.default_rng(seed).choice([-1.0, 1.0], size) / np.sqrt(size)
    vectors = np.empty((min(iterations, size), size))
    diagonal: list[float] = []
    off_diagonal: list[float] = []
    vectors[0] = start
    for k in range(len(vectors)):
        ahead = product(vectors[k])
        diagonal.append(float(vectors[k] @ ahead))
        for _ in range(2):  # twice is enough
            ahead = ahead - vectors[: k + 1].T @ (vectors[: k + 1] @ ahead)
        norm = float(np.linalg.norm(ahead))
        if k + 1 == len(vectors) or norm <= EXHAUSTED * max(map(abs, [*diagonal, *off_diagonal])):
            break
        off_diagonal.append(norm)
        vectors[k + 1] = ahead / norm
    values, of = eigh_tridiagonal(np.array(diagonal), np.array(off_diagonal))
    return Ritz(values, of[0] ** 2)


def density(spectra: Sequence[Ritz], at: Floats, width: float) -> Floats:
    """The mean density at eigenvalues (n,), each Ritz value a Gaussian of this standard deviation."""
    densities = [
        (ritz.weights[:, None] * np.exp(-0.5 * ((at - ritz.values[:, None]) / width) ** 2)).sum(axis=0)
        for ritz in spectra
    ]
    return np.asarray(np.mean(densities, axis=0) / (width * np.sqrt(2 * np.pi)))


def largest_of_batch(largest: float, noise: float, params: float, batch: float) -> float:
    """The expected largest eigenvalue of a batch's Hessian, from that of all data and the noise of one example."""
    spread = noise * np.sqrt(params / batch)
    return float(largest + spread**2 / largest if largest > spread else 2 * spread)


def noise_matrix(params: int, seed: int) -> Floats:
    """A symmetric matrix of noise whose spectrum is the semicircle from −2 to 2."""
    drawn = np.random.default_rng(seed).standard_normal((params, params))
    return np.asarray((drawn + drawn.T) / np.sqrt(2 * params))


def hessian_product(loss: "torch.Tensor", parameters: "Sequence[torch.nn.Parameter]") -> Product:
    """The product of a loss's Hessian with a vector, by a second backward pass.

    Every operation below the loss needs a second derivative: attention must be eager, and no kernel fused.
    """
    import torch

    gradients = torch.autograd.grad(loss, list(parameters), create_graph=True)
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])

    def product(vector: Floats) -> Floats:
        along = torch.as_tensor(vector, dtype=flat.dtype, device=flat.device)
        second = torch.autograd.grad(
            flat @ along, list(parameters), retain_graph=True, allow_unused=True, materialize_grads=True
        )
        flat_product = torch.cat([product.reshape(-1) for product in second])
        return np.asarray(flat_product.double().cpu().numpy())

    return product
