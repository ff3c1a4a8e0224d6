"""Row of the table of branches."""

from dataclasses import dataclass

from relscale.storage.rows import column


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchRow:
    """One row per branch of a run, from a checkpoint to its end."""

    run: str = column("Name of the parent run.")
    corpus: str = column("Corpus of the run.")
    params: int = column("Parameters.")
    from_tokens: int = column("Training tokens of the checkpoint.", "tokens")
    from_batch_tokens: int = column("Batch of the run at the checkpoint.", "tokens")
    factor: int = column("Batch of the branch relative to that of the run at the checkpoint.")
    tokens: int = column("Training tokens of the branch.", "tokens")
    steps: int = column("Updates of the branch.")
    learning_rate: float = column("Learning rate of its updates.")
    loss: float | None = column(
        "Training loss, smoothed over its steps with weights that halve from step to step; null if it diverged.",
        "nats per token",
    )
    loss_noise: float | None = column(
        "Standard deviation of the smoothed loss, from the differences between consecutive steps; null for fewer "
        "than three.",
        "nats per token",
    )
    validation_loss: float | None = column(
        "Validation loss at the end of the branch; null if it diverged.", "nats per token"
    )
