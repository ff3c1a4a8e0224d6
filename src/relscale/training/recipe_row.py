"""Columns of training details that tables of checkpoints and of measurements share, for laws that use them."""

from dataclasses import dataclass

from relscale.storage.rows import column


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeRow:
    """Training details of a model, beside its compute, parameters and tokens."""

    learning_rate: float | None = column(
        "Learning rate at this step, for laws that see the schedule.", default=None
    )
    batch_tokens: float | None = column("Tokens per optimizer step.", "tokens", default=None)
    unique_tokens: float | None = column(
        "Distinct training tokens, if some are repeated.", "tokens", default=None
    )
    streams: float | None = column("Parallel streams of the model.", default=None)
    experts: float | None = column("Experts per layer of a mixture of experts.", default=None)
