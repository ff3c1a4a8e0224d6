"""The report as a browser shows it: at once, whole, and without an error, on a wide screen, a laptop and a phone."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from relscale.atlas.atlas import reproduced
from relscale.atlas.entry import Tables
from relscale.atlas.report import atlas_figures, atlas_report
from relscale.figures.browser import find_chrome
from relscale.fitting.fit import fit
from relscale.package_files import REFERENCE
from relscale.report.page import write_report
from relscale.report.report_data import ReportData, ReportFigure

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROME = shutil.which("chromium") or shutil.which("google-chrome") or find_chrome()
pytestmark = pytest.mark.skipif(CHROME is None, reason="there is no Chrome or Chromium")

HOSTILE = "<img src=x onerror=alert(1)>"
GROUPS = (("base", 1.0, 0.05), ("a group of a long name without end", 1.5, 0.02), (HOSTILE, 2.0, 0.09))
SIZES = ((1440, 900), (390, 844))  # of a page that is opened and used
BETWEEN = ((1366, 768), (1100, 800), (800, 1100))  # of a page whose window changes


@pytest.fixture(name="path", scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of two suites of hostile names, with two figures."""
    folder = tmp_path_factory.mktemp("report")
    rows = []
    for i, flops in enumerate((1e18, 3e18, 1e19, 3e19, 1e20, 3e20)):
        for suite in ("s", HOSTILE):
            for group, level, beta in GROUPS:
                run = {"corpus": f"corpus {HOSTILE}", "run": f"r{i}", "training_flops": flops, "suite": suite}
                value = level * (flops / 1e19) ** -beta * (1 + 0.002 * ((7 * i + len(group)) % 5 - 2))
                rows.append(run | {"group": group, "metric": "bits_per_byte", "value": value, "status": "ok"})
    suites = {suite: {"baseline": "base"} for suite in ("s", HOSTILE)}
    fits = fit(pa.Table.from_pylist(rows), options={"frontier": "all"}, suites=suites)
    figures = []
    for name in ("one", "two"):
        figure = {
            "data": [{"type": "scatter", "x": [1, 2], "y": [3, 4], "name": name}],
            "layout": {"title": {"text": name}, "width": 900, "height": 400},
        }
        figures.append(ReportFigure(name, figure, "A figure."))
    write_report(ReportData(HOSTILE, fits, figures=tuple(figures)), folder / "report.html")
    return folder / "report.html"


@pytest.fixture(name="browser", scope="module")
def opened() -> Iterator[Any]:
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROME, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_finding_is_visible_at_once_and_nothing_overflows_or_fails(
    browser: Any, path: Path, width: int, height: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": height})
    trouble: list[str] = []
    page.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: trouble.append("a name was run as a script"))
    page.goto(path.as_uri(), wait_until="commit")
    page.wait_for_selector("h1", state="visible")
    painted = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? performance.now()"
    )
    assert painted < 1000
    heading = page.locator("h1")
    assert heading.inner_text().startswith("2 gaps close, 2 widen")
    box = heading.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < height
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        page.wait_for_function(
            "plot => plot.dataset.drawn === 'yes'", arg=plot.element_handle(), timeout=20_000
        )
    assert page.locator(".plot .main-svg").count() >= 2
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("img").count() == 0
    row = page.locator("tr[data-verdict]").first
    row.focus()
    page.keyboard.press("Enter")
    assert page.locator(".line.selected").count() == 1
    page.locator("input.filter").first.fill("no such group")
    assert page.locator("section").nth(1).locator("tr[data-verdict]:visible").count() == 0
    page.close()
    assert trouble == []


@pytest.mark.slow
def test_the_finding_and_the_page_fit_a_window_of_any_size(browser: Any, path: Path) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(path.as_uri())
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        page.wait_for_function(
            "plot => plot.dataset.drawn === 'yes'", arg=plot.element_handle(), timeout=20_000
        )
    for width, height in BETWEEN:
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("scrollTo(0, 0)")
        # What is drawn follows the window in a later frame.
        page.wait_for_function(f"document.documentElement.scrollWidth <= {width}", timeout=20_000)
        box = page.locator("h1").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < height
    page.close()


@pytest.mark.slow
def test_the_atlas_fits_a_phone(browser: Any, tmp_path: Path) -> None:
    tables = Tables(REFERENCE)
    rows = {"critical_batch": list(reproduced("critical_batch", tables))}
    path = tmp_path / "atlas.html"
    path.write_text(atlas_report(rows, atlas_figures(list(rows), tables)), encoding="utf-8")
    page = browser.new_page(viewport={"width": 390, "height": 844})
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(path.as_uri())
    page.locator(".plot").scroll_into_view_if_needed()
    page.wait_for_selector(".plot[data-drawn=yes] .main-svg", timeout=20_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
    assert trouble == []
