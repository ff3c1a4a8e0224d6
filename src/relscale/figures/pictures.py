"""Static figures: SVG, PDF and PNG beside the HTML, if Chrome is installed.

A browser takes longer to start than to draw a figure, so each browser draws many figures.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from relscale.errors import Damaged, first_line
from relscale.extras import missing
from relscale.figures.browser import FORMATS, Picture, find_chrome, render
from relscale.storage.atomic import atomic_path, remove
from relscale.storage.checksums import files_list, listed_files, seal_files
from relscale.storage.process import cores

# At least, if there are several browsers; a browser takes as long to start as to draw about four pictures.
PICTURES_PER_BROWSER = 12
MOST_BROWSERS = 4  # each takes about 300 MB of memory


def draw_pictures(pages: Sequence[Path]) -> None:
    """Draw the missing static figures of these pages, from the JSON beside them.

    Without Chrome, or if it fails, prints a line on standard error and removes outdated pictures. A figure that cannot
    be drawn does not affect the others.
    """
    undrawn = [page for page in pages if not _has_pictures(page)]
    if not undrawn:
        return
    remove_pictures(undrawn)
    chrome = find_chrome()
    if chrome is None:
        print(_no_chrome(), file=sys.stderr)
        return
    failure = _draw(undrawn, chrome)
    drawn = [page for page in undrawn if all(path.is_file() for path in _pictures(page))]
    for page in drawn:
        seal_files(files_list(page), [page, page.with_suffix(".json"), *_pictures(page)])
    failed = [page for page in undrawn if page not in drawn]
    remove_pictures(failed)
    if failure:
        names = f" of {', '.join(page.stem for page in failed)}" if drawn else ""
        print(f"{chrome} could not draw ({failure}): wrote HTML and JSON only{names}", file=sys.stderr)


def remove_pictures(pages: Sequence[Path]) -> None:
    """Remove the pictures of these pages."""
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
    """Draw the pictures of these pages; returns the first error, or an empty text."""
    with ExitStack() as stack:
        try:
            pictures: list[Picture] = []
            for page in pages:
                figure = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
                figure["layout"]["width"] = figure["layout"]["meta"]["width"]
                pictures += [(figure, stack.enter_context(_if_drawn(path))) for path in _pictures(page)]
            _render_side_by_side(pictures, chrome)
        except Exception as error:  # kaleido raises errors of many types
            return first_line(error)
    return ""


def _render_side_by_side(pictures: Sequence[Picture], chrome: str) -> None:
    """Render with several browsers in parallel, if there are enough processors and pictures."""
    browsers = max(1, min(cores(), MOST_BROWSERS, len(pictures) // PICTURES_PER_BROWSER))
    with ThreadPoolExecutor(browsers) as pool:
        shares = [pool.submit(render, pictures[first::browsers], chrome) for first in range(browsers)]
    for share in shares:
        share.result()


class _NotDrawnError(Exception):
    """A picture is missing or empty."""


@contextmanager
def _if_drawn(path: Path) -> Iterator[Path]:
    """Like ``atomic_path``, but without an error or a file if nothing was drawn."""
    with suppress(_NotDrawnError), atomic_path(path) as partial:
        yield partial
        if not partial.is_file() or not partial.stat().st_size:
            raise _NotDrawnError
