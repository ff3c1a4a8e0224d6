"""Metrics that are errors: positive, and lower is better. Laws are fitted to errors."""

# Prefixes of the metrics with bootstrap replicates over items. lm-eval's own metrics have replicates too; the others
# have only standard errors, which halves the table of replicates, the largest one.
RESAMPLED = ("bits_per_byte", "nats", "error_rate", "brier")
ERRORS = (*RESAMPLED, "loss")  # prefixes of all errors, most common first


def is_error(metric: str) -> bool:
    """Whether lower is better: ``bits_per_byte_answer_mean`` yes, ``accuracy_macro`` no."""
    return metric.startswith(ERRORS)
