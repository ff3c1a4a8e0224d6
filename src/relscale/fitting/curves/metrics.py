"""The anatomy of a metric's name, and which metrics are errors: lower is better, positive, what laws are fitted to.

A name is the quantity, then the choices that went into it: ``bits_per_byte_answer_mean_macro``.

========== ====================================================================================================
part       words
========== ====================================================================================================
quantity   ``bits_per_byte``, ``bits_per_byte_other`` (of the wrong answers), ``nats``, ``accuracy``, ``brier`` …
bytes      ``answer``, ``scored``, ``document``: what the bits are divided by
items      ``mean`` of each one's ratio, or ``pooled``: ratio of sums
subjects   ``micro``: over all items; ``macro``: the mean over subjects of each subject's value
========== ====================================================================================================

A part that a name does not have is None.
"""

from dataclasses import dataclass

VALIDATION = (
    "validation",
    "all",
    "nats_per_token",
)  # suite, group, metric of the loss that the frontier minimises

BYTES, ITEMS, SUBJECTS = ("answer", "document", "scored"), ("mean", "pooled"), ("micro", "macro")
BITS, OTHER = "bits_per_byte", "bits_per_byte_other"
ERRORS = (
    BITS,
    "nats",
    "error_rate",
    "brier",
    "loss",
)  # how the quantities begin that are errors, best known first


@dataclass(frozen=True)
class Metric:
    """A metric's name, taken apart."""

    name: str
    quantity: str
    bytes: str | None
    items: str | None
    subjects: str | None

    @property
    def is_error(self) -> bool:
        """Whether lower is better: bits per byte yes, accuracy no."""
        return self.quantity.startswith(ERRORS)

    @property
    def is_accuracy(self) -> bool:
        """Whether it is a share of right answers."""
        return self.quantity.startswith("accuracy")

    @property
    def is_loss(self) -> bool:
        """Whether it is bits per byte of what is right, from which accuracy is predicted."""
        return self.quantity.startswith(BITS) and self.quantity != OTHER

    @property
    def preference(self) -> tuple[object, ...]:
        """Sorts metrics, the one to take where none is named first.

        Errors first, of those bits per byte; of the answer; a mean over items, but pooled over documents; micro.
        """
        items = ITEMS[::-1] if self.bytes == "document" else ITEMS
        family = next((i for i, name in enumerate(ERRORS) if self.quantity.startswith(name)), len(ERRORS))
        of_name = _index(self.bytes, BYTES), _index(self.items, items), _index(self.subjects, SUBJECTS)
        return family, self.quantity, *of_name, self.name


def parse(name: str) -> Metric:
    """The parts of a metric's name."""
    words = name.split("_")
    choices = (*BYTES, *ITEMS, *SUBJECTS)
    quantity = "_".join(word for word in words if word not in choices)
    divided = _one_of(words, BYTES) if quantity.startswith(BITS) else None
    return Metric(name, quantity, divided, _one_of(words, ITEMS), _one_of(words, SUBJECTS))


def is_error(metric: str) -> bool:
    """Whether lower is better: ``bits_per_byte_answer_mean`` yes, ``accuracy_macro`` no."""
    return parse(metric).is_error


def error_rate(metric: str) -> str | None:
    """The name of ``1 − metric`` where that is an error: ``accuracy_per_byte`` gives ``error_rate_per_byte``."""
    return metric.replace("accuracy", "error_rate", 1) if parse(metric).is_accuracy else None


def _one_of(words: list[str], choices: tuple[str, ...]) -> str | None:
    return next((word for word in words if word in choices), None)


def _index(word: str | None, known: tuple[str, ...]) -> int:
    return known.index(word) if word in known else len(known)
