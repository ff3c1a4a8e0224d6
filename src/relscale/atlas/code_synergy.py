"""Gains of training on another programming language (arXiv 2512.13472)."""

import numpy as np

from relscale.atlas.entry import Answer, Entry, Number, Origin, Tables
from relscale.atlas.view import Series, View
from relscale.questions import synergy

TARGETS = {
    "Python": -1.208,
    "Java": 12.398,
    "JavaScript": 3.250,
    "TypeScript": 2.342,
    "C#": 2.738,
    "Go": 3.440,
}
TARGETS |= {"Rust": 3.437}
AUXILIARIES = {
    "Python": 4.693,
    "C#": 4.795,
    "TypeScript": 4.665,
    "JavaScript": 4.140,
    "Rust": 3.045,
    "Go": 2.658,
}
AUXILIARIES |= {"Java": 2.400}


def reproduce(tables: Tables) -> dict[str, Number]:
    """Mean gains by target and by auxiliary language, computed from the losses."""
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
    return results


def view(tables: Tables) -> View:
    """What each language gains and gives: its mean gains as target and as auxiliary."""
    table = tables.read("code_synergy.csv.gz")
    rows = table.where(table["target"] != table["auxiliary"])
    by_auxiliary = {name: gains["gain_percent"].mean() for name, gains in rows.by("auxiliary")}
    series = tuple(
        Series(str(name), [gains["gain_percent"].mean()], [by_auxiliary[name]])
        for name, gains in rows.by("target")
    )
    return View(
        "mean gain by the other languages (%)",
        "mean gain of the others by it (%)",
        series,
        log_x=False,
        log_y=False,
    )


ENTRY = Entry(
    title="Scaling laws for code: every programming language matters",
    paper="arXiv 2512.13472, Table 1",
    formula="gain = 1 − L(target + auxiliary) / L(target + target)",
    tables=("code_synergy.csv.gz",),
    answers=(
        Answer("gain of Java by C#", 20.58, 0.024, "%"),
        Answer("gain of Python by Java", 1.36, 0.024, "%"),
        Answer("languages that gain from every other", 6, 0, origin=Origin.TABLE),
        *(Answer(f"mean gain of {name}", value, 0.001, "%", Origin.TABLE) for name, value in TARGETS.items()),
        *(
            Answer(f"mean gain by {name}", value, 0.001, "%", Origin.TABLE)
            for name, value in AUXILIARIES.items()
        ),
        Answer("largest difference of stated and computed gains", 0, 0.024, "points", Origin.TABLE),
    ),
    reproduce=reproduce,
    command="relscale ask synergy code_synergy.csv.gz\n"
    "relscale fit losses.csv --law multilingual --x params,tokens,share_python,share_java,… --y loss",
    remark="The columns of the published table are permuted within rows; they are put right by its percentages. "
    "The losses of "
    "the 420 runs behind the laws of each language are not public.",
    view=view,
)
