"""Learning-rate annealing law: the loss at every step of a training run, under any schedule.

    L(s) = L0 + A · S1^(−α) − C · S2

S1, the sum of the learning rates so far, measures progress; S2 measures annealing, each decrease of the rate discounted
with λ (``relscale.laws.annealing_areas``).

Options: ``annealing:warm_up=real`` counts warm-up steps in S1 at their actual rate instead of the peak rate (the
paper's choice); after a long warm-up L0 depends on it. ``annealing:forgetting=0.99`` sets λ (default 0.999). The loss
before the peak is not fitted.

Identifiable if the learning rate decays: under a constant rate S2 is 0 and C is undetermined.

Source: Tissue, Wang and Wang, *Scaling Law with Learning Rate Annealing*, arXiv 2408.11029, equation 1 and section 3.
"""

from functools import partial

import numpy as np

from relscale.errors import RelscaleError
from relscale.laws.annealing_areas import FORGETTING, areas
from relscale.laws.law import Array, Law, Parameter
from relscale.laws.separable import separable

ALPHAS = np.array([0.05, 0.12, 0.2, 0.3, 0.42, 0.55, 0.75, 1.0, 1.5, 2.2])


def after_warm_up(curve: Array, forgetting: float = FORGETTING, warm_up: str = "peak") -> Array:
    """S1 and S2, (2, n), of steps and learning rates (2, n); nan before the learning rate's peak."""
    steps, rates = curve
    return np.where(steps >= steps[rates.argmax()], areas(steps, rates, forgetting, warm_up), np.nan)


def value(theta: Array, x: Array) -> Array:
    """L, (n, ...), of L0, A, C, α (4, ...) at S1, S2 (2, n, ...)."""
    l0, a, c, alpha = theta
    return np.asarray(l0 + np.exp(np.log(a) - alpha * np.log(x[0])) - c * x[1])


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by L0, A, C, α, (4, n, ...)."""
    _, a, _, alpha = theta
    log_s = np.log(x[0])
    power = np.exp(-alpha * log_s)
    return np.stack(np.broadcast_arrays(np.ones_like(power), power, -x[1], -a * power * log_s))


def terms(g: Array, z: Array) -> Array:
    """The terms of L0, A and C, (3, n, ...), of α (1, ...) at ln S1, S2 (2, n, ...)."""
    power = np.exp(-g[0] * z[0])
    return np.stack(np.broadcast_arrays(np.ones_like(power), power, -z[1]))


def with_options(warm_up: str = "peak", forgetting: str = str(FORGETTING)) -> Law:
    """The law with these options.

    Raises
    ------
    RelscaleError
        The warm-up is neither "peak" nor "real", or λ is not a number between 0 and 1.
    """
    if warm_up not in ("peak", "real"):
        raise RelscaleError(f"law annealing: warm_up is {warm_up!r}, neither peak nor real")
    try:
        discount = float(forgetting)
    except ValueError:
        discount = np.nan
    if not 0 < discount < 1:
        raise RelscaleError(f"law annealing: forgetting is {forgetting!r}, not a number between 0 and 1")
    return separable(
        name="annealing",
        predictors=("S1", "S2"),
        parameters=(
            Parameter("L0", "unit of the loss", "the loss after unlimited training", low=0),
            Parameter("A", "unit of the loss", "the amplitude of the power law, at S1 = 1", low=0, log=True),
            Parameter(
                "C", "unit of the loss per learning rate", "the reduction of the loss per unit of S2", low=0
            ),
            Parameter("alpha", "none", "the exponent of S1", low=0, high=5),
        ),
        value=value,
        jacobian=jacobian,
        source="Tissue et al., arXiv 2408.11029, equation 1",
        formula="L = L0 + A · S1^(−α) − C · S2",
        traps="Under a constant learning rate S2 is 0 and C is undetermined; the steps of one training run are "
        "not independent.",
        linear=("L0", "A", "C"),
        terms=terms,
        grid=lambda z: ALPHAS[None],
        coordinates=lambda x: np.stack([np.log(x[0]), x[1]]),
        centre=lambda z: np.array([z[0].mean(), 0.0]),
        signed=("C",),
        source_columns=("step", "learning_rate"),
        make_predictors=partial(after_warm_up, forgetting=discount, warm_up=warm_up),
    )


LAW = with_options()
