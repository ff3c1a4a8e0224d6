"""The reference of the tables is what their row types say."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_is_made_of_the_row_types():
    page = runpy.run_path(str(DOCS / "make_tables.py"))["page"]
    assert (DOCS / "reference" / "tables.md").read_text(encoding="utf-8") == page()
