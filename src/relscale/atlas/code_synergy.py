"""Gains of training on another programming language (arXiv 2512.13472)."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.questions import synergy


def reproduce(tables: Tables) -> dict[str, Number]:
    """Mean gains by target and by auxiliary language, computed from the losses, and the order of irreducible losses."""
    from scipy.stats import rankdata

    table = tables.read("code_synergy.csv.gz")
    rows = table.where(table["target"] != table["auxiliary"])
    results = {}
    for target, target_rows in rows.by("target"):
        results[f"mean gain of {target}"] = Number(float(target_rows["gain_percent"].mean()))
    for auxiliary, auxiliary_rows in rows.by("auxiliary"):
        results[f"mean gain by {auxiliary}"] = Number(float(auxiliary_rows["gain_percent"].mean()))
    gains = {(row.target, row.auxiliary): row.gain_percent for row in synergy.rows(table)}
    computed = [gains[pair] for pair in zip(rows["target"], rows["auxiliary"], strict=True)]
    results["gain of Java by C#"] = Number(float(gains["Java", "C#"]))
    results["gain of Python by Java"] = Number(float(gains["Python", "Java"]))
    results["languages that gain from every other"] = Number(
        float(sum((target_rows["gain_percent"] > 0).all() for _, target_rows in rows.by("target")))
    )
    results["largest difference of stated and computed gains"] = Number(
        float(abs(np.array(computed) - rows["gain_percent"]).max())
    )
    laws = tables.read("code_exponents.csv.gz")
    for language, rank in zip(laws["language"], rankdata(laws["irreducible"]), strict=True):
        results[f"rank of the irreducible loss of {language}"] = Number(float(rank))
    return results


def view(tables: Tables) -> View:
    """The mean gain of each language as target and as auxiliary."""
    table = tables.read("code_synergy.csv.gz")
    rows = table.where(table["target"] != table["auxiliary"])
    by_auxiliary = {name: gains["gain_percent"].mean() for name, gains in rows.by("auxiliary")}
    series = tuple(
        Series(str(name), [gains["gain_percent"].mean()], [by_auxiliary[name]])
        for name, gains in rows.by("target")
    )
    return View(
        "mean gain from the other languages (%)",
        "mean gain given to the other languages (%)",
        series,
        log_x=False,
        log_y=False,
    )


ENTRY = Entry(
    title="Scaling laws for code: every programming language matters",
    paper="arXiv 2512.13472, Table 1 and Figure 2",
    formula="gain = 1 − L(target + auxiliary) / L(target + target)",
    tables=("code_synergy.csv.gz", "code_exponents.csv.gz"),
    reproduce=reproduce,
    command="relscale ask synergy code_synergy.csv.gz\n"
    "relscale fit losses.csv --law multilingual --x params,tokens,share_python,share_java --y loss",
    remark="The columns of the published table are permuted within rows; the published percentages identify the order. "
    "The losses of the 420 runs behind the laws per language are not public.",
    view=view,
)
