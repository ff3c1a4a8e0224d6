"""What is known of a perceptron that is trained on its teacher's hardest examples."""

import numpy as np
import pytest

from relscale.errors import RelscaleError
from relscale.questions import pruning
from relscale.storage.column_arrays import Columns


def table(examples: list[float], kept: list[float]) -> Columns:
    return Columns({"examples_per_dimension": np.array(examples), "kept": np.array(kept)})


@pytest.mark.slow
def test_examples_that_are_no_support_vectors_can_be_dropped_and_few_hard_ones_are_worse_than_any() -> None:
    plenty, scarce, all_kept = pruning.rows(table([8, 1, 4], [0.5, 0.3, 1]))
    assert plenty.theory == pytest.approx(plenty.everything, rel=1e-6)
    assert plenty.gain > 0 > scarce.gain
    assert all_kept.theory == all_kept.unchosen == all_kept.everything
    assert all_kept.gain == 0


def test_the_error_of_many_examples_falls_as_their_number_to_the_stability_of_a_random_set() -> None:
    """0.5005 / α: Opper et al., *On the ability of the optimal perceptron to generalise*, 1990."""
    (row,) = pruning.rows(table([1000], [1]))
    assert 1000 * row.theory == pytest.approx(0.5005, abs=1e-4)


@pytest.mark.slow
def test_errors_of_simulated_perceptrons_are_those_of_theory() -> None:
    """Students of largest margin of 60 dimensions, by Hildreth's steps along the dual; they differ by 10%."""
    dimensions, alpha, repeats = 60, 4, 12
    (row,) = pruning.rows(table([alpha], [0.5]))
    rng, errors = np.random.default_rng(0), []
    for _ in range(repeats):
        teacher = rng.standard_normal(dimensions)
        every = rng.standard_normal((2 * alpha * dimensions, dimensions))
        distance = np.abs(every @ teacher)
        hardest = every[distance <= np.median(distance)]
        signed = hardest * np.sign(hardest @ teacher)[:, None]
        student, duals, squares = np.zeros(dimensions), np.zeros(len(signed)), (signed**2).sum(axis=1)
        for _ in range(150):
            for i, x in enumerate(signed):
                step = max(-duals[i], (1 - x @ student) / squares[i])
                duals[i] += step
                student += step * x
        cosine = student @ teacher / np.linalg.norm(student) / np.linalg.norm(teacher)
        errors.append(np.arccos(cosine) / np.pi)
    assert np.mean(errors) == pytest.approx(row.theory, rel=0.08)


@pytest.mark.parametrize(
    ("examples", "kept", "message"),
    [
        (4, 0, "kept: 0 is not a share from 0.001 to 1"),
        (4, 1.5, "kept: 1.5 is not a share"),
        (1e6, 0.5, "examples_per_dimension: 1e.06 of 2e.06 per dimension are not between"),
        (0, 0.5, "examples_per_dimension: 0 of 0 per dimension are not between 0.01"),
        (np.nan, 0.5, "examples_per_dimension: nan"),
    ],
)
def test_what_is_out_of_range_is_one_sentence(examples: float, kept: float, message: str) -> None:
    with pytest.raises(RelscaleError, match=message):
        list(pruning.rows(table([examples], [kept])))
