"""Principal components of public models' benchmarks (Ruan et al., arXiv 2405.10938)."""

import numpy as np

from relscale.atlas.entry import Answer, Entry, Number, Origin, Tables
from relscale.atlas.view import Series, View, along
from relscale.fitting.capabilities import completed, components

BENCHMARKS = ("MMLU", "ARC-C", "HellaSwag", "Winograd", "TruthfulQA", "GSM8K", "XWinograd", "HumanEval")
FAMILIES = ("Pythia", "OPT", "Qwen1.5", "BLOOM")  # of the figure


def reproduce(tables: Tables) -> dict[str, Number]:
    """Shares of the variance of the first components."""
    rows = tables.read("observational_benchmarks.csv.gz")
    rows = rows.where(rows["in_paper_set"] == 1)
    scores = completed(np.stack([rows[name] for name in BENCHMARKS], axis=1))
    share = components(scores).shares
    results = {f"share of component {i + 1}": Number(float(share[i])) for i in range(3)}
    results["share of three components"] = Number(float(share[:3].sum()))
    results |= {
        f"published: {name}": number for name, number in results.items() if "1" in name or "three" in name
    }
    return results


def view(tables: Tables) -> View:
    """The first component over training compute, of four families with many sizes, and a line through each."""
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
        at = along(x)
        series.append(Series(family, x, first[in_family], fitted=(at, level + slope * np.log(at))))
    return View("training FLOPs", "first component", tuple(series), log_y=False)


ENTRY = Entry(
    title="Observational scaling laws",
    paper="Ruan et al., arXiv 2405.10938",
    formula="benchmarks ≈ mean + Σ components · loadings",
    tables=("observational_benchmarks.csv.gz",),
    answers=(
        Answer("published: share of component 1", 0.80, 5e-3, origin=Origin.PAPER),
        Answer("published: share of three components", 0.97, 5e-3, origin=Origin.PAPER),
        Answer("share of component 1", 0.8016, 5e-5, origin=Origin.TABLE),
        Answer("share of component 2", 0.119, 5e-5, origin=Origin.TABLE),
        Answer("share of component 3", 0.0463, 5e-5, origin=Origin.TABLE),
        Answer("share of three components", 0.9670, 5e-5, origin=Origin.TABLE),
    ),
    reproduce=reproduce,
    view=view,
    command="relscale capabilities observational_benchmarks.csv.gz --benchmarks MMLU,ARC-C,HellaSwag,Winograd,"
    "TruthfulQA,GSM8K,XWinograd,HumanEval --family family --compute flops_1e21 --where in_paper_set=1",
    remark="77 base models and 8 benchmarks, 6 scores of which are missing. Standardising the scores first, which "
    "the paper does not do, would change the shares.",
)
