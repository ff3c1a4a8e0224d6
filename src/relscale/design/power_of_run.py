"""A hyperparameter that follows a power law of a run's size, such as the learning rate fitted to a sweep."""

from pydantic import Field

from relscale.design.architecture import Architecture, parameters
from relscale.experiments.section import Positive, Section


class PowerOfRun(Section):
    """constant · params^a · hidden_params^b · tokens^c; `relscale ask step_law` fits one to a sweep."""

    constant: Positive = Field(description="Value at params, hidden_params and tokens of 1.")
    params: float = Field(default=0.0, description="Exponent of the parameters.")
    hidden_params: float = Field(
        default=0.0, description="Exponent of the parameters without embedding and output layer."
    )
    tokens: float = Field(default=0.0, description="Exponent of the training tokens.")

    def of(self, architecture: Architecture, tokens: float) -> float:
        """Value for a run of this architecture on ``tokens`` tokens."""
        params = parameters(architecture)
        hidden = params - 2 * architecture.vocabulary_size * architecture.hidden_size
        return float(self.constant * params**self.params * hidden**self.hidden_params * tokens**self.tokens)
