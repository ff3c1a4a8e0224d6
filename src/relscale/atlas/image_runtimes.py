"""Runtimes of image classifiers by activations, FLOPs and parameters (Dollár et al., arXiv 2103.06877)."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import View, line_series

COSTS = {"activations": "megaactivations", "FLOPs": "gigaflops", "parameters": "megaparams"}
TIMES = {"inference": "inference_ms_64_images", "training": "training_hours_100_epochs"}


def reproduce(tables: Tables) -> dict[str, Number]:
    """Pearson's r of runtimes with each cost, and the exponent of activations over FLOPs."""
    rows = tables.read("image_model_runtimes.csv.gz")
    results = {}
    for time, time_column in TIMES.items():
        for cost, cost_column in COSTS.items():
            x, y = rows[cost_column], rows[time_column]
            results[f"r of {time} time and {cost}"] = Number(float(np.corrcoef(x, y)[0, 1]))
            results[f"r of ln {time} time and ln {cost}"] = Number(
                float(np.corrcoef(np.log(x), np.log(y))[0, 1])
            )
    regnets = rows.where(np.array([str(family).startswith("RegNet") for family in rows["family"]]))
    for cost in ("activations", "FLOPs"):
        r = np.corrcoef(regnets[COSTS[cost]], regnets[TIMES["inference"]])[0, 1]
        results[f"r of inference time and {cost}, RegNets only"] = Number(float(r))
    slope = np.polyfit(np.log(rows["gigaflops"]), np.log(rows["megaactivations"]), 1)[0]
    return results | {"exponent of activations over FLOPs": Number(float(slope))}


def view(tables: Tables) -> View:
    """Inference time over activations, with a straight line in the logarithms."""
    rows = tables.read("image_model_runtimes.csv.gz")
    series = line_series("36 models", rows["megaactivations"], rows[TIMES["inference"]])
    return View("activations, millions", "inference of 64 images, ms", (series,))


ENTRY = Entry(
    title="Fast and accurate model scaling",
    paper="Dollár et al., arXiv 2103.06877; its models and runtimes as released with pycls",
    formula="runtime ∝ activations, and activations ∝ FLOPs^½ if mainly the width grows",
    tables=("image_model_runtimes.csv.gz",),
    reproduce=reproduce,
    view=view,
    command="relscale fit image_model_runtimes.csv.gz --law power --x megaactivations --y inference_ms_64_images "
    "--run model",
    remark="36 classifiers of several families. Among RegNets only, FLOPs predict better than activations.",
)
