"""Whether this process is one of several that train a run together, determined before torch is imported."""

import os


def is_distributed(count: int) -> bool:
    """Whether this process was started as one of ``count``: by the first of them, by torchrun or by srun."""
    return count > 1 and ("LOCAL_RANK" in os.environ or os.environ.get("SLURM_NTASKS") == str(count))


def started_outside(count: int) -> bool:
    """Whether torchrun or srun has started all of them.

    A Slurm job with another number of tasks runs several programs, of which this is one.
    """
    return is_distributed(count) and ("TORCHELASTIC_RUN_ID" in os.environ or "SLURM_NTASKS" in os.environ)
