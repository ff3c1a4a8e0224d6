"""A browser that does not answer."""

import asyncio
import re
import time
from contextlib import suppress
from threading import Timer

import pytest
from psutil import process_iter as running

from relscale.extras import missing
from relscale.figures.browser import _keep_page_open, find_chrome, render


@pytest.fixture
def stuck(tmp_path):
    path = tmp_path / "chrome"
    path.write_text("#!/bin/sh\nsleep 600\n")
    path.chmod(0o755)
    return path


@pytest.mark.slow
def test_a_browser_that_draws_has_the_time_again_for_the_next_picture(stuck, tmp_path):
    start = time.monotonic()
    picture = tmp_path / "a.svg"
    Timer(0.5, picture.write_text, ["drawn"]).start()
    with pytest.raises(TimeoutError, match="no answer within 1 seconds"):
        render([({"data": [], "layout": {}}, path) for path in (picture, tmp_path / "b.svg")], str(stuck), 1)
    assert 2 <= time.monotonic() - start < 30


@pytest.mark.slow
def test_a_browser_that_never_answers_is_given_up(stuck, tmp_path):
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="no answer within 3 seconds"):
        render([({"data": [], "layout": {}}, tmp_path / "a.svg")], str(stuck), timeout=3)
    assert time.monotonic() - start < 30
    assert not any(str(stuck) in " ".join(process.info["cmdline"] or []) for process in running(["cmdline"]))


@pytest.mark.skipif(missing("pictures"), reason="no kaleido")
def test_the_page_is_reopened_after_a_picture_that_failed_and_only_then(monkeypatch):
    from kaleido._kaleido_tab import _KaleidoTab

    opened = []

    async def draw(tab, figure):
        return await asyncio.wait_for(asyncio.sleep(figure["seconds"], b"drawn"), 0.01)

    async def reload(tab):
        opened.append(tab)

    async def draw_all(*seconds):
        for duration in seconds:
            with suppress(TimeoutError):
                await tab._calc_fig({"seconds": duration})
            await tab.reload()  # as kaleido does after each picture
            yield len(opened)

    async def pages():
        return [count async for count in draw_all(0, 0, 10, 0, 10)]

    monkeypatch.setattr(_KaleidoTab, "_calc_fig", draw)
    monkeypatch.setattr(_KaleidoTab, "reload", reload)
    _keep_page_open()
    tab = object.__new__(_KaleidoTab)
    assert asyncio.run(pages()) == [0, 0, 1, 1, 2]


@pytest.mark.slow
@pytest.mark.skipif(not find_chrome(), reason="no Chrome")
def test_a_picture_does_not_depend_on_those_that_its_browser_drew_before(tmp_path):
    def bars(color, height):
        trace = {"type": "bar", "y": [1, 3, 2], "marker": {"color": color}}
        return {"data": [trace], "layout": {"width": 300, "height": height, "title": {"text": color}}}

    blue, red = bars("blue", 200), bars("red", 260)
    drawn = [(red, "red.png"), (blue, "blue.pdf"), (blue, "blue.png"), (red, "red.pdf"), (red, "again.png")]
    render([(figure, tmp_path / name) for figure, name in drawn], find_chrome())
    png = {name: (tmp_path / f"{name}.png").read_bytes() for name in ("red", "blue", "again")}
    assert png["again"] == png["red"] != png["blue"]
    pages = [(tmp_path / name).read_bytes() for name in ("blue.pdf", "red.pdf")]
    heights = [float(re.findall(rb"/MediaBox \[0 0 \S+ (\S+?)\]", page)[0]) for page in pages]
    assert heights == pytest.approx([150, 195], abs=1)  # points
