"""A Chrome for pictures that do not move: whether this machine has one, and how to render with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relscale.extras import missing

FORMATS = ("svg", "pdf", "png")
PNG_SCALE = 2  # pixels of the picture for each of the figure: 200 an inch at print size
TIMEOUT = 90.0  # seconds for one picture


def find_chrome() -> str | None:
    """The browser that kaleido will use: ``BROWSER_PATH``, one that kaleido downloaded, or one on the ``PATH``.

    None where there is none, or where kaleido is not installed.
    """
    if missing("pictures"):
        return None
    from choreographer.browsers.chromium import Chromium

    found = Chromium.find_browser(skip_local=False)
    return str(found) if found and Path(found).is_file() else None


def static_formats() -> tuple[str, ...]:
    """The formats beside HTML and JSON that this machine can make: ``svg``, ``pdf`` and ``png``, or none."""
    return FORMATS if find_chrome() else ()


def render(figure: dict[str, Any], paths: Sequence[Path], chrome: str) -> None:
    """Write a figure, as plotly's JSON, to each of ``paths`` with one browser; the ending chooses the format.

    The browser is not sandboxed (a container's root has no sandbox, and it opens nothing but the figure) and stays
    off the network: plotly.js comes from the installed package and MathJax is not asked for.

    Raises
    ------
    Exception
        Whatever went wrong in the browser; kaleido has no type of its own for it.
    """
    import kaleido

    errors = kaleido.write_fig_from_object_sync(
        [
            {"fig": figure, "path": path, "opts": {"scale": PNG_SCALE if path.suffix == ".png" else 1}}
            for path in paths
        ],
        kopts={"path": chrome, "mathjax": False, "timeout": TIMEOUT, "n": 1},
    )
    if errors:
        raise errors[0]
