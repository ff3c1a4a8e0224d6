"""The spectrum of a Hessian by stochastic Lanczos, where it is known."""

import numpy as np
import pytest

from relscale.training.hessian_spectrum import density, hessian_product, lanczos, noise_matrix


def test_the_ends_of_a_spectrum_are_those_of_all_eigenvalues_and_weights_are_a_density() -> None:
    matrix = noise_matrix(300, 1)
    matrix[0, 0] += 4
    every = np.linalg.eigvalsh(matrix)
    found = lanczos(lambda vector: matrix @ vector, 300, 80)
    assert found.values[-1] == pytest.approx(every[-1], abs=1e-6)
    assert found.weights.sum() == pytest.approx(1)
    spectra = [lanczos(lambda vector: matrix @ vector, 300, 40, seed) for seed in range(4)]
    at = np.linspace(-4, 6, 400)
    of_all = np.mean(
        [one.weights @ one.values for one in spectra]
    )  # of a density the mean is the trace over size
    assert of_all == pytest.approx(np.trace(matrix) / 300, abs=0.1)
    assert np.trapezoid(density(spectra, at, 0.1), at) == pytest.approx(1, abs=1e-3)


def test_a_small_matrix_is_known_exactly_and_no_eigenvalue_comes_twice() -> None:
    matrix = np.diag([1.0, 2.0, 5.0])
    assert lanczos(lambda vector: matrix @ vector, 3).values == pytest.approx([1, 2, 5])
    assert lanczos(lambda vector: vector, 5).values == pytest.approx([1])


def test_the_hessian_of_least_squares_is_that_of_its_inputs() -> None:
    torch = pytest.importorskip("torch")
    x = torch.randn(50, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    layer = torch.nn.Linear(6, 1, bias=False, dtype=torch.float64)
    loss = 0.5 * (layer(x).squeeze(1) - x[:, 0]).square().mean()
    product = hessian_product(loss, list(layer.parameters()))
    exact = (x.T @ x / 50).numpy()
    assert product(np.eye(6)[2]) == pytest.approx(exact[2])
    assert lanczos(product, 6).values == pytest.approx(np.linalg.eigvalsh(exact))
