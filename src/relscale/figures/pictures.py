"""Pictures of figures that are written: SVG, PDF and PNG beside the HTML, where this machine has a Chrome.

A browser takes longer to start than to draw, so one of them draws all that are missing.
"""

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from relscale.atomic import atomic_path, remove
from relscale.checksums import files_list, listed_files, seal_files
from relscale.errors import Damaged, first_line
from relscale.extras import missing
from relscale.figures.browser import FORMATS, Picture, find_chrome, render


def draw_pictures(pages: Sequence[Path]) -> None:
    """Draw the figures of these pages, from the JSON beside them, but for those that have their pictures.

    Where no Chrome is found, or the one found fails, a line on standard error says so, and pictures of an earlier time
    are removed, since they show another figure.
    """
    pending = [page for page in pages if not _has_pictures(page)]
    if not pending:
        return
    chrome = find_chrome()
    trouble = _no_chrome() if chrome is None else _draw(pending, chrome)
    if trouble:
        remove_pictures(pending)
        print(trouble, file=sys.stderr)
        return
    for page in pending:
        seal_files(files_list(page), [page, page.with_suffix(".json"), *_pictures(page)])


def remove_pictures(pages: Sequence[Path]) -> None:
    """Remove the pictures of these pages, of an earlier time."""
    for path in (picture for page in pages for picture in _pictures(page)):
        remove(path)


def _has_pictures(page: Path) -> bool:
    try:
        return set(_pictures(page)) <= set(listed_files(files_list(page)))
    except Damaged:
        return False


def _pictures(page: Path) -> list[Path]:
    return [page.with_suffix(f".{ending}") for ending in FORMATS]


def _no_chrome() -> str:
    needed = (
        "pip install 'relscale[pictures]'" if missing("pictures") else "install chromium or google-chrome"
    )
    return f"no Chrome found: wrote HTML and JSON only; {needed} for SVG, PDF and PNG"


def _draw(pages: Sequence[Path], chrome: str) -> str:
    """Draw them all; what went wrong, or nothing."""
    try:
        with ExitStack() as stack:
            pictures: list[Picture] = []
            for page in pages:
                figure = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
                figure["layout"]["width"] = figure["layout"]["meta"]["width"]
                pictures += [(figure, stack.enter_context(atomic_path(path))) for path in _pictures(page)]
            render(pictures, chrome)
    except Exception as error:  # kaleido has no type of its own
        return f"{chrome} could not draw ({first_line(error)}): wrote HTML and JSON only"
    return ""
