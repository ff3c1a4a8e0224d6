"""Loss on one benchmark against loss on another (Mayilvahanan et al., arXiv 2502.12120)."""

import numpy as np

from relscale.atlas.entry import Answer, Entry, Number, Origin, Tables
from relscale.atlas.view import View, line_series
from relscale.fitting.estimation.estimate import estimate
from relscale.laws.law import Array
from relscale.laws.loss_to_loss import LAW
from relscale.storage.column_arrays import Columns

LINES = {
    "hellaswag": (0.0365, 0.0052),
    "piqa": (0.0380, 0.0068),
    "openbookqa": (0.0394, 0.0075),
    "arc_easy": (0.1319, 0.0319),
}
HELLASWAG = {
    "C4": (0.881, 1.188),
    "Dolma": (0.836, 1.144),
    "FineWeb-Edu": (0.778, 1.421),
    "The Pile": (0.811, 1.379),
}
HELLASWAG |= {"The Pile Deduped": (0.804, 1.399)}
CURVES = {
    "C4": 0.9994,
    "Dolma": 0.9959,
    "FineWeb-Edu": 0.9993,
    "The Pile": 0.9980,
    "The Pile Deduped": 0.9995,
}


def _rms(residual: Array) -> float:
    return float(np.sqrt(np.mean(residual**2)))


def _line(rows: Columns, task: str) -> tuple[float, float, Array]:
    """Bits per byte of the task at 1 bit per byte of C4, the exponent, and the residuals in logarithms."""
    x, y = np.log(rows["c4_bpb"]), np.log(rows[f"{task}_bpb"])
    slope, level = np.polyfit(x, y, 1)
    return float(np.exp(level)), float(slope), y - level - slope * x


def _curve(rows: Columns) -> tuple[float, Array]:
    """R² and residuals of the law from C4's to HellaSwag's loss, in nats."""
    x, y = rows["c4_loss"][None], rows["hellaswag_loss"]
    fit = estimate(LAW, x, y, residual="linear")
    off = LAW.value(fit.theta[:, 0], x) - y
    return float(1 - (off**2).sum() / ((y - y.mean()) ** 2).sum()), off


def reproduce(tables: Tables) -> dict[str, Number]:
    """What is left of lines and curves when all models share one, and when each training corpus has its own."""
    rows = tables.read("loss_to_loss.csv.gz")
    rows = rows.where(np.isfinite(rows["c4_bpb"]) & np.isfinite(rows["hellaswag_bpb"]))
    corpora = dict(rows.by("corpus"))
    results = {}
    for task in LINES:
        results[f"{task}: residual, one line"] = Number(_rms(_line(rows, task)[2]))
        residuals = [_line(corpus_rows, task)[2] for corpus_rows in corpora.values()]
        results[f"{task}: residual, a line per corpus"] = Number(_rms(np.concatenate(residuals)))
    for corpus, corpus_rows in corpora.items():
        results[f"hellaswag at 1 bit per byte of C4, {corpus}"] = Number(_line(corpus_rows, "hellaswag")[0])
        results[f"hellaswag: exponent, {corpus}"] = Number(_line(corpus_rows, "hellaswag")[1])
    fit, off = _curve(rows)
    results |= {
        "hellaswag in nats: R², one curve": Number(fit),
        "hellaswag in nats: residual, one curve": Number(_rms(off)),
    }
    residuals = []
    for corpus, corpus_rows in corpora.items():
        fit, off = _curve(corpus_rows)
        results[f"hellaswag in nats: R², {corpus}"] = Number(fit)
        residuals.append(off)
    return results | {
        "hellaswag in nats: residual, a curve per corpus": Number(_rms(np.concatenate(residuals)))
    }


def _of_table(quantity: str, number: float, tolerance: float, unit: str = "") -> Answer:
    return Answer(quantity, number, tolerance, unit, Origin.TABLE)


def view(tables: Tables) -> View:
    """HellaSwag over C4, a line per training corpus."""
    rows = tables.read("loss_to_loss.csv.gz")
    rows = rows.where(np.isfinite(rows["c4_bpb"]) & np.isfinite(rows["hellaswag_bpb"]))
    series = (
        line_series(corpus, corpus_rows["c4_bpb"], corpus_rows["hellaswag_bpb"])
        for corpus, corpus_rows in rows.by("corpus")
    )
    return View("C4, bits per byte", "HellaSwag, bits per byte", tuple(series))


ENTRY = Entry(
    title="LLMs on the line: data determines loss-to-loss scaling laws",
    paper="Mayilvahanan et al., arXiv 2502.12120",
    law="loss_to_loss",
    formula=LAW.formula,
    tables=("loss_to_loss.csv.gz",),
    answers=(
        *(
            _of_table(f"{task}: residual, {kind}", value, 5.5e-5, "ln of bits per byte")
            for task, pair in LINES.items()
            for kind, value in zip(("one line", "a line per corpus"), pair, strict=True)
        ),
        *(
            _of_table(quantity, value, 5.5e-4)
            for corpus, pair in HELLASWAG.items()
            for quantity, value in zip(
                (f"hellaswag at 1 bit per byte of C4, {corpus}", f"hellaswag: exponent, {corpus}"),
                pair,
                strict=True,
            )
        ),
        _of_table("hellaswag in nats: R², one curve", 0.9055, 5.5e-5),
        _of_table("hellaswag in nats: residual, one curve", 0.0874, 5.5e-5, "nats"),
        *(_of_table(f"hellaswag in nats: R², {corpus}", value, 5.5e-5) for corpus, value in CURVES.items()),
        _of_table("hellaswag in nats: residual, a curve per corpus", 0.0100, 5.5e-5, "nats"),
    ),
    reproduce=reproduce,
    view=view,
    command="relscale fit loss_to_loss.csv.gz --law loss_to_loss --x c4_loss --y hellaswag_loss --run run "
    "--group corpus --residual linear\n"
    "relscale ask explained loss_to_loss.csv.gz --x c4_bpb --y hellaswag_bpb --by corpus,architecture --block model",
    remark="The training corpus determines the curve: one curve per corpus leaves an eighth of the residual. The "
    "paper's fitted constants are not public, so none is compared.",
)
