"""Multi-power law: the loss at every step of a training under any schedule; what annealing gains is a power law too.

    L(t) = L0 + A · S1(t)^(−α) − B · Σ_{k≤t} (η_{k−1} − η_k) · (1 − (1 + C · η_k^(−γ) · S_k(t))^(−β))

    S1(t) = Σ_{i≤t} η_i,    S_k(t) = Σ_{k≤i≤t} η_i

Between two logged steps η is taken to be linear, and before the first to rise from 0. Warm-up counts as it was, and so
do its rises in the sum; the loss before the peak of the rate is not fitted. The sum is over bins of falls, not over
all steps (``relscale.laws.rate_changes``): it is off by 10⁻⁴ of a nat on average.

Source: Luo et al., *A Multi-Power Law for Loss Curve Prediction Across Learning Rate Schedules*, arXiv 2503.12811.
"""

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.profile import crossed
from relscale.laws.rate_changes import EVERY, changes
from relscale.laws.separable import separable

ALPHAS, BETAS, GAMMAS = np.array([0.3, 0.5, 0.9]), np.array([0.1, 0.4, 1.2]), np.array([0.2, 0.6, 1.2])
FAR = np.array([1.0, 20.0, 400.0])  # C · η^(−γ) · S at the middle of the falls


def gained(g: Array, z: Array) -> Array:
    """The sum over all changes, (n, ...), of α, C, β, γ (4, ...) at S1 and the bins (1 + 3 · EVERY, n, ...)."""
    _, c, beta, gamma = g
    change, rate, area = z[1 : 1 + EVERY], z[1 + EVERY : 1 + 2 * EVERY], z[1 + 2 * EVERY :]
    total = np.zeros(np.broadcast_shapes(np.shape(c), z.shape[1:]))
    log_c = np.log(c)
    with np.errstate(divide="ignore"):
        log_rate, log_area = np.log(rate), np.log(area)
    for b in range(EVERY):
        if change[b].any():
            far = np.logaddexp(0, log_c - gamma * log_rate[b] + log_area[b])
            total = total - change[b] * np.expm1(-beta * far)
    return total


def terms(g: Array, z: Array) -> Array:
    """What L0, A and B are multiplied with, (3, n, ...)."""
    left = np.exp(-g[0] * np.log(z[0]))
    return np.stack(np.broadcast_arrays(np.ones_like(left), left, -gained(g, z)))


def grid(z: Array) -> Array:
    """α, C, β, γ; C by what the power is of at the middle of the falls."""
    alpha, far, beta, gamma = crossed(ALPHAS, FAR, BETAS, GAMMAS)
    of_falls = (z[1 : 1 + EVERY] > 0) & (z[1 + 2 * EVERY :] > 0)
    log_rate, log_area = np.log(z[1 + EVERY : 1 + 2 * EVERY][of_falls]), np.log(z[1 + 2 * EVERY :][of_falls])
    middle = (np.median(log_rate), np.median(log_area)) if len(log_rate) else (0.0, 0.0)
    return np.stack([alpha, far * np.exp(gamma * middle[0] - middle[1]), beta, gamma])


LAW = separable(
    name="multi_power",
    predictors=("S1", *(f"{name}_{b + 1}" for name in ("change", "rate", "area") for b in range(EVERY))),
    parameters=(
        Parameter("L0", "unit of the loss", "what is left after endless training", low=0),
        Parameter("A", "unit of the loss", "what training takes away, at S1 = 1", low=0, log=True),
        Parameter(
            "B",
            "unit of the loss per learning rate",
            "what a fall of the rate gives in the end",
            low=0,
            log=True,
        ),
        Parameter("alpha", "none", "how fast training takes it away", low=0, high=5),
        Parameter("C", "rate^γ per S1", "how soon a fall of the rate pays", low=0, log=True),
        Parameter("beta", "none", "how slowly it pays in full", low=1e-3, high=5, log=True),
        Parameter("gamma", "none", "how much sooner a fall to a low rate pays", low=0, high=3),
    ),
    linear=("L0", "A", "B"),
    terms=terms,
    grid=grid,
    coordinates=np.asarray,
    source="Luo et al., arXiv 2503.12811",
    formula="L = L0 + A · S1^(−α) − B · Σ_k (η_{k−1} − η_k) · (1 − (1 + C · η_k^(−γ) · S_k)^(−β))",
    traps="B, C, β and γ trade off: judge curves, not parameters. Under a constant rate they are free. Log the corners "
    "of the schedule: a drop between two logged steps is taken to be a slope. Three trainings give no honest interval.",
    made_of=("step", "learning_rate"),
    make=changes,
)
