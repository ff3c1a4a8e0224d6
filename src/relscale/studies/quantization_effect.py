"""Effect of quantized weights on answers, log-probabilities and Δβ, from two scorings of the same models.

Items are matched by run, suite, task, prompt form, document and choice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from relscale.errors import RelscaleError
from relscale.fitting.fits import read_fit_table
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.scoring.scores import Score
from relscale.storage.entries import read_all
from relscale.storage.rows import column, rows_of
from relscale.storage.tables import read_table

DOCUMENT = ["run", "suite", "task", "prompt", "group", "doc_id"]
ITEM = [*DOCUMENT, "choice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemEffectRow:
    """One row per suite and group, over all models and prompt forms."""

    suite: str = column("Evaluation suite.")
    group: str = column("Test distribution.")
    models: int = column("Number of models scored both ways.")
    items: int = column("Number of questions or documents, over all models.", "items")
    flip_rate: float | None = column(
        "Share of the questions whose most likely choice changes; null for documents.", default=None
    )
    logprob_change: float = column(
        "Mean change of the log-probability of the correct answer or of the document.", "nats"
    )
    bits_per_byte_change: float = column(
        "Change of the bits per byte of the same, pooled over all items.", "bits per byte"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SlopeEffectRow:
    """One row per curve that has a Δβ in both fits."""

    corpus: str | None = column("Corpus.", default=None)
    suite: str = column("Evaluation suite.")
    metric: str = column("The metric.")
    group: str = column("Test distribution.")
    delta_beta: float = column("Δβ of the first scoring.")
    low: float | None = column("Lower limit of its interval.", default=None)
    high: float | None = column("Upper limit of its interval.", default=None)
    delta_beta_quantized: float = column("Δβ of the second scoring.")
    change: float = column("Δβ of the second scoring minus that of the first.")


def item_effects(first: Path, second: Path) -> Iterator[ItemEffectRow]:
    """Effects on items, between two folders of results.

    Raises
    ------
    RelscaleError
        A folder has no scores, no item is in both, or runs of the same name are different training runs.
    """
    plain, quantized = _items(first), _items(second)
    _check_same_runs(plain, quantized, second)
    both = plain.merge(quantized, on=ITEM, suffixes=("", "_quantized"), validate="one_to_one")
    if both.empty:
        raise RelscaleError(
            f"{second}: no item in common with {first}; score the same runs on the same suites"
        )
    top, top_quantized = (_likeliest(both, name) for name in ("logprob", "logprob_quantized"))
    questions = both.groupby(DOCUMENT, sort=False)["choice"].transform("size") > 1
    correct = both[both["target"]]
    for (suite, group), rows in correct.groupby(["suite", "group"], sort=False):
        in_group = questions & (both["suite"] == suite) & (both["group"] == group)
        change = rows["logprob_quantized"] - rows["logprob"]
        flipped = (top != top_quantized)[in_group & both["target"]]
        yield ItemEffectRow(
            suite=str(suite),
            group=str(group),
            models=rows["run"].nunique(),
            items=len(rows),
            flip_rate=float(flipped.mean()) if len(flipped) else None,
            logprob_change=float(change.mean()),
            bits_per_byte_change=float(-change.sum() / np.log(2) / rows["bytes_scored"].sum()),
        )


def slope_effects(first: Path, second: Path) -> Iterator[SlopeEffectRow]:
    """Changes of Δβ between the fits of two folders of results; empty if a folder has no fits."""
    before, after = ({_curve(row): row for row in _slopes(folder)} for folder in (first, second))
    for key, row in before.items():
        other = after.get(key)
        if other is None or row.value is None or other.value is None:
            continue
        yield SlopeEffectRow(
            corpus=row.corpus,
            suite=str(row.suite),
            metric=str(row.metric),
            group=str(row.group),
            delta_beta=row.value,
            low=row.low,
            high=row.high,
            delta_beta_quantized=other.value,
            change=other.value - row.value,
        )


def _check_same_runs(first: pd.DataFrame, second: pd.DataFrame, folder: Path) -> None:
    """Check that runs of the same name are the same training run, so that only the format of weights differs."""
    before, after = (dict(zip(items["run"], items["run_key"], strict=True)) for items in (first, second))
    other = [run for run in before.keys() & after.keys() if before[run] != after[run]]
    if other:
        raise RelscaleError(
            f"{folder}: {min(other)} is not the same training run as in the first folder; score the same models "
            "both ways"
        )


def _items(folder: Path) -> pd.DataFrame:
    manifests = sorted((folder / "scores").rglob("*.json"))
    if not manifests:
        raise RelscaleError(f"{folder}: no scores; run the experiment first (relscale run CONFIG)")
    names = [*ITEM[1:], "target", "logprob", "bytes_scored", "status"]
    tables: list[pd.DataFrame] = []
    for entry in read_all(manifests, Score):
        if entry.items is not None:
            items = read_table(_path(entry.items, folder), names).to_pandas()
            tables.append(items.assign(run=entry.name, run_key=entry.run_key))
    all_items = pd.concat(tables, ignore_index=True)
    return all_items[all_items["status"] == "ok"].drop(columns="status")


def _path(items: str, folder: Path) -> Path:
    """The path of a score's items; a relative path is relative to the parent folder of ``results``."""
    path = Path(items)
    return path if path.is_absolute() else folder.absolute().parents[1] / path


def _likeliest(items: pd.DataFrame, name: str) -> pd.Series:
    """For each item, the choice with the largest log-probability of its document."""
    best = items.loc[items.groupby(DOCUMENT, sort=False)[name].idxmax(), [*DOCUMENT, "choice"]]
    return items[DOCUMENT].merge(best, on=DOCUMENT, how="left")["choice"].set_axis(items.index)


def _slopes(folder: Path) -> Sequence[ParameterRow]:
    path = folder / "fits" / "fits.parquet"
    if not path.is_file():
        return []
    rows = rows_of(ParameterRow, read_fit_table(path.parent, "fits"))
    return [
        row
        for row in rows
        if row.parameter == "delta_beta"
        and row.contrast == "group"
        and row.estimand == Estimand.ITEM_POPULATION
    ]


def _curve(row: ParameterRow) -> tuple[object, ...]:
    names = (
        "corpus",
        "optimizer",
        "suite",
        "prompt",
        "metric",
        "group",
        "baseline",
        "method",
        "estimand",
        "law",
    )
    return tuple(getattr(row, name) for name in names)
