"""Names of metrics: how they are composed, read and titled, and which metrics are errors.

A name consists of the quantity and the choices of its definition: ``bits_per_byte_answer_mean_macro``.

========== ====================================================================================================
part       words
========== ====================================================================================================
quantity   ``bits_per_byte``, ``bits_per_byte_other`` (of the wrong answers), ``nats``, ``accuracy``, ``brier`` …
bytes      ``answer``, ``scored``, ``document``: the bytes by which the bits are divided
items      ``mean`` of each item's ratio, or ``pooled``: a ratio of sums
subjects   ``micro``: over all items; ``macro``: the mean over subjects of each subject's value
========== ====================================================================================================

Error metrics are listed in ``relscale.error_metrics``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from relscale.error_metrics import ERRORS, is_error

BYTES, ITEMS, SUBJECTS = ("answer", "document", "scored"), ("mean", "pooled"), ("micro", "macro")
LIKELIHOODS = (
    "bits_per_byte",
    "nats",
    "perplexity",
    "likelihood",
)  # words of metrics of how probable a text is
BITS, OTHER = "bits_per_byte", "bits_per_byte_other"

# Title of each quantity, and its unit or description.
TITLES = {
    BITS: ("bits per byte", ""),
    OTHER: ("bits per byte", "other answers"),
    "bits_per_byte_published": ("bits per byte", "as published"),
    "nats": ("loss", "nats"),
    "nats_per_token": ("loss", "nats per token"),
    "error_rate": ("error rate", "share wrong"),
    "error_rate_per_byte": ("error rate per byte", "share wrong"),
    "brier": ("Brier score", "0 to 2"),
    "brier_per_byte": ("Brier score per byte", "0 to 2"),
    "accuracy": ("accuracy", "share right"),
    "accuracy_per_byte": ("accuracy per byte", "share right"),
    "probability": ("probability of right answer", "share"),
    "probability_per_byte": ("probability per byte of right answer", "share"),
    "log_probability": ("log-probability of right answer", "nats"),
    "log_probability_per_byte": ("log-probability per byte of right answer", "nats"),
}
BYTES_TITLES = {"answer": "right answer", "document": "documents", "scored": "scored text"}


@dataclass(frozen=True)
class Metric:
    """A metric's name and its parts; parts that the name lacks are None.

    Examples
    --------
    >>> Metric.parse("bits_per_byte_answer_mean").title
    'bits per byte (right answer)'
    >>> Metric.of("bits_per_byte", "answer", "mean").name
    'bits_per_byte_answer_mean'
    """

    name: str
    quantity: str
    bytes: str | None
    items: str | None
    subjects: str | None

    @classmethod
    def of(
        cls, quantity: str, bytes: str | None = None, items: str | None = None, subjects: str | None = None
    ) -> "Metric":
        """The metric with these parts."""
        name = "_".join(part for part in (quantity, bytes, items, subjects) if part)
        return cls(name, quantity, bytes, items, subjects)

    @classmethod
    def parse(cls, name: str) -> "Metric":
        """The metric of that name, which need not be one of relscale's."""
        words = name.split("_")
        quantity = "_".join(word for word in words if word not in (*BYTES, *ITEMS, *SUBJECTS))

        def part(choices: tuple[str, ...]) -> str | None:
            return next((word for word in words if word in choices), None)

        divisor = part(BYTES) if quantity.startswith(BITS) else None
        return cls(name, quantity, divisor, part(ITEMS), part(SUBJECTS))

    @property
    def is_error(self) -> bool:
        """Whether lower is better: bits per byte yes, accuracy no."""
        return is_error(self.quantity)

    @property
    def is_accuracy(self) -> bool:
        """Whether it is a share of right answers."""
        return self.quantity.startswith("accuracy")

    @property
    def is_score(self) -> bool:
        """Whether it is known that higher is better; of an unknown name neither this nor ``is_error`` is true."""
        return self.is_accuracy or (self.quantity in TITLES and not self.is_error)

    @property
    def compares_choices(self) -> bool:
        """Whether it says how choices compare, as accuracy does; not how probable a text is."""
        return not any(word in self.quantity for word in LIKELIHOODS)

    @property
    def is_loss(self) -> bool:
        """Whether it is bits per byte of the right answer, from which accuracy is predicted."""
        return self.quantity.startswith(BITS) and self.quantity != OTHER

    @property
    def error_rate(self) -> str | None:
        """The name of ``1 − metric`` if that is an error: ``error_rate_per_byte`` for ``accuracy_per_byte``."""
        return self.name.replace("accuracy", "error_rate", 1) if self.is_accuracy else None

    @property
    def preference(self) -> tuple[object, ...]:
        """A key that sorts metrics, the default choice first.

        Errors come first, and among them bits per byte; then those of the answer; means over items, but for documents
        pooled values; micro before macro.
        """
        items = ITEMS[::-1] if self.bytes == "document" else ITEMS
        family = next((i for i, name in enumerate(ERRORS) if self.quantity.startswith(name)), len(ERRORS))
        parts = _index(self.bytes, BYTES), _index(self.items, items), _index(self.subjects, SUBJECTS)
        return family, self.quantity, *parts, self.name

    @property
    def title(self) -> str:
        """The title of an axis, with the unit: ``bits per byte (right answer, micro)``; else the name in words."""
        if self.quantity not in TITLES:
            return self.name.replace("_", " ")
        words, unit = TITLES[self.quantity]
        items = self.items if self.bytes and (self.items != "mean" or self.bytes == "document") else None
        details = [part for part in (unit, BYTES_TITLES.get(self.bytes or ""), items, self.subjects) if part]
        return f"{words} ({', '.join(details)})" if details else words


class MeasuredSeries(NamedTuple):
    """The suite, group and metric that name one series of measurements."""

    suite: str
    group: str
    metric: str


VALIDATION = MeasuredSeries("validation", "all", "nats_per_token")  # the loss that the frontier minimises

DOCUMENT_METRICS = tuple(Metric.of(BITS, "document", items).name for items in ITEMS[::-1])
VALIDATION_METRICS = (VALIDATION.metric, DOCUMENT_METRICS[0])
ANSWER_METRICS = (
    *(Metric.of(BITS, divisor, items).name for divisor in ("answer", "scored") for items in ITEMS),
    Metric.of("nats", "answer", "mean").name,
    Metric.of(OTHER, None, "mean").name,
)
CHOICE_QUANTITIES = ("accuracy", "error_rate", "probability", "log_probability", "brier")
PER_BYTE = "_per_byte"  # suffix of quantities that compare choices by log-probability per byte
OF_KIND = {
    "rolling": DOCUMENT_METRICS,
    "multiple_choice": (
        *ANSWER_METRICS,
        *(quantity + divided for divided in ("", PER_BYTE) for quantity in CHOICE_QUANTITIES),
    ),
}


def metric_names(kind: str, has_subjects: bool = False) -> tuple[str, ...]:
    """The metrics of a suite of this kind; with subjects, each micro and macro."""
    return over_subjects(OF_KIND[kind]) if has_subjects else OF_KIND[kind]


def over_subjects(names: Iterable[str]) -> tuple[str, ...]:
    """The metrics over all items (micro), then over subjects (macro)."""
    names = tuple(names)
    return tuple(f"{name}_{subjects}" for subjects in SUBJECTS for name in names)


def _index(word: str | None, known: tuple[str, ...]) -> int:
    return known.index(word) if word in known else len(known)
