"""The cache folder of relscale for all projects of a user."""

import os
from pathlib import Path

CHANGES_NO_NUMBER = "the path of a user's cache"


def user_cache() -> Path:
    """``$XDG_CACHE_HOME/relscale``, by default ``~/.cache/relscale``; it need not exist."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "relscale"
