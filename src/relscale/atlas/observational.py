"""Principal components of public models' benchmarks (Ruan et al., arXiv 2405.10938)."""

import numpy as np

from relscale.atlas.entry import Answer, Entry, Number, Origin, Tables
from relscale.fitting.capabilities import completed, components

BENCHMARKS = ("MMLU", "ARC-C", "HellaSwag", "Winograd", "TruthfulQA", "GSM8K", "XWinograd", "HumanEval")


def reproduce(tables: Tables) -> dict[str, Number]:
    """Shares of the variance of the first components."""
    rows = tables.read("observational_benchmarks.csv.gz")
    rows = rows.where(rows["in_paper_set"] == 1)
    scores = completed(np.stack([rows[name] for name in BENCHMARKS], axis=1))
    share = components(scores).shares
    found = {f"share of component {i + 1}": Number(float(share[i])) for i in range(3)}
    found["share of three components"] = Number(float(share[:3].sum()))
    found |= {
        f"published: {name}": number for name, number in found.items() if "1" in name or "three" in name
    }
    return found


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
    command="relscale capabilities observational_benchmarks.csv.gz --benchmarks MMLU,ARC-C,HellaSwag,Winograd,"
    "TruthfulQA,GSM8K,XWinograd,HumanEval --family family --compute flops_1e21 --where in_paper_set=1",
    remark="77 base models and 8 benchmarks, 6 scores of which are missing. Standardising before the components "
    "are taken, "
    "which the paper does not do, changes the shares.",
)
