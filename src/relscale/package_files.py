"""Files that come with relscale besides its modules: the workflow, experiments and published tables.

They are at the top of a clone, and in the folder ``files`` of an installed package.
"""

from pathlib import Path

from relscale.errors import RelscaleError
from relscale.suggestions import suggestion

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


def named_config(config: Path) -> Path:
    """A config file, or that of the experiment of this name which comes with relscale.

    Raises
    ------
    RelscaleError
        It is neither.
    """
    known = experiments()
    if config.is_file():
        return config
    if str(config) in known:
        return known[str(config)]
    if config == Path("config.yaml"):
        raise RelscaleError(
            "config.yaml: not in this folder; name a config, or an experiment of relscale's, such as reference"
        )
    if not config.suffix:
        hint = f"of those that come with relscale, {suggestion(str(config), known)}"
    else:
        beside = [path.name for path in config.parent.glob("*.y*ml") if not path.name.endswith(".pins.yaml")]
        hint = suggestion(config.name, beside, "its folder has") if beside else "its folder has no YAML files"
    if not config.parent.is_dir():
        hint = "its folder does not exist"
    raise RelscaleError(f"{config}: no such config file; {hint}")
