"""The measurement table: one row a number, and all that the stages after it may know of how it came about."""

import pyarrow as pa

# name, type, whether it may be null, meaning
_COLUMNS: list[tuple[str, pa.DataType, bool, str]] = [
    ("experiment", pa.string(), False, "name of the experiment"),
    ("corpus", pa.string(), False, "what the model was trained on"),
    ("optimizer", pa.string(), True, "with which optimizer"),
    ("run", pa.string(), False, "which model"),
    ("seed", pa.int64(), True, "seed of the run"),
    ("step", pa.int64(), True, "training step of the checkpoint"),
    ("block", pa.string(), False, "ties the checkpoints of one training trajectory"),
    ("budget", pa.float64(), True, "nominal compute budget, FLOPs"),
    ("training_flops", pa.float64(), True, "FLOPs spent, forward and backward"),
    ("params", pa.float64(), True, "parameters; in another unit where a table says so"),
    ("tokens", pa.float64(), True, "training tokens; likewise"),
    ("suite", pa.string(), False, "evaluation suite, or validation"),
    ("prompt", pa.string(), False, "form of the prompt"),
    ("group", pa.string(), False, "test distribution"),
    ("metric", pa.string(), False, "which bytes, and whether a mean over items or pooled, is in the name"),
    ("value", pa.float64(), True, "null where there is none, with a reason in status"),
    ("stderr", pa.float64(), True, "standard error over items; null where unknown"),
    ("items", pa.int64(), True, "questions or documents behind the value"),
    ("bytes", pa.int64(), True, "UTF-8 bytes of scored text behind the value"),
    ("status", pa.string(), False, "ok, or why the row must not be trusted"),
]

MEASUREMENTS = pa.schema(
    [pa.field(n, t, nullable, {"description": what}) for n, t, nullable, what in _COLUMNS]
)

# Replicates have millions of rows of few distinct texts, which are kept once each.
_TEXT = pa.dictionary(pa.int32(), pa.string())
REPLICATES = pa.schema(
    [
        *(pa.field(name, _TEXT) for name in ("experiment", "corpus", "optimizer", "run")),
        *(pa.field(name, _TEXT) for name in ("suite", "prompt", "group", "metric")),
        pa.field("replicate", pa.int32(), nullable=False, metadata={"description": "the draw, from 0"}),
        pa.field(
            "value", pa.float64(), metadata={"description": "the metric with items weighted by that draw"}
        ),
    ]
)
