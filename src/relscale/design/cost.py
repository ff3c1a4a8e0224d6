"""What a run will cost: memory, and time on stated hardware."""

from dataclasses import dataclass

from relscale.design.run import Run

STATE_BYTES = 16  # a parameter: float32 weight, gradient and two moments
ACTIVATION_BYTES = 4
PROCESS_BYTES = 900_000_000  # Python with torch, Lightning and transformers imported


@dataclass(frozen=True)
class Hardware:
    """A device as the plan sees it.

    A token takes ``seconds_per_token + (training FLOPs a token) / flops_per_second``: narrow models are bound by
    what they move, not by what they multiply.
    """

    flops_per_second: float
    seconds_per_token: float = 0.0


def memory(run: Run) -> int:
    """Bytes that training takes: the process, the optimizer's state, and a batch's activations.

    An estimate. A layer keeps about ``12·h`` values a token outside its MLP and ``4·m`` within; attention keeps none
    of its T × T scores, and the cross-entropy works in chunks.
    """
    a = run.architecture
    attention = 2 * (a.num_heads + a.num_kv_heads) * a.head_size
    per_token = (
        a.num_layers * (8 * a.hidden_size + 2 * attention + 4 * a.intermediate_size) + 4 * a.hidden_size
    )
    activations = run.batch_size * a.sequence_length * per_token * ACTIVATION_BYTES
    return PROCESS_BYTES + STATE_BYTES * run.params + activations


def seconds(run: Run, hardware: Hardware) -> float:
    """Expected training time of a run, start-up and validation left out."""
    return run.tokens * hardware.seconds_per_token + run.training_flops / hardware.flops_per_second
