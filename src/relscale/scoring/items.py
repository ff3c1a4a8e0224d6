"""Items: one row per document, or per choice of a question."""

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from relscale.storage.rows import column, strict_schema_of


class ItemStatus(StrEnum):
    """Status of an item; the first that applies."""

    NO_NUMBER = "no number"  # its log-probability is not finite, or above 0
    TOO_SHORT = "too short"  # no token of the document was scored
    REPEATED = "repeated"  # a duplicate of another document in the log
    UNLABELLED = "unlabelled"  # its question has no label of the right choice
    OUTSIDE = "label outside the choices"
    DISPUTED = "disputed label"  # the label contradicts the logged accuracy
    CUT = "context cut"  # the start of the context was cut to fit the model
    OK = "ok"


SHORT = pa.int32()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row per document, or per choice of a question."""

    suite: str = column("Evaluation suite.")
    task: str = column("The lm-eval task.")
    prompt: str = column("Prompt form; unconditional if the answer was scored without its question.")
    group: str = column("Test distribution.")
    subject: str | None = column("Subject within the group.", default=None)
    doc_id: str = column("Id of the document: the same for every model, and for every variety of a text.")
    cluster: str | None = column(
        "Cluster of the document, such as a file, a passage or a subject; null if it is independent.",
        default=None,
    )
    choice: int = column("Index of the choice, from 0; 0 for a document.", type=SHORT)
    target: bool = column("Whether the choice is correct; true for a document.")
    logprob: float = column("Log-probability of the answer, or of the document.", "nats")
    tokens: int | None = column("Scored tokens; null if unknown.", "tokens", None, SHORT)
    bytes_answer: int = column(
        "Length of the answer in UTF-8, without the delimiter before it.", "bytes", type=SHORT
    )
    bytes_scored: int = column("Length of the scored string in UTF-8.", "bytes", type=SHORT)
    bytes_unknown: int | None = column(
        "Those of its bytes that the model's vocabulary lacks; null if unknown.", "bytes", None, SHORT
    )
    greedy: bool | None = column(
        "Whether greedy decoding produces the answer; null for a document.", default=None
    )
    request_digest: int = column("Digest of context and continuation.")
    status: ItemStatus = column("ok, or the reason to exclude the item.")


SCHEMA = strict_schema_of(Item)
