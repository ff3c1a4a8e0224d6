"""Optional dependencies (extras), and the commands that install missing ones.

The core of relscale fits, plans and reports; training, scoring, the workflow and pictures each need an extra
(``pip install 'relscale[train]'``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from relscale.errors import RelscaleError

MODULES = {  # by extra
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
    """Check that extras are installed.

    Parameters
    ----------
    purpose
        What needs the extras; the message begins with it.
    extras
        Names of extras.

    Raises
    ------
    RelscaleError
        A module is missing; the message gives the command that installs all incomplete extras.
    """
    incomplete = {extra: modules for extra in extras if (modules := missing(extra))}
    if incomplete:
        raise _missing_module(purpose, next(iter(incomplete.values()))[0], ",".join(incomplete))


@contextmanager
def named_extras(purpose: str, extra: str | None = None) -> Iterator[None]:
    """Turn failed imports of extras in this context into errors with the command that installs them.

    Parameters
    ----------
    purpose
        What needs the module; the message begins with it.
    extra
        The extra to name if several contain the module.

    Raises
    ------
    RelscaleError
        A module of an extra is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        containing = [name for name, modules in MODULES.items() if module in modules]
        if not containing:
            raise
        raise _missing_module(purpose, module, extra if extra in containing else containing[0]) from error


def _missing_module(purpose: str, module: str, extra: str) -> RelscaleError:
    return RelscaleError(
        f"{purpose}: needs {module}, which is not installed; pip install 'relscale[{extra}]'"
    )
