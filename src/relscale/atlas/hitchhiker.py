"""Errors of a law fitted to one model's curve, with A and α from another fit (Choshen et al., arXiv 2410.11840)."""

from collections.abc import Mapping, Sequence

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.laws import parametric
from relscale.laws.law import Array
from relscale.questions.estimation import known_part, relative_error
from relscale.storage.column_arrays import Columns

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
IN_NATS = ("6.7B", "13B", "175B")
SHARES = tuple(tenths / 10 for tenths in range(1, 11))
MIN_POINTS = 3  # the number of fitted parameters: E, B, beta
# Starting point of the paper's search: ln A, ln B, ln E, α and β.
START = np.array([6.255414, 7.3049974, 0.6254804, 0.3526596, 0.3526596])
OF_ONE_CURVE, ALL, EXPONENTS = (
    (1, 2, 4),
    range(5),
    3,
)  # fitted parameters; position from which they are exponents
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
    results |= errors_in_nats(curves["opt"])
    return results | differences_of_several(published.where(~is_single_model), curves)


def errors_in_nats(curves: Columns) -> dict[str, Number]:
    """Errors of OPT's law of the logarithm of its perplexity, per model: of the whole curve, and the largest."""
    models = {
        float(curve["params"][0]): (np.stack([curve["params"], curve["tokens"]]), np.log(curve["loss"]))
        for _, curve in curves.by("model")
    }
    results = {}
    for name in IN_NATS:
        errors = [
            relative_error(parametric.LAW, x, loss, *models[max(models)], BORROWED, EVALUATED_FROM)
            for share in SHARES
            for x, loss in (known_part(*models[_params(name)], share, FIRST_TOKENS),)
            if len(loss) >= MIN_POINTS
        ]
        results[f"relative error in nats from 100% of opt {name}"] = Number(errors[-1])
        results[f"largest relative error in nats of opt {name}"] = Number(max(errors))
    return results


def differences_of_several(published: Columns, curves: Mapping[str, Columns]) -> dict[str, Number]:
    """Median differences from the published errors of laws fitted to a family's smallest models."""
    results = {}
    for family, rows in published.by("family"):
        models = sorted((float(curve["params"][0]), curve) for _, curve in curves[family].by("model"))
        of_models = [(np.stack([curve["params"], curve["tokens"]]), curve["loss"]) for _, curve in models]
        differences = []
        for number, share, error in zip(
            *(rows[c] for c in ("train", "fraction_of_training", "are_percent")), strict=True
        ):
            parts = [known_part(*curve, share, FIRST_TOKENS) for curve in of_models[: int(number)]]
            x, loss = (np.concatenate(side, axis=-1) for side in zip(*parts, strict=True))
            differences.append(abs(error_from_start(x, loss, *of_models[-1], ALL) - error))
        results[several(family)] = Number(float(np.median(differences)))
    return results


def several(family: str) -> str:
    """Name of the median difference for a family."""
    return f"median difference of fits to several models, {family}"


def error_from_start(
    x: Array, loss: Array, x_largest: Array, loss_largest: Array, free: Sequence[int] = OF_ONE_CURVE
) -> float:
    """The error (%) of the law where the paper's search of the free parameters stops, which may depend on its start."""
    from scipy.optimize import least_squares

    def predicted(theta: Array, at: Array) -> Array:
        parameters = START.copy()
        parameters[list(free)] = theta
        log_a, log_b, log_e, alpha, beta = parameters
        return np.asarray(np.exp(log_e) + np.exp(log_a) * at[0] ** -alpha + np.exp(log_b) * at[1] ** -beta)

    start = START[list(free)]
    low = np.where(np.array(free) >= EXPONENTS, 0, -np.inf)
    theta = least_squares(lambda theta: predicted(theta, x) - loss, start, bounds=(low, np.inf)).x
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
    paper="Choshen et al., arXiv 2410.11840",
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
    "are errors of a perplexity; in nats they are several times smaller (13B: from 5.2%). Six of OPT's cells have one "
    "or two points for three parameters: their numbers depend on the starting point, which is the paper's. The fits to "
    "several models are not reproduced.",
    differs=dict.fromkeys(
        map(several, ("gpt3", "opt")),
        "For an unknown reason, fits to the smallest models of a family differ from the published errors of 60 (GPT-3) "
        "and 39 cells (OPT), as they do in the independent computation, by 0.28 and 1.11 points.",
    ),
    slow=True,
)
