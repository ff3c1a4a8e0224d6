"""Items: one row for each document, or for each choice of a question."""

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from relscale.rows import column, strict_schema_of


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


SHORT = pa.int32()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row per document, or per choice of a question."""

    suite: str = column("Evaluation suite.")
    task: str = column("The lm-eval task.")
    prompt: str = column("Prompt form; unconditional where the answer was asked without its question.")
    group: str = column("Test distribution.")
    subject: str | None = column("Subject within the group.", default=None)
    doc_id: str = column("The document: the same for every model, and for every variety of a text.")
    cluster: str | None = column(
        "What the document shares with others: a file, a passage, a subject; null where it stands for itself.",
        default=None,
    )
    choice: int = column("Index of the choice, from 0; 0 for a document.", type=SHORT)
    target: bool = column("Whether the choice is correct; true for a document.")
    logprob: float = column("Log-probability of the answer, or of the document.", "nats")
    tokens: int | None = column("Scored tokens; null where unknown.", "tokens", None, SHORT)
    bytes_answer: int = column("The answer without the delimiter before it, in UTF-8.", "bytes", type=SHORT)
    bytes_scored: int = column("The string that was scored, in UTF-8.", "bytes", type=SHORT)
    greedy: bool | None = column(
        "Whether greedy decoding gives the answer; null for a document.", default=None
    )
    request_digest: int = column("Digest of context and continuation.")
    status: ItemStatus = column("Whether the item can be used, and if not, why.")


SCHEMA = strict_schema_of(Item)
