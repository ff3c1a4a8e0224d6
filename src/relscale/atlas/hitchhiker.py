"""Errors of a law fitted to one model's curve, with A and α from another fit (Choshen et al., arXiv 2410.11840)."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.laws import parametric
from relscale.laws.law import Array
from relscale.questions.estimation import known_part, relative_error

BORROWED = {"A": float(np.exp(6.255414)), "alpha": 0.3526596}  # of Muennighoff et al., arXiv 2305.16264
FIRST_TOKENS = 1e10  # excluded at the start of each run
EVALUATED_FROM = 0.7  # share of the largest model's training from which its losses are compared
REPORTED = {  # family, model and share of its training
    *(
        ("gpt3", "13B", 0.1),
        ("gpt3", "13B", 1.0),
        ("gpt3", "175B", 1.0),
        ("olmo", "1B", 0.1),
        ("olmo", "1B", 1.0),
    ),
    *(("opt", "13B", 1.0), ("opt", "175B", 0.5), ("opt", "175B", 1.0)),
}
MIN_POINTS = 3  # the number of fitted parameters: E, B, beta
START = (7.3049974, 0.6254804, 0.3526596)  # starting point of the paper's search: ln B, ln E and β
CURVES, PUBLISHED = "training_curves.csv.gz", "training_curves_published_are.csv.gz"


def _params(name: str) -> float:
    return float(name[:-1]) * {"M": 1e6, "B": 1e9}[name[-1]]


def reproduce(tables: Tables) -> dict[str, Number]:
    """The errors per model and share of its training, and the largest differences from the published errors."""
    published = tables.read(PUBLISHED)
    is_single_model = np.array([str(fit).startswith("one model") for fit in published["fit"]])
    curves = dict(tables.read(CURVES).by("family"))
    results, differences = {}, {family: [0.0] for family in ("gpt3", "olmo", "opt", "underdetermined")}
    for family, rows in published.where(is_single_model).by("family"):
        models = {
            float(curve["params"][0]): (np.stack([curve["params"], curve["tokens"]]), curve["loss"])
            for _, curve in curves[family].by("model")
        }
        for name, share, published_error in zip(
            *(rows[c] for c in ("train", "fraction_of_training", "are_percent")), strict=True
        ):
            x, loss = known_part(*models[_params(name)], share, FIRST_TOKENS)
            largest = models[max(models)]
            if len(loss) >= MIN_POINTS:
                group, error = (
                    family,
                    relative_error(parametric.LAW, x, loss, *largest, BORROWED, EVALUATED_FROM),
                )
            else:
                group, error = "underdetermined", error_from_start(x, loss, *largest)
            differences[group].append(abs(error - published_error))
            if (family, name, share) in REPORTED:
                results[_cell(family, name, share)] = Number(error)
    for group, values in differences.items():
        results[f"largest difference, {group}"] = Number(max(values))
        results[f"cells, {group}"] = Number(float(len(values) - 1))
    return results


def error_from_start(x: Array, loss: Array, x_largest: Array, loss_largest: Array) -> float:
    """The error (%) of the law at which the paper's search stops, which depends on its start if points are too few."""
    from scipy.optimize import least_squares

    def predicted(theta: Array, at: Array) -> Array:
        log_scale, log_floor, beta = theta
        other_terms = np.exp(log_floor) + BORROWED["A"] * at[0] ** -BORROWED["alpha"]
        return np.asarray(other_terms + np.exp(log_scale) * at[1] ** -beta)

    bounds = (-np.inf, -np.inf, 0), (np.inf, np.inf, np.inf)
    theta = least_squares(lambda theta: predicted(theta, x) - loss, START, bounds=bounds).x
    is_evaluated = x_largest[1] >= EVALUATED_FROM * x_largest[1].max()
    relative = predicted(theta, x_largest) / loss_largest - 1
    return float(100 * np.abs(relative[is_evaluated]).mean())


def _cell(family: str, name: str, share: float) -> str:
    return f"relative error from {share:.0%} of {family} {name}"


def view(tables: Tables) -> View:
    """Errors over the share of GPT-3 13B's curve that is fitted; points are the published errors."""
    published = tables.read(PUBLISHED)
    is_single_model = np.array([str(fit).startswith("one model") for fit in published["fit"]])
    rows = published.where(is_single_model & (published["family"] == "gpt3") & (published["train"] == "13B"))
    curves = dict(dict(tables.read(CURVES).by("family"))["gpt3"].by("params"))
    at = {
        float(p): (np.stack([curve["params"], curve["tokens"]]), curve["loss"]) for p, curve in curves.items()
    }
    shares = rows["fraction_of_training"]
    errors = []
    for share in shares:
        x, loss = known_part(*at[13e9], float(share), FIRST_TOKENS)
        errors.append(relative_error(parametric.LAW, x, loss, *at[max(at)], BORROWED, EVALUATED_FROM))
    series = Series("GPT-3 13B", shares, rows["are_percent"], (shares, errors))
    return View(
        "share of the training fitted", "error for the largest model, %", (series,), log_x=False, log_y=False
    )


ENTRY = Entry(
    title="A hitchhiker's guide to scaling law estimation",
    paper="Choshen et al., arXiv 2410.11840, the fits to one model, with A and α from another fit",
    law="parametric",
    formula="L = E + A · N^(−α) + B · D^(−β), A and α from another fit, E, B and β fitted to one curve",
    tables=(CURVES, PUBLISHED),
    reproduce=reproduce,
    view=view,
    command="relscale fit curves.csv --law parametric --x params,tokens --y loss --run model,tokens --block model "
    "--residual linear --fix A=520.83 --fix alpha=0.3526596\n"
    "relscale ask estimation training_curves.csv.gz --where family=gpt3 --x params,tokens --y loss --model model "
    "--fix A=520.83,alpha=0.3526596 --from-tokens 1e10",
    remark="Evaluated on the last 30% of the largest model's training. The loss of OPT is a perplexity, so its errors "
    "are errors of a perplexity; in nats they are several times smaller. Six of OPT's cells have one or two points "
    "for three parameters: their numbers depend on the starting point, which is the paper's. The fits to several "
    "models (99 cells) are not reproduced.",
    slow=True,
)
