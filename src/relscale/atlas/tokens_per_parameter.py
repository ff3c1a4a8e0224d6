"""Precision of L(N, D) from runs, by their tokens per parameter (arXiv 2605.08541)."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.design.information import CHINCHILLA, Information, information
from relscale.laws.law import Array
from relscale.laws.parametric import LAW
from relscale.storage.column_arrays import Columns

SIZES = np.geomspace(1e7, 1e10, 12)
RAYS = ((20,), (20, 40), (20, 100), (20, 400))  # tokens per parameter
DIFFERENCES = (0.002, 0.005, 0.01, 0.02, 0.04, 0.06)  # of alpha and beta, around alpha 0.34


def runs_on(ratios: tuple[float, ...]) -> Array:
    """Twelve sizes, whose ratios of tokens to parameters are ``ratios`` in turn."""
    return np.stack([SIZES, SIZES * np.resize(ratios, len(SIZES))])


def condition_of_powers(difference: float) -> float:
    """The condition number of the terms A and B alone at 20 tokens per parameter, in columns of length 1."""
    columns = np.stack([SIZES**-0.34, (20 * SIZES) ** (difference - 0.34)])
    columns /= np.linalg.norm(columns, axis=1, keepdims=True)
    return float(np.linalg.cond(columns @ columns.T))


def numbers(runs: str, found: Information, names: tuple[str, ...]) -> dict[str, float]:
    """The condition number and the standard errors of the parameters ``names``."""
    errors = {f"standard error of {name}, {runs}": found.stderr[name] for name in names}
    return {f"condition number, {runs}": found.condition, **errors}


def best_runs(suite: Columns) -> Columns:
    """The run with the lowest loss of each budget."""
    losses, budgets = suite["paloma_macro_loss"], suite["budget"]
    return suite.where(losses == np.array([losses[budgets == budget].min() for budget in budgets]))


def reproduce(tables: Tables) -> dict[str, Number]:
    """Condition numbers and standard errors of simulated and of published runs, with 1% noise."""
    results = {f"condition number, beta below alpha by {d}": condition_of_powers(d) for d in DIFFERENCES}
    for ratios in RAYS:
        name = " and ".join(map(str, ratios)) + " tokens per parameter"
        results |= numbers(name, information(LAW, runs_on(ratios), CHINCHILLA), ("alpha",))
    params, tokens = np.meshgrid(np.geomspace(1e7, 1e10, 4), np.geomspace(2e8, 2e11, 3))
    grid = information(LAW, np.stack([params.ravel(), tokens.ravel()]), CHINCHILLA)
    results |= numbers("grid of 4 sizes and 3 numbers of tokens", grid, ("alpha",))
    suites = dict(tables.read("isoflop_suite.csv").by("corpus"))
    for runs, table, names in (
        ("an IsoFLOP suite", suites["common-pile"], ("E", "alpha", "beta")),
        *((f"best runs of {corpus}", best_runs(suite), ("alpha",)) for corpus, suite in suites.items()),
        ("Chinchilla's Figure 4", tables.read("chinchilla_figure4.csv"), ("alpha", "beta")),
    ):
        results |= numbers(
            runs, information(LAW, np.stack([table["params"], table["tokens"]]), CHINCHILLA), names
        )
    return {name: Number(float(value)) for name, value in results.items()}


def view(tables: Tables) -> View:
    """The standard error of alpha over the ratio of the second half of the runs; the first has 20."""
    ratios = np.geomspace(25, 1000, 40)
    errors = [information(LAW, runs_on((20, float(r))), CHINCHILLA).stderr["alpha"] for r in ratios]
    series = Series("12 runs, half of them at 20", fitted=(ratios, errors))
    return View("tokens per parameter of the other half", "standard error of alpha", (series,))


ENTRY = Entry(
    title="Tokens per parameter of the runs behind a law of size and tokens",
    paper="the argument of arXiv 2605.08541, on Chinchilla's points (Besiroglu et al., arXiv 2404.10102) and the "
    "IsoFLOP suites of arXiv 2510.24626",
    law="parametric",
    formula="condition number of JᵀJ, J the derivatives of ln L by E, ln A, ln B, alpha, beta in columns of length 1",
    tables=("isoflop_suite.csv", "chinchilla_figure4.csv"),
    reproduce=reproduce,
    view=view,
    command="relscale fit runs.csv --law parametric --x params,tokens --y loss\n"
    "relscale design runs.csv --x params,tokens",
    remark="At one ratio of tokens to parameters, A and B cannot be distinguished; two ratios far apart suffice. The "
    "standard errors are for 1% noise at Chinchilla's parameters. The best runs of an IsoFLOP suite's budgets "
    "have nearly one ratio.",
)
