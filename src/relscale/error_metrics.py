"""Which metrics are errors: quantities that are positive and of which lower is better. Laws are fitted to errors."""

# How their names begin. Those with item replicates; lm-eval's own metrics have them too, and others standard errors
# alone, which keeps the replicates, the largest table, at half their size.
RESAMPLED = ("bits_per_byte", "nats", "error_rate", "brier")
ERRORS = (*RESAMPLED, "loss")  # all, best known first


def is_error(metric: str) -> bool:
    """Whether lower is better: ``bits_per_byte_answer_mean`` yes, ``accuracy_macro`` no."""
    return metric.startswith(ERRORS)
