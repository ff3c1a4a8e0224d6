"""What a run will cost in time, on stated hardware."""

from dataclasses import dataclass

from relscale.design.run import Run


@dataclass(frozen=True)
class Hardware:
    """The machines as the plan sees them; the config's section ``hardware``.

    On one device a token takes ``seconds_per_token + (training FLOPs per token) / (utilization · flops_per_second)``:
    narrow models are bound by what they move, not by what they multiply.

    Attributes
    ----------
    flops_per_second
        Of one device: its peak where ``utilization`` is what models reach of it, or what they reach.
    utilization
        Model FLOPs utilisation: the share of the peak that training FLOPs use, as
        `relscale.design.architecture.training_flops_per_token` counts them. Assumed the same on any number of devices.
    memory_bytes
        Of one device; None where it is no limit.
    gpus_per_node
        0 where runs train on a processor.
    nodes
        At most so many for one run.
    hours
        A run that would take longer gets more devices, as far as there are.
    """

    flops_per_second: float
    utilization: float = 1.0
    seconds_per_token: float = 0.0
    memory_bytes: float | None = None
    gpus_per_node: int = 0
    nodes: int = 1
    hours: float | None = None


def seconds(run: Run, hardware: Hardware) -> float:
    """Expected training time of a run on one device, start-up, validation and recomputation left out."""
    attained = hardware.utilization * hardware.flops_per_second
    return run.tokens * hardware.seconds_per_token + run.training_flops / attained
