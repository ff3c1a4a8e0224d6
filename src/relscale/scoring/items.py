"""Items: one row for each document, or for each choice of a question."""

from enum import StrEnum

import pyarrow as pa


class ItemStatus(StrEnum):
    """What must be known of an item before its number is used; an item has the first of these that holds."""

    NO_NUMBER = "no number"  # its log-probability is not finite, or above 0
    TOO_SHORT = "too short"  # a document of which nothing was scored
    REPEATED = "repeated"  # the log has the document already
    UNLABELLED = "unlabelled"  # its question does not say which choice is right
    OUTSIDE = "label outside the choices"
    DISPUTED = "disputed label"  # the accuracy that was logged is not what it gives
    CUT = "context cut"  # the context lost its beginning to fit the model
    OK = "ok"


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
        pa.field("asked", pa.int64(), nullable=False),  # digest of context and continuation
        pa.field("status", pa.string(), nullable=False),  # an ItemStatus
    ]
)
