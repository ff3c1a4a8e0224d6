"""Names and other text of tables, so that a figure shows them as they are.

plotly reads every label as HTML of a kind (``a<b & c>d`` is drawn as ``ad``), and hovers as templates (``%{x}``). What
comes from a table, a manifest or a config is made text where it enters a figure (``relscale.figures.data``,
``relscale.figures.plot``); markup is only what the figures themselves write.
"""

import html
import re
from typing import Any

TAG = re.compile(r"</?\w+>")


def as_text(value: Any) -> Any:
    """Text with all that plotly would read in it escaped; lists entry by entry, anything else as it is."""
    if isinstance(value, str):
        return html.escape(value, quote=False).replace("%{", "&#37;{")
    if isinstance(value, list | tuple):
        return [as_text(entry) for entry in value]
    return value


def shown(label: str) -> str:
    """The text that a label shows: without markup, escapes resolved."""
    return html.unescape(TAG.sub("", label))
