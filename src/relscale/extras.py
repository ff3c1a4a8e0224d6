"""What an installation may lack, and the command that brings it.

The core of relscale fits, plans and reports; training, scoring, the workflow and pictures need libraries of their own,
in an extra each (``pip install 'relscale[train]'``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from relscale.errors import RelscaleError

MODULES = {  # of each extra
    "train": (
        *("torch", "lightning_fabric", "lightning", "transformers", "tokenizers", "safetensors"),
        *("datasets", "zstandard", "huggingface_hub", "fsspec"),
    ),
    "score": (
        *("torch", "transformers", "tokenizers", "safetensors", "accelerate", "datasets", "lm_eval"),
        *("jinja2", "huggingface_hub"),
    ),
    "workflow": ("snakemake", "rich"),
    "pictures": ("kaleido", "choreographer"),
    "gpu": ("liger_kernel",),
    "corpus": ("pandas",),
}


def missing(extra: str) -> list[str]:
    """The modules of an extra that are not installed."""
    return [module for module in MODULES[extra] if find_spec(module) is None]


def need(purpose: str, *extras: str) -> None:
    """See that extras are installed.

    Parameters
    ----------
    purpose
        The beginning of the message: what needs them.
    extras
        Their names.

    Raises
    ------
    RelscaleError
        A module of them is missing; the message has the command that installs all that lack one.
    """
    lacking = {extra: modules for extra in extras if (modules := missing(extra))}
    if lacking:
        raise _lacking(purpose, next(iter(lacking.values()))[0], ",".join(lacking))


@contextmanager
def named_extras(purpose: str, extra: str | None = None) -> Iterator[None]:
    """Within it, a module that is missing is said as the command that installs it.

    Parameters
    ----------
    purpose
        The beginning of the message: what needs the module.
    extra
        The extra that is meant where several have the module.

    Raises
    ------
    RelscaleError
        A module of an extra was imported and is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        having = [name for name, modules in MODULES.items() if module in modules]
        if not having:
            raise
        raise _lacking(purpose, module, extra if extra in having else having[0]) from error


def _lacking(purpose: str, module: str, extra: str) -> RelscaleError:
    return RelscaleError(
        f"{purpose}: needs {module}, which is not installed; pip install 'relscale[{extra}]'"
    )
