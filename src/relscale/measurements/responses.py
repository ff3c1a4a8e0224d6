"""The table of responses: whether each model answers each question right, in the order of the measurements."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from relscale.measurements.measurement import MODEL_COLUMNS, RESPONSES, Model
from relscale.measurements.metric import PER_BYTE
from relscale.measurements.ratio_terms import RatioTerms

RIGHT = "accuracy"
COLUMNS = {RIGHT: "right", RIGHT + PER_BYTE: "right_per_byte"}  # of the table, by metric
AT_ONCE = 2**18  # rows of a piece, about


@dataclass(frozen=True)
class Responses:
    """The responses of one model to the questions of one group.

    Attributes
    ----------
    item, subject
        Text of each question; ``subject`` is null without subjects.
    right
        Whether each is answered right, by column of the table; null without a valid score.
    """

    item: pa.Array
    subject: pa.Array
    right: dict[str, pa.Array]


@dataclass(frozen=True)
class ModelResponses:
    """The responses of a model, and their suite, prompt form and group."""

    model: Model
    suite: str
    prompt: str
    group: str
    responses: Responses

    def order(self) -> list[tuple[bool, str | float]]:
        """A key that sorts them as the measurements are sorted, null last."""
        model = self.model
        keys = (model.corpus, model.optimizer, model.budget, model.run, self.suite, self.prompt, self.group)
        return [(key is None, "" if key is None else key) for key in keys]

    def column(self, name: str) -> pa.Array:
        """The cells of a column of the table."""
        if name in ("item", "subject"):
            cells: pa.Array = getattr(self.responses, name)
            return cells
        count = len(self.responses.item)
        if name in COLUMNS.values():
            return self.responses.right.get(name, pa.nulls(count, pa.bool_()))
        return pa.repeat(getattr(self.model if name in MODEL_COLUMNS else self, name), count)


def responses_of(group: RatioTerms) -> Responses | None:
    """The responses to the questions of a group; None for documents."""
    if RIGHT not in group.names:
        return None
    right = {
        column: pa.array(group.numerators[:, group.names.index(metric)], from_pandas=True).cast(pa.bool_())
        for metric, column in COLUMNS.items()
        if metric in group.names
    }
    subject = pa.nulls(len(group.doc_ids), pa.string())
    if group.subjects is not None:
        subject = pa.array(group.subject_names).take(pa.array(group.subjects))
    return Responses(pa.array(group.doc_ids), subject, right)


def response_pieces(answered: Iterable[ModelResponses]) -> Iterator[pa.Table]:
    """All responses, in pieces of whole groups."""
    piece: list[ModelResponses] = []
    rows = 0
    for of_group in sorted(answered, key=ModelResponses.order):
        piece.append(of_group)
        rows += len(of_group.responses.item)
        if rows >= AT_ONCE:
            yield _table(piece)
            piece, rows = [], 0
    if piece:
        yield _table(piece)


def _table(piece: Sequence[ModelResponses]) -> pa.Table:
    """A table of some groups, with text as dictionaries, so that each text is stored once."""
    columns = []
    for field in RESPONSES:
        compact = pa.types.is_dictionary(field.type)
        plain = field.type.value_type if compact else field.type
        cells = pa.concat_arrays([of_group.column(field.name).cast(plain) for of_group in piece])
        columns.append(cells.dictionary_encode().cast(field.type) if compact else cells)
    return pa.table(columns, schema=RESPONSES)
