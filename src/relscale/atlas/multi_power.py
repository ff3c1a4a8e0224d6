"""The multi-power law of a training under any schedule (Luo et al., arXiv 2503.12811), at the published parameters."""

import numpy as np

from relscale.atlas.entry import Answer, Entry, Number, Origin, Tables
from relscale.atlas.view import Series, View
from relscale.laws.law import Array
from relscale.storage.column_arrays import Columns

WARM_UP = 2160  # steps
FITTED = ("cosine_24000", "constant_24000", "wsdcon_9")
PUBLISHED = {  # L0, A, α, B, C, β, γ
    "25M": (3.04045406, 0.52468604, 0.50786857, 363.78751622, 2.06560812, 0.58279013, 0.64142257),
    "100M": (2.6514477, 0.60115152, 0.45295811, 437.9464276, 2.13245612, 0.59785199, 0.65523644),
    "400M": (2.37474466, 0.65421216, 0.42878731, 523.42464371, 2.02462735, 0.59350493, 0.63472457),
}
MEASURES = (
    "R²",
    "mean absolute error",
    "root mean square error",
    "mean relative error",
    "largest relative error",
)
PAPER = {
    "25M": (0.9988, 0.00376, 0.00465, 0.00110, 0.00409),
    "100M": (0.9983, 0.00435, 0.00592, 0.00142, 0.00583),
    "400M": (0.9978, 0.00484, 0.00730, 0.00168, 0.00995),
}
TABLE = {
    "25M": (0.998802, 0.00376022, 0.00465199, 0.00110223, 0.00409499),
    "100M": (0.998301, 0.00434812, 0.00591888, 0.00142484, 0.0058293),
    "400M": (0.997763, 0.00483633, 0.00730482, 0.00167978, 0.00994797),
}
ROUNDING = (1e-4, 1e-5, 1e-5, 1e-5, 1e-5)  # of the paper's digits, which are cut in places


def loss_along(theta: Array, rates: Array, steps: Array) -> Array:
    """L at ``steps``, of L0, A, α, B, C, β, γ and the learning rate of every step from 0 on.

    ``L = L0 + A · S1^(−α) − B · Σ_{k≤t} (η_{k−1} − η_k) · (1 − (1 + C · η_k^(−γ) · S_k(t))^(−β))``, S_k the sum of the
    rates from step k to t.
    """
    l0, a, alpha, b, c, beta, gamma = theta
    total = np.cumsum(rates)
    changes = np.flatnonzero(np.diff(rates)) + 1
    fall, after, before = rates[changes - 1] - rates[changes], rates[changes], total[changes - 1]
    with np.errstate(divide="ignore"):
        scale = np.where(after > 0, after ** (-gamma), np.inf)  # a rate of 0 has gained all there is
    gained = []
    for step in steps:
        is_past = changes <= step
        with np.errstate(invalid="ignore"):
            share = 1 - (1 + c * scale[is_past] * (total[step] - before[is_past])) ** (-beta)
        gained.append((fall[is_past] * np.where(np.isnan(share), 1.0, share)).sum())
    return np.asarray(l0 + a * total[steps] ** (-alpha) - b * np.array(gained))


def all_rates(rows: Columns, knots: Columns) -> Array:
    """The learning rate of every step, linear between the logged steps and the corners of the schedule."""
    steps = np.concatenate([rows["step"], knots["step"]])
    at, first = np.unique(steps, return_index=True)
    rates = np.concatenate([rows["learning_rate"], knots["learning_rate"]])[first]
    return np.asarray(np.interp(np.arange(int(at.max()) + 1), at, rates))


def measures(predicted: Array, measured: Array) -> Array:
    """R², mean absolute and root mean square error, mean and largest relative error."""
    off = np.abs(predicted - measured)
    unexplained = (off**2).sum() / ((measured - measured.mean()) ** 2).sum()
    relative = off / measured
    return np.array([1 - unexplained, off.mean(), np.sqrt((off**2).mean()), relative.mean(), relative.max()])


def reproduce(tables: Tables) -> dict[str, Number]:
    """How far the six schedules are off that the paper predicts, on average, by model."""
    knots = dict(tables.read("multi_power_knots.csv.gz").by("schedule"))
    results = {}
    for model, rows in tables.read("multi_power_curves.csv.gz").by("model"):
        values = []
        for schedule, curve in rows.by("schedule"):
            if schedule in FITTED:
                continue
            rates, at = all_rates(curve, knots[schedule]), curve["step"].astype(int)
            values.append(measures(loss_along(np.array(PUBLISHED[model]), rates, at), curve["loss"]))
        for name, number in zip(MEASURES, np.mean(values, axis=0), strict=True):
            results[f"{name}, {model}"] = results[f"{name}, {model}, all digits"] = Number(float(number))
    return results


def view(tables: Tables) -> View:
    """Three schedules that were not fitted, of the 100M model, with the law at its published parameters."""
    knots = dict(tables.read("multi_power_knots.csv.gz").by("schedule"))
    rows = dict(dict(tables.read("multi_power_curves.csv.gz").by("model"))["100M"].by("schedule"))
    series = []
    for schedule in [name for name in rows if name not in FITTED][:3]:
        schedule_rows = rows[schedule].where(rows[schedule]["step"] > 2 * WARM_UP)
        steps = schedule_rows["step"][::4].astype(int)
        law = loss_along(np.array(PUBLISHED["100M"]), all_rates(rows[schedule], knots[schedule]), steps)
        series.append(Series(schedule, schedule_rows["step"], schedule_rows["loss"], published=(steps, law)))
    return View("step", "loss, nats per token", tuple(series), log_x=False)


ENTRY = Entry(
    title="A multi-power law for loss curve prediction",
    paper="Luo et al., arXiv 2503.12811",
    formula="L = L0 + A · S1^(−α) − B · Σ_k (η_{k−1} − η_k) · (1 − (1 + C · η_k^(−γ) · S_k)^(−β))",
    tables=("multi_power_curves.csv.gz", "multi_power_knots.csv.gz"),
    answers=(
        *(
            Answer(f"{name}, {model}", value, rounding)
            for model, values in PAPER.items()
            for name, value, rounding in zip(MEASURES, values, ROUNDING, strict=True)
        ),
        *(
            Answer(f"{name}, {model}, all digits", value, 5e-4 * value, origin=Origin.TABLE)
            for model, values in TABLE.items()
            for name, value in zip(MEASURES, values, strict=True)
        ),
    ),
    reproduce=reproduce,
    view=view,
    law="multi_power",
    command="relscale fit curves.csv --law multi_power --x step,learning_rate --y loss --run schedule --group model "
    "--loss huber",
    remark="The mean over six held-out schedules, at the published parameters, which come from early stopping and "
    "are not an optimum of the paper's objective. Learning rates are interpolated linearly between logged steps and "
    "the corners of the schedule.",
    slow=True,
)
