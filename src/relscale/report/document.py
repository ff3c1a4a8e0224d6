"""A self-contained HTML page with contents, sections, and the scripts that draw its figures."""

import base64
from collections.abc import Sequence
from importlib import resources

from relscale.figures.page import REFLOW
from relscale.report.markup import Markup, element
from relscale.report.plotly_figures import packed
from relscale.report.report_data import ReportFigure


def document(
    name: str,
    finding: str,
    contents: Sequence[tuple[str, str]],
    main: Markup,
    figures: Sequence[ReportFigure],
) -> str:
    """The HTML of a page.

    Parameters
    ----------
    name, finding
        Subject and finding of the page, for the title of the browser window.
    main
        The sections; the first has the anchor ``top``.
    """
    read = resources.files("relscale.report")
    links = (element("li", element("a", title, href=f"#{anchor}")) for anchor, title in contents)
    body = element(
        "body",
        element("a", "Skip to the findings", href="#top", class_="skip"),
        element("nav", element("strong", name), element("ul", *links), aria_label="Contents"),
        element("main", main),
        element("script", Markup(read.joinpath("page.js").read_text(encoding="utf-8") + REFLOW)),
        *packed(figures),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{name}: {finding}"),
        element("style", Markup(read.joinpath("page.css").read_text(encoding="utf-8"))),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def download(name: str, content: bytes, kind: str) -> Markup:
    """A link to download a file that is embedded in the page."""
    url = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return element("a", name, href=url, download=name, class_="button")
