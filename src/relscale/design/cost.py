"""Expected time of a run on given hardware."""

from relscale.design.options import Hardware
from relscale.design.run import Run


def seconds(run: Run, hardware: Hardware) -> float:
    """Expected training time of a run on one device, without start-up, validation and recomputation."""
    attained = hardware.utilization * hardware.flops_per_second
    return run.tokens * hardware.seconds_per_token + run.training_flops / attained
