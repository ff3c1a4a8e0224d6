"""Random parameters for every law, over their usual range, and the points of the data."""

from collections.abc import Callable

import numpy as np
from generators.laws import changing_rates, crossed, rates_and_batches, schedule

from relscale.laws.catalogue import law
from relscale.laws.law import Array, Law

Rng = np.random.Generator
Draw = Callable[[Rng], tuple[Law, Array, Array]]  # the law, x and true parameters


def between(rng: Rng, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def decades(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def critical_batch(rng: Rng) -> tuple[Law, Array, Array]:
    critical = decades(rng, 1e4, 1e7)
    x = critical * np.geomspace(decades(rng, 0.01, 0.3), decades(rng, 3, 100), 9)[None]
    return law("critical_batch"), x, np.array([decades(rng, 1e2, 1e6), critical])


def batch_trajectory(rng: Rng) -> tuple[Law, Array, Array]:
    x = crossed(np.geomspace(1e6, 6.4e7, 4), np.geomspace(2e3, 1e5, 4), np.geomspace(3e4, 1e6, 4))
    of_params, of_steps, of_batch = between(rng, 0.05, 0.15), between(rng, 0.4, 1.0), between(rng, 0.15, 0.5)
    at_loss = decades(rng, 1e5, 1e6)  # the critical batch at a loss of 4
    scale = 1e7 * between(rng, 1.5, 3.5) ** (1 / of_params), 1e4 * between(rng, 0.3, 1.0) ** (1 / of_steps)
    truth = [scale[0], of_params, scale[1], of_steps, at_loss * 4 ** (1 / of_batch), of_batch]
    return law("batch_trajectory"), x, np.array(truth)


def data_constrained(rng: Rng) -> tuple[Law, Array, Array]:
    unique = decades(rng, 1e8, 1e9) * np.geomspace(1, 200, 90)
    epochs = np.tile([1, 2, 4, 15, 30, 60], 15)
    x = np.stack([rng.permutation(np.geomspace(1e7, 8e9, 90)), unique * epochs, unique])
    alpha, beta = between(rng, 0.25, 0.45), between(rng, 0.25, 0.45)
    surface = [
        between(rng, 1.2, 2.2),
        5e8**alpha * between(rng, 0.3, 1),
        1e10**beta * between(rng, 0.3, 1),
        alpha,
        beta,
    ]
    return law("data_constrained"), x, np.array([*surface, decades(rng, 4, 40), decades(rng, 2, 20)])


def loss_to_loss(rng: Rng) -> tuple[Law, Array, Array]:
    x = np.linspace(2.2, 4.5, 40)[None]
    return (
        law("loss_to_loss"),
        x,
        np.array([between(rng, 0, 1.5), between(rng, 0.5, 1.5), between(rng, 0, 2), between(rng, 0.6, 1.8)]),
    )


def mixture_additive(rng: Rng) -> tuple[Law, Array, Array]:
    x = rng.dirichlet(np.ones(4), 120).T
    columns = tuple(f"share_{part}" for part in "abcd")
    truth = [between(rng, 0.5, 2), *(decades(rng, 0.2, 2) for _ in x), *(decades(rng, 0.15, 1.2) for _ in x)]
    return law("mixture_additive", columns), x, np.array(truth)


def mixture_loglinear(rng: Rng) -> tuple[Law, Array, Array]:
    x = rng.dirichlet(np.ones(4), 120).T
    columns = tuple(f"share_{part}" for part in "abcd")
    return (
        law("mixture_loglinear", columns),
        x,
        np.array([between(rng, 0.5, 2.5), *rng.uniform(-1.5, 1.5, 4)]),
    )


def parallel_streams(rng: Rng) -> tuple[Law, Array, Array]:
    x = np.stack([np.repeat(np.geomspace(5e8, 5e9, 6), 4), np.tile([1.0, 2.0, 4.0, 8.0], 6)])
    alpha = between(rng, 0.1, 0.5)
    truth = [between(rng, 0.3, 1.5), 1e9**alpha * between(rng, 0.3, 1.5), alpha, between(rng, 0.05, 1)]
    return law("parallel_streams"), x, np.array(truth)


def shifted_power(rng: Rng) -> tuple[Law, Array, Array]:
    x = np.geomspace(1e-3, 1e3, 25)[None]
    truth = [between(rng, 0.2, 0.6), between(rng, 0.1, 0.8), decades(rng, 3e-3, 30), between(rng, 0.02, 0.2)]
    return law("shifted_power"), x, np.array(truth)


def task_scaling(rng: Rng) -> tuple[Law, Array, Array]:
    truth = [decades(rng, 0.05, 3), between(rng, 0.1, 0.6)]
    return law("task_scaling"), np.geomspace(3e-2, 3e1, 15)[None], np.array(truth)


def peak_learning_rate(rng: Rng) -> tuple[Law, Array, Array]:
    x = np.geomspace(3e4, 1e7, 12)[None]
    truth = [decades(rng, 1e-4, 1e-2), decades(rng, 1e5, 5e6), between(rng, 0.4, 1.2)]
    return law("peak_learning_rate"), x, np.array(truth)


def combined(rng: Rng) -> tuple[Law, Array, Array]:
    x = crossed(np.geomspace(5e7, 1e10, 5), np.geomspace(1e9, 3e11, 5))
    truth = [decades(rng, 0.1, 10), between(rng, -0.9, -0.1), between(rng, 0.1, 0.6)]
    return law("combined", ("params", "tokens")), x, np.array(truth)


def filtering(rng: Rng) -> tuple[Law, Array, Array]:
    samples = np.geomspace(4e6, 1.6e8, 12)
    x = np.stack([np.tile(samples, 2), np.repeat([1.28e7, 5e7], 12)])
    truth = [decades(rng, 0.005, 0.1), -between(rng, 0.08, 0.3), between(rng, 1.5, 10), between(rng, 0, 0.3)]
    return law("filtering"), x, np.array(truth)


def encoder_decoder(rng: Rng) -> tuple[Law, Array, Array]:
    x = crossed(np.geomspace(1e7, 1e9, 5), np.geomspace(1e7, 1e9, 5))
    p_e, p_d = between(rng, 0.05, 0.4), between(rng, 0.05, 0.4)
    truth = [1e8 ** (p_e + p_d) * between(rng, 0.3, 2), p_e, p_d, between(rng, 0.5, 1.5)]
    return law("encoder_decoder"), x, np.array(truth)


def log_law(rng: Rng) -> tuple[Law, Array, Array]:
    truth = [decades(rng, 1, 20), decades(rng, 1e3, 2e7), between(rng, 0.4, 1.5)]
    return law("log_law"), np.geomspace(1e8, 1e12, 12)[None], np.array(truth)


def datastore(rng: Rng) -> tuple[Law, Array, Array]:
    stores = np.array([0, 1e9, 1e10, 1e11, 1e12])
    x = crossed(np.geomspace(1e8, 1e10, 3), np.geomspace(1e10, 1e12, 3), stores)
    alpha, beta = between(rng, 0.2, 0.5), between(rng, 0.2, 0.5)
    truth = [
        *(between(rng, 1.2, 2), 1e9**alpha * between(rng, 0.3, 1), 1e11**beta * between(rng, 0.3, 1)),
        *(between(rng, 0.02, 0.08), alpha, beta, decades(rng, 3e8, 3e10)),
    ]
    return law("datastore"), x, np.array(truth)


def rl_posttraining(rng: Rng) -> tuple[Law, Array, Array]:
    sizes = np.array([5e8, 1.5e9, 3e9, 7e9, 14e9, 32e9, 72e9])
    truth = [
        *(between(rng, -0.6, -0.1), between(rng, -0.3, 0), between(rng, -0.03, 0.03)),
        *(between(rng, 0.05, 0.3), decades(rng, 1e9, 3e10)),
    ]
    return law("rl_posttraining"), crossed(sizes, np.geomspace(1e18, 1e21, 8)), np.array(truth)


def architecture(rng: Rng) -> tuple[Law, Array, Array]:
    x = np.vstack([crossed(np.geomspace(0.02, 0.2, 5), np.geomspace(0.5, 8, 5)), np.linspace(3.2, 2.6, 25)])
    a, b = between(rng, 0.02, 0.15), between(rng, 0.02, 0.06)
    truth = [a, a * between(rng, 0.04, 0.12), 0.9, b, b * between(rng, 0.8, 3)]
    return law("architecture"), x, np.array(truth)


def experts(rng: Rng) -> tuple[Law, Array, Array]:
    x = crossed(np.geomspace(1.5e7, 1.3e9, 6), 2.0 ** np.arange(7))
    truth = [
        *(between(rng, 0, 1), -between(rng, 0.05, 0.2), -between(rng, 0.04, 0.12)),
        *(between(rng, 0, 0.015), between(rng, 0, 1.5)),
    ]
    return law("experts"), x, np.array(truth)


def vocabulary(rng: Rng) -> tuple[Law, Array, Array]:
    x = crossed(np.geomspace(3e7, 3e9, 4), np.geomspace(4e3, 9e4, 5), np.geomspace(1e9, 1e11, 4))
    powers = rng.uniform(0.2, 0.5, 3)
    scales = np.array([3e8, 2e4, 1e10]) ** powers * rng.uniform(0.1, 0.6, 3)
    return law("vocabulary"), x, np.array([between(rng, 1, 3), *scales, *powers])


def rectified(rng: Rng) -> tuple[Law, Array, Array]:
    beta = between(rng, 0.3, 0.9)
    turn = decades(rng, 1e3, 2e4) ** beta
    truth = [between(rng, 0.5, 1.5), turn * between(rng, 0.5, 3), turn, beta]
    return law("rectified"), np.geomspace(2e2, 1e6, 14)[None], np.array(truth)


def information(rng: Rng) -> tuple[Law, Array, Array]:
    size, tokens = rng.permutation(np.geomspace(1e8, 3e9, 60)), np.geomspace(1e9, 2e11, 60)
    unique = np.array([[1e9], [4e9], [2e10]]) * rng.choice([0.5, 1.0], (1, 60))
    x = np.vstack([size, tokens, rng.dirichlet([1.0, 1.0, 1.0], 60).T, unique])
    columns = ("params", "tokens", *"abc", *"def")
    beta, taken = between(rng, 0.05, 0.3), between(rng, 0.5, 8)
    growing = between(rng, 0.2, 1.0)
    truth = [3 * 1e12**beta, beta, between(rng, 0.2, 1.5), growing * taken / 20, (1 - growing) * taken]
    return law("information", columns), x, np.array(truth)


def flp_m(rng: Rng) -> tuple[Law, Array, Array]:
    x = rng.permutation(np.geomspace(1e17, 1e21, 60)) * rng.dirichlet(np.ones(3), 60).T
    truth = [between(rng, 0.5, 2), *(decades(rng, 0.2, 2) for _ in x), *(decades(rng, 0.1, 0.5) for _ in x)]
    return law("flp_m", tuple("abc")), x, np.array(truth)


def multilingual(rng: Rng) -> tuple[Law, Array, Array]:
    sizes = crossed(np.geomspace(1e8, 1e10, 4), np.geomspace(1e9, 1e12, 4), np.arange(8))[:2]
    x = np.vstack([sizes, rng.dirichlet(np.ones(2) / 2, 128).T])
    alpha, beta = rng.uniform(0.2, 0.45, 2), rng.uniform(0.2, 0.45, 2)
    scales = 1e9 ** alpha.mean() * between(rng, 0.1, 0.6), 3e10 ** beta.mean() * between(rng, 0.1, 0.6)
    truth = [*scales, *rng.uniform(0.2, 1.5, 2), *alpha, *beta, between(rng, 0, 2)]
    return law("multilingual", ("params", "tokens", "share_a", "share_b")), x, np.array(truth)


def compute(points: int = 20) -> Array:
    return np.geomspace(1e-2, 1e2, points)[None]


def power(rng: Rng) -> tuple[Law, Array, Array]:
    return law("power"), compute(), np.array([decades(rng, 0.1, 10), between(rng, 0.01, 1)])


def relative(rng: Rng) -> tuple[Law, Array, Array]:
    return law("relative"), compute(), np.array([decades(rng, 0.3, 3), between(rng, -0.5, 0.5)])


def difference(rng: Rng) -> tuple[Law, Array, Array]:
    return law("difference"), compute(), np.array([decades(rng, 0.01, 2), between(rng, -0.5, 0.5)])


def irreducible(rng: Rng) -> tuple[Law, Array, Array]:
    floor = between(rng, 0, 2)
    return (
        law("irreducible"),
        compute(),
        np.array([floor + between(rng, 0.3, 3), between(rng, 0.05, 0.8), floor]),
    )


def parametric(rng: Rng) -> tuple[Law, Array, Array]:
    x = crossed(np.geomspace(5e7, 1e10, 7), np.geomspace(1e9, 1e12, 7))
    alpha, beta = between(rng, 0.15, 0.6), between(rng, 0.15, 0.6)
    scales = 7e8**alpha * between(rng, 0.2, 1), 3e10**beta * between(rng, 0.2, 1)
    return law("parametric"), x, np.array([between(rng, 0.5, 2.5), *scales, alpha, beta])


def overtraining(rng: Rng) -> tuple[Law, Array, Array]:
    params = np.repeat(np.geomspace(1e7, 7e9, 7), 5)
    x = np.stack([params, params * np.tile([5.0, 20.0, 80.0, 320.0, 640.0], 7)])
    b = -between(rng, 0.1, 0.4)
    scales = 4e8**-b * between(rng, 0.3, 1.5), 6 ** (-b / 2) * 1e10**-b * between(rng, 0.3, 1.5)
    return law("overtraining"), x, np.array([*scales, b, between(rng, 0.3, 2.5)])


def exponential_error(rng: Rng) -> tuple[Law, Array, Array]:
    gamma = between(rng, 0.4, 3)
    truth = [between(rng, 0.6, 0.9), between(rng, 0.2, 0.5) * np.exp(gamma * 2.2), gamma]
    return law("exponential_error"), np.linspace(2.2, 4.5, 40)[None], np.array(truth)


def flp(rng: Rng) -> tuple[Law, Array, Array]:
    slope = between(rng, -0.5, -0.1)
    return (
        law("flp"),
        np.linspace(2.2, 3.5, 40)[None],
        np.array([between(rng, 0.2, 0.6) - 3.5 * slope, slope]),
    )


def sigmoid(rng: Rng) -> tuple[Law, Array, Array]:
    truth = [between(rng, 0, 0.4), between(rng, 0.6, 1), between(rng, 1.2, 2.2), between(rng, 3, 12)]
    return law("sigmoid"), np.linspace(0.6, 2.8, 80)[None], np.array(truth)


def bnsl(rng: Rng) -> tuple[Law, Array, Array]:
    change = between(rng, 0.15, 0.6) * rng.choice([-1, 1])
    first = between(rng, 0.0, 0.3) if change > 0 else between(rng, 0.5, 0.9)
    truth = [between(rng, 0, 0.5), decades(rng, 0.5, 5), first, change, decades(rng, 0.03, 30)]
    return law("bnsl"), np.geomspace(1e-4, 1e4, 60)[None], np.array([*truth, between(rng, 0.1, 1)])


def annealing(rng: Rng) -> tuple[Law, Array, Array]:
    truth = [between(rng, 1.5, 3.2), between(rng, 0.2, 1.2), between(rng, 1, 12), between(rng, 0.25, 0.8)]
    return law("annealing"), schedule(), np.array(truth)


def multi_power(rng: Rng) -> tuple[Law, Array, Array]:
    truth = [
        *(between(rng, 2.3, 3.1), between(rng, 0.4, 0.7), between(rng, 300, 600), between(rng, 0.35, 0.6)),
        *(decades(rng, 0.7, 4), between(rng, 0.4, 0.8), between(rng, 0.4, 0.8)),
    ]
    return law("multi_power"), changing_rates(), np.array(truth)


def rate_and_batch(rng: Rng) -> tuple[Law, Array, Array]:
    u, w, both = rng.uniform(0.02, 0.08), rng.uniform(0.02, 0.08), rng.uniform(-0.01, 0.01)
    truth = [
        *(between(rng, 1, 2.2), between(rng, 0.3, 0.8), *rng.uniform(-0.02, 0.02, 2), u, both, w),
        *(*rng.uniform(0.25, 0.45, 2), between(rng, 0.6, 1.1), between(rng, 0.7, 1.4)),
        *(between(rng, 0.4, 0.8), between(rng, 0.1, 0.4), between(rng, 0.3, 0.7)),
    ]
    return law("rate_and_batch"), rates_and_batches(), np.array(truth)


TRUTHS: dict[str, Draw] = {
    draw.__name__: draw
    for draw in (
        *(
            power,
            relative,
            difference,
            irreducible,
            parametric,
            overtraining,
            exponential_error,
            flp,
            sigmoid,
        ),
        *(bnsl, annealing, multi_power, rate_and_batch),
        *(batch_trajectory, critical_batch, data_constrained, loss_to_loss),
        *(mixture_additive, mixture_loglinear, parallel_streams, shifted_power),
        *(task_scaling, peak_learning_rate, combined, filtering, encoder_decoder, log_law, datastore),
        *(rl_posttraining, architecture, experts, vocabulary, rectified),
        *(information, flp_m, multilingual),
    )
}
