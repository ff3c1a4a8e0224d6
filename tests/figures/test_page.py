"""The HTML page carries everything it needs and unpacks to what was packed."""

import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.figures.browser import find_chrome
from relscale.figures.page import ESCAPE, FLIP, LARGEST, packed, page


def unpacked(text: str, length: int) -> bytes:
    """What the page's own script does, in Python."""
    units = iter(np.frombuffer(text.encode("utf-16-le"), dtype="<u2").tolist())
    return b"".join((next(units) ^ FLIP if unit == ESCAPE else unit).to_bytes(2, "little") for unit in units)[
        :length
    ]


def script(html: bytes) -> str:
    """The JavaScript inside a page: plotly.js and the figure."""
    found = re.search(r'<script id="packed"[^>]*>(.*?)</script>', html.decode("utf-16"), re.DOTALL)
    length = re.search(r"units\.buffer, 0, (\d+)", html.decode("utf-16"))
    assert found
    assert length
    return zlib.decompress(unpacked(found[1], int(length[1])), 16 + zlib.MAX_WBITS).decode()


@given(st.binary(max_size=400))
def test_packing_loses_nothing(data: bytes) -> None:
    assert unpacked(packed(data), len(data)) == data


@pytest.mark.slow
@given(st.binary(max_size=400))
def test_packed_text_passes_through_html_unchanged(data: bytes) -> None:
    text = packed(data)
    assert not {"<", "\r", "\0"} & set(text)
    assert not any(0xD800 <= ord(character) <= 0xDFFF for character in text)


def test_every_pair_of_bytes_can_be_packed() -> None:
    data = np.arange(2**16, dtype="<u2").tobytes()
    assert unpacked(packed(data), len(data)) == data


@pytest.mark.slow
def test_the_page_holds_the_figure_and_the_library_and_loads_nothing() -> None:
    figure = {"data": [{"y": [1, 2], "name": "</script><!-- é"}], "layout": {"title": {"text": "t"}}}
    html = page("A <title> & more", json.dumps(figure))
    assert len(html) < LARGEST, "Chrome shows no larger page in a frame of the report"
    shell = re.sub(r'<script id="packed".*?</script>', "", html.decode("utf-16"), flags=re.DOTALL)
    assert not re.search(r"https?:|\bsrc=|\bhref=|@import|\bimport\b", shell)
    assert "A &lt;title&gt; &amp; more" in shell
    code = script(html)
    assert code.startswith("/**\n* plotly.js")
    assert json.loads(code.rpartition("\nwindow.figure = ")[2].removesuffix(";")) == figure


@pytest.mark.slow
def test_equal_figures_give_equal_pages() -> None:
    assert page("t", "{}") == page("t", "{}")


@pytest.mark.slow
@pytest.mark.skipif(find_chrome() is None, reason="no Chrome on this machine")
def test_a_browser_draws_the_page(tmp_path: Path) -> None:
    figure = {"data": [{"type": "scatter", "y": [1, 3, 2]}], "layout": {"title": {"text": "drawn by script"}}}
    (tmp_path / "page.html").write_bytes(page("t", json.dumps(figure)))
    shown = subprocess.run(
        [
            *(str(find_chrome()), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=10000", "--dump-dom"),
            (tmp_path / "page.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    ).stdout
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)
    assert 'class="gtitle"' in shown
    assert '<p id="message">' not in shown, "the message goes once the figure is drawn"
