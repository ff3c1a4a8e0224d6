"""Where an experiment's results lie."""

from pathlib import Path
from typing import Any

import yaml

from relscale.atomic import write_text

CONFIG_FILE = "config.yaml"


def results_folder(config: dict[str, Any]) -> Path:
    """``results/<experiment>``, in the folder that the workflow runs in."""
    return Path("results") / config["experiment"]


def save_config(config: dict[str, Any]) -> None:
    """Keep the config as it stands beside the results; nothing is written where it has not changed."""
    path = results_folder(config) / CONFIG_FILE
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
