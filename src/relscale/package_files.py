"""What comes with relscale besides its modules: the workflow, experiments, and published tables.

They are at the top of a clone, and in the folder ``files`` of an installed package.
"""

from pathlib import Path

PACKAGE = Path(__file__).parent
_INSTALLED = PACKAGE / "files"
FILES = _INSTALLED if _INSTALLED.is_dir() else PACKAGE.parents[1]

SNAKEFILE = FILES / "Snakefile"
REFERENCE = FILES / "reference"
DEFAULT = "laptop"  # the experiment of config.yaml


def experiments() -> dict[str, Path]:
    """The configs that come with relscale, by name."""
    further = {path.stem: path for path in sorted((FILES / "experiments").glob("*.yaml"))}
    return {DEFAULT: FILES / "config.yaml", **further}
