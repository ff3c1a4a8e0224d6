"""A table of existing checkpoints, one row each, trained elsewhere or written by ``relscale export``."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isclose, nan
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from relscale.compute_columns import SCALES, check_no_logarithm, check_same_units
from relscale.errors import RelscaleError, keyed
from relscale.hub import MODEL_FILES, PICKLED, fetch_model
from relscale.lookalikes import check_lookalikes
from relscale.measurements.measurement import SHARE
from relscale.provenance import digest, file_digest
from relscale.scoring.lm_eval_log import task_logs
from relscale.scoring.parameters import count_parameters
from relscale.storage.columns import numbers, plain
from relscale.storage.rows import column, columns_of, names_of, same_column, schema_of
from relscale.storage.tables import read_table, shortened
from relscale.training.manifest import TrainedModel
from relscale.training.recipe_row import RecipeRow

Cells = Mapping[str, Any]  # the cells of one row of the file: text, numbers or None

OK = "ok"
ROUNDING = (
    1e-6  # by which a product of floats, such as tokens per step and steps, may differ from a whole number
)
TABLE = "checkpoints.csv"  # its name in an export
REQUIRED = ("corpus", "params", "tokens", "training_flops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One row per checkpoint of a model."""

    run: str = column(
        "Name of the model, unique in the table; by default the name of its folder or hub repository."
    )
    corpus: str = column("Training corpus of the model.")
    params: int | None = column(
        "Parameters; counted if the model is a folder and the table does not have them.", "parameters"
    )
    tokens: int | None = column("Training tokens.", "tokens")
    training_flops: float = column(
        "Training compute, forward and backward; 6 · params · tokens by default.", "FLOPs"
    )
    model: str | None = column(
        "A folder, relative to the table, or the name of a model on the hub; null if samples are "
        "given instead, or the run diverged."
    )
    revision: str | None = column("The revision on the hub.")
    samples: str | None = column(
        "A folder of samples_*.jsonl logged by lm-eval, or its parent if the run has the name of the model's "
        "folder; such a row is not scored again."
    )
    optimizer: str | None = column("Optimizer of the training.")
    seed: int | None = column("Seed of the training.")
    step: int | None = column("Training step of the checkpoint.")
    block: str = column("Identifies the training that checkpoints belong to; the run by default.")
    budget: float | None = column("Nominal compute budget.", "FLOPs")
    status: str = column("ok, or the reason to exclude the model.")
    validation_loss: float | None = column("Loss on held-out text of its corpus.", "nats per token")
    validation_bits_per_byte: float | None = column("The same per byte of text.", "bits per byte")
    learning_rate: float | None = same_column(RecipeRow, "learning_rate")
    batch_tokens: float | None = same_column(RecipeRow, "batch_tokens")
    unique_tokens: float | None = same_column(RecipeRow, "unique_tokens")
    streams: float | None = same_column(RecipeRow, "streams")
    experts: float | None = same_column(RecipeRow, "experts")

    @property
    def validated(self) -> bool:
        """Whether the table has a validation loss, or the reason for its absence."""
        return self.validation_loss is not None or self.status != OK

    @property
    def local(self) -> bool:
        """Whether the model is a local folder."""
        return self.model is not None and Path(self.model).is_dir()


NAMES = names_of(Checkpoint)
OPTIONAL = tuple(name for name in NAMES if name not in REQUIRED)
INTEGERS = tuple(column.name for column in columns_of(Checkpoint) if column.type == pa.int64())
NUMBERS = tuple(column.name for column in columns_of(Checkpoint) if column.type in (pa.int64(), pa.float64()))
# Columns shared with measurements.
COLUMNS = (
    *("run", "corpus", "optimizer", "seed", "step", "block", "budget"),
    *("training_flops", "params", "tokens"),
    *names_of(RecipeRow),
)


