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
        Status of the model.
    cut
        Number of items whose context was cut.
    task_metrics
        The table of lm-eval's own metrics per document (`relscale.scoring.task_values.TaskValue`), if the
        suite reports them.
    """

    first = "score the models first (relscale run CONFIG)"
    name: str
    run_key: str
    suite: str
    items: str | None
    bytes: int | None
    status: str
    cut: int
    task_metrics: str | None = None
