"""Data pruning: a perceptron trained on its teacher's hardest examples (Sorscher et al., arXiv 2206.14486)."""

from relscale.atlas.answers import known
from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.questions.pruning import student_error

EXAMPLES = {  # kept examples per dimension, by the fraction kept
    1.0: (1, 2, 4, 8, 16, 64, 256),
    0.8: (1, 2, 4, 8),
    0.5: (1, 2, 4, 8),
    0.3: (1, 2, 4, 8),
}
ENVELOPE = (1, 2, 3, 4)  # kept examples per dimension
SHARES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.01)  # fractions kept, of which the best is selected


def student_errors() -> dict[tuple[float, int], float]:
    """The errors for all fractions and numbers of examples of ``EXAMPLES``."""
    return {
        (share, alpha): student_error(alpha, share) for share, alphas in EXAMPLES.items() for alpha in alphas
    }


def reproduce(tables: Tables) -> dict[str, Number]:
    """All errors, the lowest error per number of examples, and two identities of theory."""
    computed = student_errors()
    results = {_quantity(*key): Number(value) for key, value in computed.items()}
    for alpha in ENVELOPE:
        least = min(student_error(alpha, share) for share in SHARES)
        results[f"error at {alpha} examples per dimension, best share kept"] = Number(least)
    results["error times examples per dimension, all kept, 256 examples per dimension"] = Number(
        256 * computed[1.0, 256]
    )
    results["error with half of 16 kept minus error with all of 16 kept"] = Number(
        computed[0.5, 8] - computed[1.0, 16]
    )
    return results


def _quantity(kept: float, alpha: int) -> str:
    return f"error at {alpha} examples per dimension, {100 * kept:.0f}% kept"


def view(tables: Tables) -> View:
    """The error over kept examples per dimension, per fraction kept; lines are computed here."""
    all_errors, numbers = student_errors(), known("perceptron")
    series = []
    for share, alphas in EXAMPLES.items():
        expected = [numbers[_quantity(share, alpha)] for alpha in alphas]
        computed = [all_errors[share, alpha] for alpha in alphas]
        series.append(Series(f"{100 * share:.0f}% kept", alphas, expected, (alphas, computed)))
    return View("examples kept per dimension", "error of the student", tuple(series))


ENTRY = Entry(
    title="Beyond neural scaling laws: data pruning",
    paper="Sorscher et al., arXiv 2206.14486",
    formula="ε = arccos(R) / π, with min over R of α · ∫ … dz = 1 − R² at the largest margin",
    tables=(),
    reproduce=reproduce,
    view=view,
    command="relscale ask pruning pruned.csv --examples examples_per_dimension --kept kept --error test_error",
    remark="The teacher is known and the student maximises the margin; the hardest examples are kept. If no dropped "
    "example is a support vector, the student does not change. With few examples per dimension pruning easy examples "
    "hurts: keeping 30% at one example per dimension is worse than keeping all.",
)
