"""Metrics in words, with their units, for axes."""

from relscale.fitting.curves.metrics import parse

# What a quantity is called, and its unit or what it is of.
QUANTITIES = {
    "bits_per_byte": ("bits per byte", ""),
    "bits_per_byte_other": ("bits per byte", "other answers"),
    "bits_per_byte_published": ("bits per byte", "as published"),
    "nats": ("loss", "nats"),
    "nats_per_token": ("loss", "nats a token"),
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
BYTES = {"answer": "right answer", "document": "documents", "scored": "scored text"}


def metric_title(name: str) -> str:
    """The title of a metric's axis: ``bits per byte (right answer, micro)``; an unknown one by its own name."""
    metric = parse(name)
    if metric.quantity not in QUANTITIES:
        return name.replace("_", " ")
    words, unit = QUANTITIES[metric.quantity]
    spelt = metric.bytes and (metric.items != "mean" or metric.bytes == "document")
    told = [unit, BYTES.get(metric.bytes or ""), metric.items if spelt else None, metric.subjects]
    shown = [part for part in told if part]
    return f"{words} ({', '.join(shown)})" if shown else words
