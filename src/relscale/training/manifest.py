"""The manifest of a training job: its models and their folders."""

from relscale.storage.entries import Entry


class TrainedModel(Entry):
    """A run, or an intermediate checkpoint.

    Attributes
    ----------
    name
        Unique within an experiment.
    key
        Key in the store; for a checkpoint with its step. For a model trained elsewhere, a digest of its files.
    path
        Folder of the weights.
    status
        ``ok``, or why there are no weights.
    training
        Name of the run; empty if the model is the run itself.
    """

    first = "train the models first (relscale run CONFIG)"
    name: str
    key: str
    path: str
    status: str
    training: str = ""

    @property
    def run(self) -> str:
        """The name of the run."""
        return self.training or self.name
