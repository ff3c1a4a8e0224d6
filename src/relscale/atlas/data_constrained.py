"""Repeated data (Muennighoff et al., arXiv 2305.16264)."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View, curve_points
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.inference.bootstrap.schemes import resampled_counts
from relscale.laws.data_constrained import LAW, best
from relscale.laws.law import Array
from relscale.laws.profile import crossed
from relscale.laws.repetition import decayed, optimal_params, value

SURFACE = {
    "E": np.exp(0.6254804),
    "A": np.exp(6.255414),
    "B": np.exp(7.3049974),
    "alpha": 0.3526596,
    "beta": 0.3526596,
}
PUBLISHED = np.array([*SURFACE.values(), 15.387756, 5.309743])
NEIGHBOURS = {"near the published values": (15.4, 5.3), "at R_D 47": (47.0, 2.33)}
DRAWS = 1000
GRID = np.geomspace(0.1, 1000, 121)  # of R_D and R_N; a draw's optimum may be at its end
QUANTILES = {"median": 0.5, "2.5%": 0.025, "16%": 0.16, "84%": 0.84}
FLOPS, UNIQUE = 1e22, 25e9
EPOCHS = (1, 4, 16, 40)
UNIQUE_TOKENS = (100e6, 400e6, 1.5e9, 55e9, 84e9, 178e9)
ALLOCATION_GRID = "The published allocation is the best point of a grid; the optimum is between its points."
VALLEY = "The objective is flat: the published pair is not its minimum, and two other optima are lower."


def reproduce(tables: Tables) -> dict[str, Number]:
    """The law at the published values, its optima with bootstrap intervals, and the effective epochs of repetition."""
    rows = tables.read("data_constrained.csv.gz")
    rows = rows.where(rows["in_published_fit"] == 1)
    x, y = np.stack([rows[name] for name in LAW.predictors]), rows["loss"]
    results = {}
    for params, tokens in ((6.34e9, 242e9), (8.67e9, 178e9)):
        point = np.array([[params], [tokens], [25e9]])
        results[f"L of {params:.3g} parameters, {tokens:.3g} tokens"] = Number(
            float(value(PUBLISHED, point)[0])
        )
    for unique in UNIQUE_TOKENS:
        results[f"U_N of {unique:.3g} unique tokens"] = Number(
            float(optimal_params(PUBLISHED, np.array(unique)))
        )
    for epochs in EPOCHS:
        value_of_epochs = decayed(np.array(1.0), np.array(epochs - 1.0), PUBLISHED[5])
        results[f"effective epochs of {epochs} epochs"] = Number(float(value_of_epochs))
    names = ("parameters", "tokens", "loss")
    optimum = best(PUBLISHED, FLOPS, UNIQUE)
    for name, number in zip(names, optimum, strict=True):
        results[f"best {name} for 1e22 FLOPs, 25e9 unique tokens"] = Number(number)
        if name != "loss":
            results[f"best {name} for 1e22 FLOPs, 25e9 unique tokens, as published"] = Number(number)
    epochs_at_optimum = Number(optimum[1] / UNIQUE)
    results["best epochs for 1e22 FLOPs, 25e9 unique tokens"] = epochs_at_optimum
    results["best epochs for 1e22 FLOPs, 25e9 unique tokens, as published"] = epochs_at_optimum
    at_published = Number(float(losses(PUBLISHED[:, None], x, y).sum()))
    results["objective at the published values"] = at_published
    results["objective at the published values, double precision"] = at_published
    squares = estimate(LAW, x, y, fixed=SURFACE)
    results["R_D by squares of logarithms"] = Number(float(squares.theta[5, 0]))
    results["R_N by squares of logarithms"] = Number(float(squares.theta[6, 0]))
    fit = estimate(LAW, x, y, loss="huber", fixed=SURFACE)
    draws = bootstrap_optima(x, y)
    for (i, name), limits in zip(
        ((5, "R_D"), (6, "R_N")), np.quantile(draws, [0.025, 0.975], axis=1).T, strict=True
    ):
        results[f"{name} as published"] = Number(fit.theta[i, 0], *limits.tolist())
        results[f"{name} of the lowest objective"] = Number(fit.theta[i, 0], *limits.tolist())
    for name, quantile in QUANTILES.items():
        results[f"{name} of R_D over bootstrap draws"] = Number(float(np.quantile(draws[0], quantile)))
    results["lowest objective"] = Number(fit.objective[0])
    for label, pair in NEIGHBOURS.items():
        local = estimate(LAW, x, y, loss="huber", fixed=SURFACE, starts=[[*SURFACE.values(), *pair]])
        results[f"R_D of the optimum {label}"] = Number(local.theta[5, 0])
        results[f"R_N of the optimum {label}"] = Number(local.theta[6, 0])
        results[f"objective of the optimum {label}"] = Number(local.objective[0])
    return results


def losses(theta: Array, x: Array, y: Array) -> Array:
    """Huber's loss of ln L at every point (n, B), of parameters (7, B)."""
    from scipy.special import huber

    return np.asarray(huber(1e-3, np.log(value(theta, x[..., None])) - np.log(y)[:, None]))


def bootstrap_optima(x: Array, y: Array) -> Array:
    """R_D and R_N (2, ``DRAWS``) of the lowest objective on ``GRID``, for resampled runs."""
    pairs = crossed(GRID, GRID)
    surface = np.broadcast_to(np.array([*SURFACE.values()])[:, None], (len(SURFACE), pairs.shape[1]))
    weights = resampled_counts(len(y), DRAWS, np.random.default_rng(0))
    return np.asarray(pairs[:, np.argmin(weights.T @ losses(np.concatenate([surface, pairs]), x, y), axis=1)])


def view(tables: Tables) -> View:
    """The effective epochs over the epochs, by the published R_D and by that of the lowest objective."""
    at = curve_points([1, 100])
    fit, published = (decayed(np.array(1.0), at - 1, np.array(repeats)) for repeats in (95.365, PUBLISHED[5]))
    curve = Series("lowest objective", fitted=(at, fit), published=(at, published))
    return View("epochs", "effective epochs of new tokens", (curve, Series("no decay", fitted=(at, at))))


ENTRY = Entry(
    title="Scaling data-constrained language models",
    paper="Muennighoff et al., arXiv 2305.16264",
    law="data_constrained",
    formula=LAW.formula,
    tables=("data_constrained.csv.gz",),
    reproduce=reproduce,
    differs={
        **dict.fromkeys(("R_D as published", "R_N as published"), VALLEY),
        **{
            f"best {name} for 1e22 FLOPs, 25e9 unique tokens, as published": ALLOCATION_GRID
            for name in ("parameters", "tokens", "epochs")
        },
    },
    view=view,
    command="relscale fit data_constrained.csv.gz --law data_constrained --x params,tokens,unique_tokens --y loss "
    "--run run --loss huber\n"
    "relscale ask optimum data_constrained.csv.gz --where in_published_fit=1 "
    "--law data_constrained --x params,tokens,unique_tokens --y loss "
    "--loss huber --at training_flops=1e22,unique_tokens=25e9 "
    "--fix E=1.86914,A=520.83,B=1487.6,alpha=0.35266,beta=0.35266",
    remark="The paper fits R_D and R_N with E, A, B, α and β fixed. Intervals are from 1,000 bootstrap resamples of "
    "the 182 runs, each searched on a grid from 0.1 to 1,000: they include the published pair, and that of R_D ends "
    "at the end of the grid, which is almost no decay. Quantiles of such draws are compared within three of their "
    "standard errors.",
    slow=True,
)
