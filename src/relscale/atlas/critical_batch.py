"""The critical batch by model size (Zhang et al., arXiv 2410.21676)."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import View, fitted_series
from relscale.fitting.estimation.estimate import estimate
from relscale.laws.critical_batch import LAW, with_overhead

OVERHEAD, SMALLEST = 0.2, 256  # 20% more steps than linear scaling from 256 sequences


def reproduce(tables: Tables) -> dict[str, Number]:
    """Both parameters per model size, the batch at 20% overhead, and the exponents of batches in size."""
    rows = tables.read("critical_batch_steps.csv.gz")
    results, sizes, batches, critical, logged = {}, [], [], [], []
    for model, model_rows in rows.by("model"):
        x = model_rows["batch_sequences"][None]
        fit, fit_of_logged = (
            estimate(LAW, x, model_rows[steps]) for steps in ("steps_fitted", "steps_logged")
        )
        low, high = fit.interval(0.95)
        for i, name in enumerate(LAW.names):
            results[f"{name} of {model}"] = Number(fit.theta[i, 0], low[i, 0], high[i, 0])
            results[f"lower limit of {name} of {model}"] = Number(float(low[i, 0]))
            results[f"upper limit of {name} of {model}"] = Number(float(high[i, 0]))
        batch, *limits = (
            float(with_overhead(part[:, 0], OVERHEAD, SMALLEST)) for part in (fit.theta, low, high)
        )
        results[f"batch at 20% overhead, {model}"] = Number(batch, *limits)
        sizes.append(model_rows["params"][0] / 1e6)
        batches.append(batch)
        critical.append(float(fit.theta[1, 0]))
        logged.append(float(with_overhead(fit_of_logged.theta[:, 0], OVERHEAD, SMALLEST)))
    for name, values in (
        ("batch at 20% overhead", batches),
        ("B_crit", critical),
        ("batch at 20% overhead, steps as logged", logged),
    ):
        (exponent, level), covariance = np.polyfit(np.log(sizes), np.log(values), 1, cov=True)
        results[f"exponent of {name} in size"] = Number(float(exponent))
        results[f"standard error of the exponent of {name} in size"] = Number(float(covariance[0, 0] ** 0.5))
        results[f"{name} at 1M parameters"] = Number(float(np.exp(level)))
    return results


def view(tables: Tables) -> View:
    """Steps over the batch."""
    rows = tables.read("critical_batch_steps.csv.gz")
    series = (
        fitted_series(model, LAW, model_rows["batch_sequences"], model_rows["steps_fitted"])
        for model, model_rows in rows.by("model")
    )
    return View("batch, sequences of 512 tokens", "steps to the loss", tuple(series))


ENTRY = Entry(
    title="How does critical batch size scale in pre-training?",
    paper="Zhang et al., arXiv 2410.21676; the law by McCandlish et al., arXiv 1812.06162",
    law="critical_batch",
    formula="S = S_min · (1 + B_crit / B)",
    tables=("critical_batch_steps.csv.gz",),
    reproduce=reproduce,
    view=view,
    command="relscale fit critical_batch_steps.csv.gz --law critical_batch --x batch_sequences --y steps_fitted "
    "--group model",
    remark="Six steps of the published table were edited by hand (`steps_fitted` and `steps_logged`); the "
    "published numbers are based on the edited steps. The batch at 20% overhead grows as N^0.47, B_crit faster: "
    "the exponent of a critical batch depends on its definition.",
)
