"""Data pruning for a perceptron trained on its teacher's hardest examples (Sorscher et al., arXiv 2206.14486)."""

from relscale.atlas.answers import known
from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.questions.pruning import student_error

EXAMPLES = {  # kept per dimension, by the fraction that is kept
    1.0: (1, 2, 4, 8, 16, 64, 256),
    0.8: (1, 2, 4, 8),
    0.5: (1, 2, 4, 8),
    0.3: (1, 2, 4, 8),
}
ENVELOPE = (1, 2, 3, 4)  # examples kept per dimension
SHARES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.01)  # of which the best is kept


def errors() -> dict[tuple[float, int], float]:
    """The error of every fraction and number of examples of ``EXAMPLES``."""
    return {
        (share, alpha): student_error(alpha, share) for share, alphas in EXAMPLES.items() for alpha in alphas
    }


def reproduce(tables: Tables) -> dict[str, Number]:
    """All errors, the lowest error per number of examples, and two identities of theory."""
    computed = errors()
    results = {_quantity(*key): Number(value) for key, value in computed.items()}
    for alpha in ENVELOPE:
        least = min(student_error(alpha, share) for share in SHARES)
        results[f"error at {alpha} examples per dimension, best share kept"] = Number(least)
    results["error times examples per dimension, all kept, of 256"] = Number(256 * computed[1.0, 256])
    results["half kept of 8 less all kept of 16"] = Number(computed[0.5, 8] - computed[1.0, 16])
    return results


def _quantity(pruned_to: float, alpha: int) -> str:
    return f"error at {alpha} examples per dimension, {100 * pruned_to:.0f}% kept"


def view(tables: Tables) -> View:
    """The error as a function of kept examples per dimension, by kept share; lines are computed here."""
    every, numbers = errors(), known("perceptron")
    series = []
    for share, alphas in EXAMPLES.items():
        expected = [numbers[_quantity(share, alpha)] for alpha in alphas]
        computed = [every[share, alpha] for alpha in alphas]
        series.append(Series(f"{100 * share:.0f}% kept", alphas, expected, (alphas, computed)))
    return View("examples kept per dimension", "error of the student", tuple(series))


ENTRY = Entry(
    title="Beyond neural scaling laws: data pruning",
    paper="Sorscher et al., arXiv 2206.14486",
    formula="ε = arccos(R) / π, where min over R of α · ∫ … dz = 1 − R² at the largest margin",
    tables=(),
    reproduce=reproduce,
    view=view,
    command="relscale ask pruning pruned.csv --examples examples_per_dimension --kept kept --error test_error",
    remark="The teacher is known and the student maximises the margin; the hardest examples are kept. If the dropped "
    "examples are not support vectors, the student is the same as with all of them. With few examples per dimension "
    "pruning easy examples hurts: keeping 30% at one example per dimension is worse than keeping all.",
)
