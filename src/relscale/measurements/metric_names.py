"""Which metrics a suite has, before anything is scored: what ``relscale.measurements.metrics`` makes of its items."""

from relscale.fitting.curves.metrics import VALIDATION

AMONG_CHOICES = ("accuracy", "error_rate", "probability", "log_probability", "brier")
OF_KIND = {
    "rolling": ("bits_per_byte_document_pooled", "bits_per_byte_document_mean"),
    "multiple_choice": (
        *("bits_per_byte_answer_mean", "bits_per_byte_answer_pooled"),
        *("bits_per_byte_scored_mean", "bits_per_byte_scored_pooled"),
        *("nats_answer_mean", "bits_per_byte_other_mean"),
        *(f"{name}{divided}" for divided in ("", "_per_byte") for name in AMONG_CHOICES),
    ),
}
OVER_SUBJECTS = ("micro", "macro")
OF_VALIDATION = (VALIDATION[2], "bits_per_byte_document_pooled")


def metric_names(kind: str, has_subjects: bool = False) -> tuple[str, ...]:
    """The metrics of a suite of that kind; of one with subjects, each over all items and over subjects."""
    if not has_subjects:
        return OF_KIND[kind]
    return tuple(f"{name}_{over}" for over in OVER_SUBJECTS for name in OF_KIND[kind])
