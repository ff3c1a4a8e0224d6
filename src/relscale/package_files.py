"""Files shipped with relscale besides its modules: the workflow, experiments and published tables.

They are in the top folder of a clone, and in the folder ``files`` of an installed package.
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
    """The shipped configs by name."""
    further = {path.stem: path for path in sorted((FILES / "experiments").glob("*.yaml"))}
    return {DEFAULT: FILES / "config.yaml", **further}


def named_config(config: Path) -> Path:
    """The path of a config file, or of a shipped experiment by its name.

    Raises
    ------
    RelscaleError
        There is neither.
    """
    known = experiments()
    if config.is_file():
        return config
    if str(config) in known:
        return known[str(config)]
    if config == Path("config.yaml"):
        raise RelscaleError(
            "config.yaml: not in this folder; name a config, or a shipped experiment such as reference"
        )
    if not config.suffix:
        hint = suggestion(str(config), known, "the shipped experiments are")
    else:
        beside = [path.name for path in config.parent.glob("*.y*ml") if not path.name.endswith(".pins.yaml")]
        hint = suggestion(config.name, beside, "its folder has") if beside else "its folder has no YAML files"
    if not config.parent.is_dir():
        hint = "its folder does not exist"
    raise RelscaleError(f"{config}: no such config file; {hint}")
