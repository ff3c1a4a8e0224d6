"""The measurement table: one row per measurement, with all information on its origin that later stages use."""

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from relscale.storage.rows import Column, column, columns_of, names_of, same_column
from relscale.training.recipe_row import RecipeRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The columns that identify the model of a measurement, and its compute, parameters and tokens."""

    experiment: str = column("Name of the experiment.", default="")
    corpus: str = column("Training corpus of the model.")
    optimizer: str | None = column("Optimizer of the training.", default=None)
    run: str = column("Name of the model.")
    seed: int | None = column("Seed of the training.", default=None)
    step: int | None = column("Training step of the checkpoint.", default=None)
    block: str = column("Identifies the training that checkpoints belong to.")
    budget: float | None = column("Nominal compute budget.", "FLOPs", default=None)
    training_flops: float | None = column("Compute spent, forward and backward.", "FLOPs", default=None)
    params: float | None = column(
        "Number of parameters; a published table may use another unit.", "parameters", default=None
    )
    tokens: float | None = column(
        "Training tokens; a published table may use another unit.", "tokens", default=None
    )

    learning_rate: float | None = same_column(RecipeRow, "learning_rate")
    batch_tokens: float | None = same_column(RecipeRow, "batch_tokens")
    unique_tokens: float | None = same_column(RecipeRow, "unique_tokens")
    streams: float | None = same_column(RecipeRow, "streams")
    experts: float | None = same_column(RecipeRow, "experts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Model):
    """One row per model, suite, prompt, group and metric."""

    suite: str = column("Evaluation suite, or validation.")
    prompt: str = column("Prompt variant.")
    group: str = column("Test distribution.")
    metric: str = column("Name of the metric (see relscale.measurements.metric).")
    value: float | None = column("Value of the metric; null if there is none, with the reason in status.")
    stderr: float | None = column(
        "Standard error over items, by cluster if items are clustered; null if unknown.", default=None
    )
    stderr_items: float | None = column(
        "Standard error if items were independent, for clustered items; else null.", default=None
    )
    items: int | None = column("Number of questions or documents in the metric.", "items", default=None)
    clusters: int | None = column(
        "Number of clusters of these items, such as files, which are resampled as a whole; null if items are "
        "independent.",
        "clusters",
        default=None,
    )
    effective_clusters: float | None = column(
        "Number of equally large clusters that would determine the standard error as well; fewer than clusters if a "
        "few have most of the items.",
        "clusters",
        default=None,
    )
    bytes: int | None = column("Size of the scored text, in UTF-8.", "bytes", default=None)
    status: str = column("ok, or the reason to exclude the row.")


class Unit(StrEnum):
    """The unit that a bootstrap draw resamples."""

    CLUSTER = "cluster"
    ITEM = "item"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicate:
    """One row per measurement and bootstrap draw of the items."""

    experiment: str = column("Name of the experiment.")
    corpus: str = column("Training corpus of the model.")
    optimizer: str | None = column("Optimizer of the training.")
    run: str = column("Name of the model.")
    suite: str = column("Evaluation suite.")
    prompt: str = column("Prompt variant.")
    group: str = column("Test distribution.")
    metric: str = column("Name of the metric.")
    unit: Unit | None = column(
        "What was resampled: clusters or single items; clustered items have both.",
        default=None,
    )
    replicate: int = column("Index of the draw, from 0.")
    value: float | None = column("The metric in this bootstrap draw.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One row per model and question: whether the model answers it right, for item response theory."""

    experiment: str = column("Name of the experiment.")
    corpus: str = column("Training corpus of the model.")
    optimizer: str | None = column("Optimizer of the training.")
    run: str = column("Name of the model.")
    step: int | None = column("Training step of the checkpoint.")
    suite: str = column("Evaluation suite.")
    prompt: str = column("Prompt variant.")
    group: str = column("Test distribution.")
    subject: str | None = column("Subject within the group.")
    item: str = column("Id of the question: the same for every model.")
    right: bool | None = column(
        "Whether the likeliest choice is right, as `accuracy` counts it; null without a valid score."
    )
    right_per_byte: bool | None = column(
        "The same by log-probability per byte, as `accuracy_per_byte` counts it; null for tasks without choices."
    )


MODEL_COLUMNS = names_of(Model)
SHARE = "share_"  # prefix of further columns: the share of each part in a mixture of training data


def measurement(
    model: Model,
    *,
    suite: str,
    prompt: str,
    group: str,
    metric: str,
    value: float | None,
    stderr: float | None = None,
    stderr_items: float | None = None,
    items: int | None = None,
    clusters: int | None = None,
    effective_clusters: float | None = None,
    bytes: int | None = None,
    status: str,
) -> Measurement:
    """A measurement of a model."""
    return Measurement(
        **{name: getattr(model, name) for name in MODEL_COLUMNS},
        suite=suite,
        prompt=prompt,
        group=group,
        metric=metric,
        value=value,
        stderr=stderr,
        stderr_items=stderr_items,
        items=items,
        clusters=clusters,
        effective_clusters=effective_clusters,
        bytes=bytes,
        status=status,
    )


def _field(column: Column) -> pa.Field:
    text = {"description": column.description} | ({"unit": column.unit} if column.unit else {})
    return pa.field(column.name, column.type, column.optional, text)


def _compact(field: pa.Field) -> pa.Field:
    """The type of a column in a table with millions of rows: dictionaries of text, and short integers."""
    kinds = {pa.string(): pa.dictionary(pa.int32(), pa.string()), pa.int64(): pa.int32()}
    return field.with_type(kinds.get(field.type, field.type))


MEASUREMENTS = pa.schema([_field(column) for column in columns_of(Measurement)])
REPLICATES = pa.schema([_compact(_field(column)) for column in columns_of(Replicate)])
RESPONSES = pa.schema([_compact(_field(column)) for column in columns_of(Response)])
