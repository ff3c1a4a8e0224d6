"""What a suite says of itself stands in the report as text, whatever it says."""

import re
from html.parser import HTMLParser

import pytest
from docutils.core import publish_parts
from hostile import NAMES
from hypothesis import given
from hypothesis import strategies as st

from relscale.figures.caption import Caption, as_rst

MARKUP = [
    "n\n\n.. include:: /etc/passwd\n   :literal:\n",
    ".. raw:: html\n\n   <script>PWNED</script>",
    "`link <javascript:alert(1)>`_ http://example.org target_ |sub| [1]_ :raw-html:`<b>` *a* **b** ``c`` \\",
    "</script><script>document.title='PWNED'</script>",
    "heading\n=======\n\n::\n\n   code",
    *NAMES,
]


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self):
        super().__init__()
        self.tags = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs).get("href")))

    def handle_data(self, data):
        self.text += data


def published(text):
    page = Page()
    page.feed(publish_parts(text, writer="html", settings_overrides={"report_level": 5})["body"])
    return page


def words(text):
    return "".join(letter if letter.isprintable() else " " for letter in text).split()


@pytest.mark.slow
@given(st.one_of(st.sampled_from(MARKUP), st.text(st.characters(codec="utf-8"))))
def test_text_is_published_as_it_reads(text):
    page = published(f"Before {as_rst(text)} after")
    assert page.tags == [("p", None)]
    assert "".join(page.text.split()) == "".join(["Before", *words(text), "after"])


@pytest.mark.parametrize("text", MARKUP)
def test_a_caption_has_the_markup_of_the_figure_and_none_of_the_suite(text):
    page = published(Caption("A **law**.\n", (text, text, text)).rst)
    assert {tag for tag, _ in page.tags} <= {"p", "strong"}
    assert "".join(words(text)) in "".join(page.text.split())


def test_a_caption_is_a_digest_where_rules_show_it():
    caption = Caption("A law.\n", ("title", "what", "</script>"))
    assert re.fullmatch(r"Caption\(\w+\)", f"{caption}")
    assert repr(caption) != repr(Caption("A law.\n", ("title", "what", "another note")))