def read_checkpoints(path: str | Path) -> list[Checkpoint]:
    """Read a table of checkpoints (CSV or parquet).

    Columns ``corpus``, ``params``, ``tokens``, ``training_flops`` and one of ``model`` and ``samples`` are required.
    Columns ``share_<part>`` are optional, for laws of mixtures (``relscale.measurements.mixture_shares``).
    A folder is relative to the table's own. Missing parameters are counted from the model in a local folder; missing
    training FLOPs are taken as ``6 · params · tokens``.

    Raises
    ------
    RelscaleError
        A column is missing, or a row has no model, the name of another row or one that looks like it, or an invalid
        number.
    """
    path = Path(path)
    table = read_table(path, REQUIRED)
    unknown = sorted(
        name for name in set(table.column_names) - {*REQUIRED, *OPTIONAL} if not name.startswith(SHARE)
    )
    if "results" in unknown:
        raise RelscaleError(
            f"{path}: column 'results': lm-eval's results have no items, which an experiment needs; give "
            "'samples', or fit the table directly: relscale fit TABLE"
        )
    if unknown:
        raise RelscaleError(
            f"{path}: unknown column {shortened(unknown[0])!r}; there are {', '.join([*REQUIRED, *OPTIONAL])}"
        )
    if not table.num_rows:
        raise RelscaleError(f"{path}: the table is empty")
    cells = _typed(table, path)
    rows = [_checkpoint(row, path, number) for number, row in enumerate(cells, start=1)]
    for key in ("run", "corpus", "optimizer", "block"):
        named = [name for row in rows if (name := getattr(row, key)) is not None]
        check_lookalikes(named, f"{path}: column {key!r}")
    known: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        if known.setdefault(row.run, number) != number:
            raise RelscaleError(
                f"{path}: rows {known[row.run]} and {number} have the same name {row.run!r}; set names in the "
                "column 'run'"
            )
    given = [nan if row["training_flops"] is None else row["training_flops"] for row in cells]
    check_no_logarithm("training_flops", np.array(given), str(path))
    for corpus in dict.fromkeys(row.corpus for row in rows):
        of_corpus = [[getattr(row, name) or nan for row in rows if row.corpus == corpus] for name in SCALES]
        check_same_units([np.array(cells, dtype=float) for cells in of_corpus], str(path))
    return rows


def check_distinct(checkpoints: Sequence[Checkpoint], table: str | Path) -> None:
    """Check that no two rows are the same model: the same folder or revision, or the same samples.

    Copies of a model are detected by their identical scores when measurements are collected.

    Parameters
    ----------
    checkpoints
        The rows of the table, in its order.
    table
        Path of the table, for messages.

    Raises
    ------
    RelscaleError
        Two rows are one model, or samples are of several models and none of them has the name of the row's run.
    """
    known: dict[Any, int] = {}
    for number, checkpoint in enumerate(checkpoints, start=1):
        for source, shown in _sources(checkpoint, f"{table}, row {number}"):
            if known.setdefault(source, number) != number:
                first = known[source]
                raise RelscaleError(
                    f"{table}: rows {first} and {number}, {checkpoints[first - 1].run!r} and {checkpoint.run!r}, "
                    f"both read {shown}; each row needs a different model"
                )


def _sources(checkpoint: Checkpoint, location: str) -> list[tuple[Any, str]]:
    """Source of a row's numbers, and its name for messages."""
    if checkpoint.samples:
        with keyed(location):
            logs = task_logs(checkpoint.samples, (checkpoint.run,))
        paths = [log.path.resolve() for log in logs.values()]
        return [(path, str(path)) for path in paths]
    if checkpoint.local:
        folder = Path(str(checkpoint.model)).resolve()
        return [(folder, str(folder))]
    if checkpoint.model:
        name = f"{checkpoint.model} at revision {checkpoint.revision or 'main'}"
        return [(name, name)]
    return []


def table_schema() -> pa.Schema:
    """Columns of a table of checkpoints written by an export."""
    return pa.schema([field for field in schema_of(Checkpoint) if field.name != "samples"])


def resolve(checkpoint: Checkpoint, use_safetensors: bool = True) -> TrainedModel:
    """A checkpoint as a model to score, downloaded if it is on the hub.

    The key is a digest of the folder's files, or the hub's name and commit.

    Raises
    ------
    RelscaleError
        The hub cannot be reached, and the model is not in its cache.
    """
    assert checkpoint.model is not None
    if checkpoint.local:
        folder = Path(checkpoint.model)
        key = digest([(file.name, file_digest(file)) for file in checkpoint_files(folder)])
    else:
        folder = fetch_model(checkpoint.model, checkpoint.revision, use_safetensors)
        key = digest([checkpoint.model, folder.name])  # the hub's cache names snapshots by their commit
    return TrainedModel(name=checkpoint.run, key=key, path=str(folder), status=OK)


def checkpoint_files(folder: str | Path) -> list[Path]:
    """The files of a folder that its numbers depend on."""
    return sorted({path for pattern in (*MODEL_FILES, PICKLED) for path in Path(folder).glob(pattern)})


