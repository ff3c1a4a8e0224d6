"""Which metrics are errors, the quantities that laws are fitted to: lower is better, and positive."""

VALIDATION = (
    "validation",
    "all",
    "nats_per_token",
)  # suite, group, metric of the loss that the frontier minimises

ERRORS = ("bits_per_byte", "nats_per_token", "nats_answer", "brier", "error_rate", "loss")


def is_error(metric: str) -> bool:
    """Whether lower is better: ``bits_per_byte_answer_mean`` yes, ``accuracy`` no."""
    return metric.startswith(ERRORS)


def error_rate(metric: str) -> str | None:
    """The name of ``1 − metric`` where that is an error: ``accuracy_per_byte`` gives ``error_rate_per_byte``."""
    return metric.replace("accuracy", "error_rate", 1) if metric.startswith("accuracy") else None
