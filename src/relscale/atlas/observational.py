"""Principal components of public models' benchmarks (Ruan et al., arXiv 2405.10938)."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View, curve_points
from relscale.fitting.capabilities import completed, components

BENCHMARKS = ("MMLU", "ARC-C", "HellaSwag", "Winograd", "TruthfulQA", "GSM8K", "XWinograd", "HumanEval")
FAMILIES = ("Pythia", "OPT", "Qwen1.5", "BLOOM")  # of the figure


def reproduce(tables: Tables) -> dict[str, Number]:
    """Shares of variance of the first three components, and R² of the first on ln compute within families."""
    rows = tables.read("observational_benchmarks.csv.gz")
    rows = rows.where(rows["in_paper_set"] == 1)
    scores = completed(np.stack([rows[name] for name in BENCHMARKS], axis=1))
    space = components(scores)
    share = space.shares
    results = {f"share of component {i + 1}": Number(float(share[i])) for i in range(3)}
    first, r_squared = (scores - space.mean) @ space.loadings[0], []
    for family in dict.fromkeys(rows["family"]):
        in_family = (rows["family"] == family) & np.isfinite(rows["flops_1e21"])
        if in_family.sum() > 2:
            r = np.corrcoef(np.log(rows["flops_1e21"][in_family]), first[in_family])[0, 1]
            r_squared.append(float(r**2))
    results["smallest R² of component 1 on ln compute within a family"] = Number(min(r_squared))
    results["largest R² of component 1 on ln compute within a family"] = Number(max(r_squared))
    results["share of three components"] = Number(float(share[:3].sum()))
    for name in ("share of component 1", "share of three components"):
        results[f"published: {name}"] = results[name]
    return results


def view(tables: Tables) -> View:
    """The first component over training compute, with a line for each of four families with many sizes."""
    rows = tables.read("observational_benchmarks.csv.gz")
    rows = rows.where((rows["in_paper_set"] == 1) & np.isfinite(rows["flops_1e21"]))
    scores = completed(np.stack([rows[name] for name in BENCHMARKS], axis=1))
    space = components(scores)
    first = (scores - space.mean) @ space.loadings[0]
    series = []
    for family in FAMILIES:
        in_family = np.asarray(rows["family"] == family)
        x = 1e21 * rows["flops_1e21"][in_family]
        slope, level = np.polyfit(np.log(x), first[in_family], 1)
        at = curve_points(x)
        series.append(Series(family, x, first[in_family], fitted=(at, level + slope * np.log(at))))
    return View("training FLOPs", "first component", tuple(series), log_y=False)


ENTRY = Entry(
    title="Observational scaling laws",
    paper="Ruan et al., arXiv 2405.10938",
    formula="benchmarks ≈ mean + Σ components · loadings",
    tables=("observational_benchmarks.csv.gz",),
    reproduce=reproduce,
    view=view,
    command="relscale capabilities observational_benchmarks.csv.gz --benchmarks MMLU,ARC-C,HellaSwag,Winograd,"
    "TruthfulQA,GSM8K,XWinograd,HumanEval --family family --compute flops_1e21 --where in_paper_set=1",
    remark="77 base models and 8 benchmarks, 6 scores of which are missing. Standardising the scores first, which "
    "the paper does not do, would change the shares.",
)
