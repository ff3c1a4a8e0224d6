"""A browser that does not answer."""

import time
from threading import Timer

import pytest
from psutil import process_iter as running

from relscale.figures.browser import render


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
