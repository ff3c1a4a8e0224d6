"""The schedule of a given number of steps whose final loss by the multi-power law is lowest.

After the warm-up the learning rate does not increase; its logarithm is linear between ``KNOTS`` evenly spaced steps. As
in the authors' search, the increases during the warm-up do not count: they would add the same terms to any schedule,
with a total that depends little on it.
"""

import numpy as np

from relscale.laws.law import Array

KNOTS = 200
FIRST_DECREASE, SIZE = 0.8, 1.5  # start of the search: position of the first decrease, and the total of ln η


def best_schedule(theta: Array, warm_up: Array, steps: int) -> tuple[Array, float]:
    """The learning rates (steps,) after and with a warm-up, and the final loss.

    Parameters
    ----------
    theta
        L0, A, α, B, C, β, γ.
    warm_up
        Learning rates of the first steps, which end at the peak.
    """
    from scipy.optimize import minimize
    from scipy.sparse import csr_array

    after = np.arange(steps - len(warm_up))
    knots = np.linspace(0, after[-1], KNOTS)
    weights = csr_array(np.array([np.interp(after, knots, unit) for unit in np.eye(KNOTS)]))
    falls = np.tril(np.ones((KNOTS, KNOTS)))  # ln η of the decreases between knots

    def rates(decreases: Array) -> Array:
        return np.append(warm_up, warm_up[-1] * np.exp(-(falls @ decreases @ weights)))

    def loss(decreases: Array) -> tuple[float, Array]:
        at = rates(decreases)
        value, slopes = final_loss(theta, at, len(warm_up))
        return value, -falls.T @ (weights @ (slopes * at)[len(warm_up) :])

    late = np.arange(KNOTS) >= FIRST_DECREASE * KNOTS
    search = minimize(
        loss,
        np.where(late, SIZE / late.sum(), 0.0),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * KNOTS,
        options={"maxiter": 2000, "ftol": 1e-13, "gtol": 1e-9},
    )
    return rates(search.x), float(search.fun)


def final_loss(theta: Array, rates: Array, first: int) -> tuple[float, Array]:
    """The loss at the last step, and its derivatives by the learning rates; changes count from step ``first`` on.

    ``L = L0 + A · S^(−α) − B · Σ_k (η_{k−1} − η_k) · (1 − (1 + u_k)^(−β))``, ``u_k = C · η_k^(−γ) · S_k``, with S the
    sum of all rates and S_k of those from step k on.
    """
    l0, a, alpha, b, c, beta, gamma = theta
    total, rest = rates.sum(), np.cumsum(rates[::-1])[::-1][first:]
    after = rates[first:]
    decrease, speed = rates[first - 1 : -1] - after, c * after**-gamma
    response = 1 + speed * rest
    remaining = response**-beta
    per_rest = decrease * beta * remaining / response * speed  # by S_k
    slopes = np.zeros_like(rates)
    slopes[first - 1 : -1] += 1 - remaining
    slopes[first:] -= 1 - remaining + per_rest * gamma * rest / after
    slopes[first:] += np.cumsum(per_rest)
    loss = l0 + a * total**-alpha - b * (decrease * (1 - remaining)).sum()
    return float(loss), -alpha * a * total ** (-alpha - 1) - b * slopes
