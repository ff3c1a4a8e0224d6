"""Rendering of static figures with Chrome."""

import multiprocessing
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from relscale.extras import missing
from relscale.storage.process import end_with_parent

FORMATS = ("svg", "pdf", "png")
PNG_SCALE = 2  # pixels of the picture per pixel of the figure: 200 per inch in print
TIMEOUT = 90.0  # seconds for one picture


def find_chrome() -> str | None:
    """The browser used by kaleido: ``BROWSER_PATH``, one that kaleido downloaded, or one on the ``PATH``.

    None without a browser or without kaleido.
    """
    if missing("pictures"):
        return None
    from choreographer.browsers.chromium import Chromium

    browser = Chromium.find_browser(skip_local=False)
    return str(browser) if browser and Path(browser).is_file() else None


def static_formats() -> tuple[str, ...]:
    """The additional formats that this machine can draw: ``svg``, ``pdf`` and ``png``, or none."""
    return FORMATS if find_chrome() else ()


Picture = tuple[dict[str, Any], Path]
"""A figure, as plotly's JSON, and its output path; the file extension selects the format."""


def render(pictures: Sequence[Picture], chrome: str, timeout: float | None = None) -> None:
    """Write static figures with one browser.

    The browser runs without its sandbox (which root in a container does not have, and only the figures are opened) and
    without the network: plotly.js comes from the installed package, and MathJax is disabled. It is driven by a
    subprocess, because kaleido waits forever for a browser that dies while it starts.

    Parameters
    ----------
    timeout
        Seconds after which the browser has failed unless a further picture was written; by default ``TIMEOUT`` for the
        start of the browser and ``TIMEOUT`` for a picture.

    Raises
    ------
    RuntimeError
        An error in the browser.
    TimeoutError
        The browser did not answer.
    """
    limit = 2 * TIMEOUT if timeout is None else timeout
    context = multiprocessing.get_context("spawn")
    answer, sender = context.Pipe(duplex=False)
    child = context.Process(target=_render, args=(list(pictures), chrome, sender))
    child.start()
    sender.close()
    try:
        states: list[tuple[int, int] | None] | None = None
        while not answer.poll(limit):
            before, states = states, [_file_state(path) for _, path in pictures]
            if states in (before, [None] * len(pictures)):
                raise TimeoutError(f"no answer within {limit:g} seconds")
        problem = answer.recv()
    except EOFError:
        problem = "it ended without an answer"
    finally:
        _kill_with_browser(child)
    if problem:
        raise RuntimeError(problem)


def _file_state(path: Path) -> tuple[int, int] | None:
    """Size and modification time of a file; None if it is missing or empty."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return (stat.st_size, stat.st_mtime_ns) if stat.st_size else None


def _kill_with_browser(child: SpawnProcess) -> None:
    """Kill a process that may still run and, if psutil is installed, the browser that it started."""
    with suppress(ImportError, OSError):
        import psutil

        with suppress(psutil.Error):
            parent = psutil.Process(child.pid)
            parent.suspend()  # so that it starts no further browser
            started = parent.children(recursive=True)
            for process in [parent, *started]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(started, timeout=5)
    child.kill()
    child.join()


def _render(pictures: Sequence[Picture], chrome: str, answer: Connection) -> None:
    """Draw in a subprocess and send the error; an empty text if all pictures are drawn."""
    import kaleido

    end_with_parent()
    _keep_page_open()
    try:
        errors = kaleido.write_fig_from_object_sync(
            [
                {"fig": figure, "path": path, "opts": {"scale": PNG_SCALE if path.suffix == ".png" else 1}}
                for figure, path in pictures
            ],
            kopts={"path": chrome, "mathjax": False, "timeout": TIMEOUT, "n": 1},
        )
    except Exception as error:  # kaleido raises errors of many types
        errors = [error]
    answer.send(str(errors[0]) or type(errors[0]).__name__ if errors else "")


def _keep_page_open() -> None:
    """Draw all pictures of this process in one page, until one fails.

    Kaleido opens its page anew, with all of plotly.js, after each picture: two fifths of the processor time. The page
    keeps nothing but the last picture, which the next one replaces. One that failed, such as for time, may go on
    while the next one is drawn, so the page is opened anew. A kaleido of another build is left as it is.
    """
    with suppress(ImportError, AttributeError):
        from kaleido._kaleido_tab import _KaleidoTab

        draw, reload = _KaleidoTab._calc_fig, _KaleidoTab.reload
        failed: set[_KaleidoTab] = set()

        async def draw_or_fail(tab: _KaleidoTab, *figure: Any, **options: Any) -> bytes:
            failed.add(tab)
            drawn: bytes = await draw(tab, *figure, **options)
            failed.remove(tab)
            return drawn

        async def reload_if_failed(tab: _KaleidoTab) -> None:
            if tab in failed:
                failed.remove(tab)
                await reload(tab)

        _KaleidoTab._calc_fig, _KaleidoTab.reload = draw_or_fail, reload_if_failed
