"""The manifest of a training job: the models that it trained, and where they are."""

from relscale.entries import Entry


class TrainedModel(Entry):
    """A run, or a checkpoint that was kept on its way.

    Attributes
    ----------
    name
        Unique within an experiment.
    key
        Its key in the store; of a checkpoint with its step. Of a model that others trained, a digest of its files.
    path
        The folder with its weights.
    status
        ``ok``, or why it has none.
    training
        The name of the run; empty where the model is the run.
    """

    name: str
    key: str
    path: str
    status: str
    training: str = ""

    @property
    def run(self) -> str:
        """The name of the run."""
        return self.training or self.name
