"""Loss on one benchmark against loss on another (Mayilvahanan et al., arXiv 2502.12120)."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import View, line_series
from relscale.fitting.estimation.estimate import estimate
from relscale.laws.law import Array
from relscale.laws.loss_to_loss import LAW
from relscale.storage.column_arrays import Columns

TASKS = ("hellaswag", "piqa", "openbookqa", "arc_easy")

CORPORA_AND_ARCHITECTURES = (
    *(("The Pile", "GPT"), ("The Pile Deduped", "Llama"), ("The Pile", "Mamba")),
    *(("C4", "Llama"), ("Dolma", "olmo"), ("FineWeb-Edu", "Llama")),
)


def _rms(residual: Array) -> float:
    return float(np.sqrt(np.mean(residual**2)))


def _line(rows: Columns, task: str) -> tuple[float, float, Array]:
    """Bits per byte of the task at 1 bit per byte of C4, the exponent, and the residuals in logarithms."""
    x, y = np.log(rows["c4_bpb"]), np.log(rows[f"{task}_bpb"])
    slope, level = np.polyfit(x, y, 1)
    return float(np.exp(level)), float(slope), y - level - slope * x


def _curve(
    rows: Columns, predictor: str = "c4_loss", measured: str = "hellaswag_loss"
) -> tuple[float, Array]:
    """R² and residuals of the law from one loss to another, in nats."""
    x, y = rows[predictor][None], rows[measured]
    fit = estimate(LAW, x, y, residual="linear")
    residual = LAW.value(fit.theta[:, 0], x) - y
    return float(1 - (residual**2).sum() / ((y - y.mean()) ** 2).sum()), residual


def reproduce(tables: Tables) -> dict[str, Number]:
    """Residuals of lines and curves fitted to all models, and to each training corpus."""
    rows = tables.read("loss_to_loss.csv.gz")
    rows = rows.where(np.isfinite(rows["c4_bpb"]) & np.isfinite(rows["hellaswag_bpb"]))
    corpora = dict(rows.by("corpus"))
    results = {}
    for task in TASKS:
        results[f"{task}: residual, one line"] = Number(_rms(_line(rows, task)[2]))
        residuals = [_line(corpus_rows, task)[2] for corpus_rows in corpora.values()]
        results[f"{task}: residual, a line per corpus"] = Number(_rms(np.concatenate(residuals)))
    for corpus, corpus_rows in corpora.items():
        results[f"hellaswag at 1 bit per byte of C4, {corpus}"] = Number(_line(corpus_rows, "hellaswag")[0])
        results[f"hellaswag: exponent, {corpus}"] = Number(_line(corpus_rows, "hellaswag")[1])
    fit, residual = _curve(rows)
    results |= {
        "hellaswag in nats: R², one curve": Number(fit),
        "hellaswag in nats: residual, one curve": Number(_rms(residual)),
    }
    residuals = []
    for corpus, corpus_rows in corpora.items():
        fit, residual = _curve(corpus_rows)
        results[f"hellaswag in nats: R², {corpus}"] = Number(fit)
        residuals.append(residual)
    results |= residuals_by_architecture(corpora["The Pile"])
    results |= losses_at_fineweb(tables.read("loss_to_loss.csv.gz"))
    return results | {
        "hellaswag in nats: residual, a curve per corpus": Number(_rms(np.concatenate(residuals)))
    }


def residuals_by_architecture(pile: Columns) -> dict[str, Number]:
    """Mean residuals of the curve of The Pile per architecture, in nats."""
    residual = _curve(pile)[1]
    return {
        f"hellaswag in nats: curve of The Pile above {name}": Number(
            float(residual[pile["architecture"] == name].mean())
        )
        for name in ("GPT", "Mamba", "Mamba2")
    }


def losses_at_fineweb(rows: Columns) -> dict[str, Number]:
    """Losses at a FineWeb-Edu loss of 3.2 nats, by a line per corpus and architecture, and R² of the law there."""
    results = {}
    r_squared: dict[str, list[float]] = {"C4": [], "HellaSwag": [], "ARC-Easy": []}
    for corpus, architecture in CORPORA_AND_ARCHITECTURES:
        is_kind = [str(a).startswith(architecture) for a in rows["architecture"]]
        models = rows.where(np.array(is_kind) & (rows["corpus"] == corpus))
        for name, column in (
            ("C4", "c4_loss"),
            ("HellaSwag", "hellaswag_loss"),
            ("ARC-Easy", "arc_easy_loss"),
        ):
            x, y = models["fineweb_edu_loss"], models[column]
            known = np.isfinite(x) & np.isfinite(y)
            r_squared[name].append(_curve(models.where(known), "fineweb_edu_loss", column)[0])
            loss = float(np.polyval(np.polyfit(x[known], y[known], 1), 3.2))
            results[f"{name} loss at FineWeb-Edu 3.2, {corpus}, {architecture}"] = Number(loss)
    for name, values in r_squared.items():
        results[f"{name} from FineWeb-Edu: smallest R² of six curves"] = Number(min(values))
        results[f"{name} from FineWeb-Edu: largest R² of six curves"] = Number(max(values))
    losses = [
        results[f"C4 loss at FineWeb-Edu 3.2, {corpus}, {kind}"].value
        for corpus, kind in CORPORA_AND_ARCHITECTURES
    ]
    results["C4 loss at FineWeb-Edu 3.2: range over architectures"] = Number(float(np.ptp(losses[:3])))
    results["C4 loss at FineWeb-Edu 3.2: range over corpora"] = Number(float(np.ptp(losses[3:])))
    return results


def view(tables: Tables) -> View:
    """HellaSwag over C4, with a line per training corpus."""
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
    reproduce=reproduce,
    view=view,
    command="relscale fit loss_to_loss.csv.gz --law loss_to_loss --x c4_loss --y hellaswag_loss --run run "
    "--group corpus --residual linear\n"
    "relscale ask explained loss_to_loss.csv.gz --x c4_bpb --y hellaswag_bpb --by corpus,architecture --block model",
    remark="The training corpus determines the curve: with one curve per corpus the residual is an eighth of that "
    "with one curve for all. The paper's fitted constants are not public, so they are not compared.",
)
