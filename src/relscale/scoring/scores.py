"""The manifest of a scoring job: models, suites and paths of the items."""

from relscale.storage.entries import Entry


class Score(Entry):
    """One model on one suite.

    Attributes
    ----------
    name, run_key
        The model, and its key.
    suite
        The suite.
    items, bytes
        The table of items (`relscale.scoring.items.Item`) and its size; None for a model that diverged.
    status
        That of the model.
    cut
        Items of which the context did not fit.
    task_metrics
        The table of what lm-eval's tasks make of the documents (`relscale.scoring.task_metrics.TaskValue`), where the
        suite has such.
    """

    name: str
    run_key: str
    suite: str
    items: str | None
    bytes: int | None
    status: str
    cut: int
    task_metrics: str | None = None
