"""Parallel streams (Chen et al., arXiv 2505.10475)."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View, curve_points
from relscale.fitting.estimation.estimate import estimate
from relscale.laws.parallel_streams import LAW


def reproduce(tables: Tables) -> dict[str, Number]:
    """The fitted law of each corpus, with objective and R²."""
    results = {}
    for corpus, rows in tables.read("parscale_losses.csv.gz").by("corpus"):
        x, y = np.stack([rows["params_nonembedding"], rows["streams"]]), rows["loss"]
        fit = estimate(LAW, x, y, loss="huber")
        (low, high), theta = fit.interval(0.95), fit.theta[:, 0]
        floor, amplitude, alpha, k = theta
        results[f"k, {corpus}"] = Number(k, low[3, 0], high[3, 0])
        results[f"alpha, {corpus}"] = Number(alpha, low[2, 0], high[2, 0])
        results[f"E, {corpus}"] = Number(floor, low[0, 0], high[0, 0])
        results[f"A^(1/alpha), {corpus}"] = Number(amplitude ** (1 / alpha))
        results[f"objective, {corpus}"] = Number(fit.objective[0])
        unexplained = ((LAW.value(theta, x) - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()
        results[f"R², {corpus}"] = Number(float(1 - unexplained))
    return results


def view(tables: Tables) -> View:
    """The loss on the Pile over parameters, per number of streams."""
    rows = dict(tables.read("parscale_losses.csv.gz").by("corpus"))["pile"]
    x = np.stack([rows["params_nonembedding"], rows["streams"]])
    theta = estimate(LAW, x, rows["loss"], loss="huber").theta[:, 0]
    at, series = curve_points(x[0]), []
    for streams in np.unique(x[1]):
        in_group = x[1] == streams
        line = at, LAW.value(theta, np.stack([at, np.full_like(at, streams)]))
        series.append(Series(f"{streams:g} streams", x[0, in_group], rows["loss"][in_group], line))
    return View("parameters without embeddings", "loss on the Pile, nats per token", tuple(series))


ENTRY = Entry(
    title="Parallel scaling law for language models",
    paper="Chen et al., arXiv 2505.10475, equation 5",
    law="parallel_streams",
    formula=LAW.formula,
    tables=("parscale_losses.csv.gz",),
    reproduce=reproduce,
    view=view,
    command="relscale fit parscale_losses.csv.gz --law parallel_streams --x params_nonembedding,streams --y loss "
    "--group corpus --loss huber",
    remark="P streams are equivalent to a model 1 + k · ln P times as large: 8 streams to 1.8 times on code, 1.7 "
    "times on the Pile. E and A are strongly correlated.",
)