def _typed(table: pa.Table, path: Path) -> list[Cells]:
    """Rows with numbers converted from text; empty text is None."""
    columns = {}
    for name in table.column_names:
        place = f"{path}: column {name!r}"
        try:
            cells = plain(table[name])
            columns[name] = numbers(cells, place) if name in NUMBERS else cells.cast(pa.string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise RelscaleError(f"{place} contains {cells.type}, not text; write text into it") from error
    rows: list[Cells] = pa.table(columns).to_pylist()
    return [
        {key: None if value in ("", None) or value != value else value for key, value in row.items()}
        for row in rows
    ]


def _checkpoint(row: Cells, path: Path, number: int) -> Checkpoint:
    location = f"{path}, row {number}"
    model, samples = (_place(row.get(name), path) for name in ("model", "samples"))
    status = row.get("status") or OK
    if (model is None) == (samples is None) and (model is not None or status == OK):
        raise RelscaleError(f"{location}: give a 'model' to score, or the 'samples' logged by lm-eval")
    if samples and not os.path.isdir(samples):
        raise RelscaleError(f"{location}: no folder {shortened(samples, 150)!r}")
    if model and not os.path.isdir(model) and (model.count("/") != 1 or model.startswith((".", "/"))):
        raise RelscaleError(
            f"{location}: {shortened(model, 150)!r} is neither a folder nor the name of a model on the hub"
        )
    if row["corpus"] is None:
        raise RelscaleError(f"{location}: 'corpus' is empty; give the name of the training corpus")
    for name in NUMBERS:
        value = row.get(name)
        counted = name in ("seed", "step")
        most = 2.0**63 if name in INTEGERS else inf
        from_zero = counted or name == "learning_rate"  # which ends at 0
        if value is not None and not (0 < value < most or (from_zero and value == 0)):
            raise RelscaleError(f"{location}: {name} is {value:g}; it should be positive and below {most:g}")
        if value is not None and counted and value != round(value):
            raise RelscaleError(f"{location}: {name} is {value:g}; it should be a whole number")
        if value is not None and name in INTEGERS and not isclose(value, round(value), rel_tol=ROUNDING):
            raise RelscaleError(
                f"{location}: {name} is {value:g}; it should be a whole number, in units of one and not of billions"
            )
    numbers: dict[str, float | None] = {name: row.get(name) for name in NUMBERS}
    integers = {
        name: None if value is None else round(value) for name in INTEGERS for value in [numbers[name]]
    }
    if integers["params"] is None and model and os.path.isdir(model):
        integers["params"] = _counted(model, location)
    flops = numbers["training_flops"]
    if flops is None and integers["params"] and integers["tokens"]:
        flops = 6.0 * integers["params"] * integers["tokens"]
    if flops is None:
        raise RelscaleError(f"{location}: no training_flops, and no params and tokens to compute them from")
    revision = row.get("revision")
    run = row.get("run") or _name(row.get("model") or row.get("samples") or "", revision)
    if not run:
        raise RelscaleError(f"{location}: a row without a model needs a name in the column 'run'")
    return Checkpoint(
        run=run,
        model=model,
        revision=revision,
        samples=samples,
        corpus=row["corpus"],
        optimizer=row.get("optimizer"),
        block=row.get("block") or run,
        budget=numbers["budget"],
        learning_rate=numbers["learning_rate"],
        batch_tokens=numbers["batch_tokens"],
        unique_tokens=numbers["unique_tokens"],
        streams=numbers["streams"],
        experts=numbers["experts"],
        training_flops=flops,
        status=status,
        validation_loss=numbers["validation_loss"],
        validation_bits_per_byte=numbers["validation_bits_per_byte"],
        **integers,
    )


def _counted(model: str, location: str) -> int:
    try:
        return count_parameters(model)
    except RelscaleError as error:
        raise RelscaleError(f"{location}: {error}; give them in the column 'params'") from error


def _place(value: str | None, table: Path) -> str | None:
    """The path of a folder relative to the table's own, or the unchanged name of a model on the hub."""
    if value is None:
        return None
    folder = table.parent / value
    return str(folder) if os.path.isdir(folder) or value.startswith(".") else value


def _name(model: str, revision: str | None) -> str:
    return f"{Path(model).name}-{revision}" if revision else Path(model).name
