"""A number that every run of a plan has by a power law of its size, such as the learning rate of a sweep's law."""

from pydantic import Field

from relscale.design.architecture import Architecture, parameters
from relscale.section import Positive, Section


class PowerOfRun(Section):
    """constant · params^a · hidden_params^b · tokens^c; `relscale ask step_law` finds one in a sweep."""

    constant: Positive = Field(description="The number where params, hidden_params and tokens are 1.")
    params: float = Field(default=0.0, description="Exponent of the parameters.")
    hidden_params: float = Field(
        default=0.0, description="Exponent of the parameters without embedding and output layer."
    )
    tokens: float = Field(default=0.0, description="Exponent of the training tokens.")

    def of(self, architecture: Architecture, tokens: float) -> float:
        """The number of a run of this architecture that sees so many tokens."""
        every = parameters(architecture)
        hidden = every - 2 * architecture.vocabulary_size * architecture.hidden_size
        return float(self.constant * every**self.params * hidden**self.hidden_params * tokens**self.tokens)
