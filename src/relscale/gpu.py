"""Detection of a GPU, without importing torch on machines that have none."""

from pathlib import Path

CHANGES_NO_NUMBER = "detects a GPU; keys include the device in any case"

DEVICE_FILES = ("nvidia[0-9]*", "kfd", "dxg")  # in /dev, of CUDA, ROCm and WSL


def has_gpu() -> bool:
    """Whether this machine has a GPU that torch can use."""
    if not any(device for name in DEVICE_FILES for device in Path("/dev").glob(name)):
        return False
    import torch

    return torch.cuda.is_available()
