"""A browser that does not answer."""

import time

import pytest
from psutil import process_iter as running

from relscale.figures.browser import render


@pytest.mark.slow
def test_a_browser_that_never_answers_is_given_up(tmp_path):
    stuck = tmp_path / "chrome"
    stuck.write_text("#!/bin/sh\nsleep 600\n")
    stuck.chmod(0o755)
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="no answer within 3 seconds"):
        render([({"data": [], "layout": {}}, tmp_path / "a.svg")], str(stuck), timeout=3)
    assert time.monotonic() - start < 30
    assert not any(str(stuck) in " ".join(process.info["cmdline"] or []) for process in running(["cmdline"]))
