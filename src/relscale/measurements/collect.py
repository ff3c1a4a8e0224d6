"""Runs and items into the measurement table, and the same measurements under resampled items."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from relscale.design.run import Run, run_from_dict
from relscale.errors import RelscaleError
from relscale.measurements.draws import draws
from relscale.measurements.metrics import replicate_values, sums, values
from relscale.measurements.schema import MEASUREMENTS, REPLICATES

ORDER = ["corpus", "optimizer", "budget", "run", "suite", "prompt", "group", "metric"]
VALIDATION = {
    "validation_loss": "nats_per_token",
    "validation_bits_per_byte": "bits_per_byte_document_pooled",
}


@dataclass(frozen=True)
class Cell:
    """The metrics of one run on one group under one prompt: a row each, and a replicate of each for every draw."""

    suite: str
    prompt: str
    group: str
    metrics: tuple[str, ...]
    values: np.ndarray
    stderrs: np.ndarray
    replicates: np.ndarray  # [draws, metrics]
    items: int
    bytes: int
    status: str


def collect(
    run_manifests: Sequence[str | Path],
    score_manifests: Sequence[str | Path],
    experiment: str,
    replicates: int,
    seed: int,
) -> tuple[pa.Table, pa.Table]:
    """Measurements and replicates of all runs.

    Parameters
    ----------
    run_manifests
        Of training: name, key, path and status of each run, with ``run.json`` under its path.
    score_manifests
        Of scoring: run_key and items of each run and suite.
    experiment
        Its name.
    replicates
        Number of item bootstrap draws, B.
    seed
        Of the draws.

    Returns
    -------
    measurements
        Rows of ``relscale.measurements.schema.MEASUREMENTS``, those of the validation loss (suite ``validation``)
        among them. A run that diverged has these alone, with null values and its status.
    replicates
        Rows of ``REPLICATES``: B for every measurement that comes from items.

    Raises
    ------
    RelscaleError
        A manifest or a run's record is missing or not what it should be.
    """
    scored: dict[str, list[str]] = {}
    for entry in _manifest(score_manifests, ("run_key", "items")):
        if entry["items"] is not None:
            scored.setdefault(entry["run_key"], []).append(entry["items"])
    weights: dict[tuple[str, ...], np.ndarray] = {}
    rows: list[dict[str, Any]] = []
    cells: list[tuple[dict[str, Any], Cell]] = []
    for entry in _manifest(run_manifests, ("key", "path")):
        record = _record(Path(entry["path"]) / "run.json")
        described = {"experiment": experiment, **_description(run_from_dict(record["run"]), record)}
        rows += [{**described, **row} for row in _validation(record)]
        for path in scored.get(entry["key"], []):
            for cell in _cells(path, replicates, seed, weights):
                cells.append((described, cell))
                rows += [{**described, **row} for row in _rows(cell)]
    table = pa.Table.from_pylist(rows, MEASUREMENTS)
    return table.sort_by([(column, "ascending") for column in ORDER]), _replicates(cells, replicates)


def _cells(path: str, count: int, seed: int, weights: dict[tuple[str, ...], np.ndarray]) -> Iterator[Cell]:
    """Every prompt and group of an items file. ``weights`` keeps draws, since all models have the same documents."""
    if not Path(path).is_file():
        raise RelscaleError(f"{path}: these items are listed but gone; score again")
    items = pyarrow.parquet.read_table(path)
    places = items.group_by(["suite", "prompt", "group"], use_threads=False).aggregate([]).to_pylist()
    for place in places:
        suite, prompt, group = place["suite"], place["prompt"], place["group"]
        part = items.filter((pc.field("prompt") == prompt) & (pc.field("group") == group))
        found = sums(part)
        key = tuple(found.doc_ids)
        if key not in weights:
            weights[key] = draws(found.doc_ids, count, seed)
        value, stderr = values(found)
        status = f"context cut in {found.cut} of {len(key)} items" if found.cut else "ok"
        drawn = replicate_values(found, weights[key])
        yield Cell(suite, prompt, group, found.metrics, value, stderr, drawn, len(key), found.bytes, status)


def _rows(cell: Cell) -> Iterator[dict[str, Any]]:
    for metric, value, stderr in zip(cell.metrics, cell.values.tolist(), cell.stderrs.tolist(), strict=True):
        yield {
            "suite": cell.suite,
            "prompt": cell.prompt,
            "group": cell.group,
            "metric": metric,
            "value": value,
            "stderr": stderr if np.isfinite(stderr) else None,
            "items": cell.items,
            "bytes": cell.bytes,
            "status": cell.status,
        }


def _replicates(cells: Sequence[tuple[dict[str, Any], Cell]], count: int) -> pa.Table:
    """All draws, in the order of measurements; texts as dictionaries, since there are millions of rows."""
    series = [
        (
            described | {"suite": cell.suite, "prompt": cell.prompt, "group": cell.group, "metric": metric},
            column,
        )
        for described, cell in cells
        for metric, column in zip(cell.metrics, cell.replicates.T, strict=True)
    ]
    series.sort(key=lambda entry: [entry[0][name] for name in ORDER])
    columns: dict[str, pa.Array] = {}
    for field in REPLICATES:
        if field.name == "value":
            columns[field.name] = pa.array(
                np.concatenate([v for _, v in series] or [np.empty(0)]), from_pandas=True
            )
        elif field.name == "replicate":
            columns[field.name] = pa.array(np.tile(np.arange(count, dtype=np.int32), len(series)))
        else:
            codes = pa.array(
                [described[field.name] for described, _ in series], pa.string()
            ).dictionary_encode()
            indices = np.repeat(codes.indices.to_numpy(), count).astype(np.int32)
            columns[field.name] = pa.DictionaryArray.from_arrays(pa.array(indices), codes.dictionary)
    return pa.table(columns, schema=REPLICATES)


def _validation(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    ok = record["status"] == "ok"
    for key, metric in VALIDATION.items():
        yield {
            "suite": "validation",
            "prompt": "default",
            "group": "all",
            "metric": metric,
            "value": record.get(key) if ok else None,
            "status": record["status"],
        }


def _description(run: Run, record: dict[str, Any]) -> dict[str, Any]:
    return {
        "corpus": run.corpus,
        "optimizer": run.hyperparameters.optimizer,
        "run": run.name,
        "seed": run.seed,
        "step": record.get("step"),
        "block": run.name,
        "budget": run.budget,
        "training_flops": float(run.training_flops),
        "params": run.params,
        "tokens": run.tokens,
    }


def _manifest(paths: Sequence[str | Path], keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    for path in paths:
        try:
            for entry in json.loads(Path(path).read_text(encoding="utf-8")):
                yield {key: entry[key] for key in keys}
        except OSError as error:
            raise RelscaleError(f"{path}: no such manifest; run the stage that makes it") from error
        except (ValueError, KeyError, TypeError) as error:
            raise RelscaleError(f"{path}: not a manifest; its entries need {', '.join(keys)}") from error


def _record(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {**record, "run": record["run"], "status": record["status"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RelscaleError(f"{path}: no readable record of a run; train it again") from error
