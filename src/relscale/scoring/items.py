"""Items: one row for each document, or for each choice of a question."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("suite", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("subject", pa.string()),
        pa.field(
            "doc_id", pa.string(), nullable=False
        ),  # the same for every model, and for every variety of a text
        pa.field("choice", pa.int32(), nullable=False),  # 0 for a document
        pa.field("target", pa.bool_(), nullable=False),
        pa.field("logprob", pa.float64(), nullable=False),  # nats
        pa.field("tokens", pa.int32()),  # scored tokens; null where nobody counted
        pa.field("bytes_answer", pa.int32(), nullable=False),  # the answer without its delimiter
        pa.field("bytes_scored", pa.int32(), nullable=False),  # the string that was scored
        pa.field("greedy", pa.bool_()),  # null for a document
        pa.field(
            "status", pa.string(), nullable=False
        ),  # "ok", "context cut", or "too short": nothing was scored
    ]
)
