"""Escaping of text from tables, so that figures show it unchanged.

plotly interprets labels as HTML (``a<b & c>d`` is drawn as ``ad``) and hover texts as templates (``%{x}``). Text from
tables, manifests and configs is therefore escaped where it enters a figure (``relscale.figures.data``,
``relscale.figures.plot``); only the figures themselves write markup.
"""

import html
import re
from typing import Any

TAG = re.compile(r"</?\w+>")


def as_text(value: Any) -> Any:
    """Text escaped for plotly; lists are escaped entry by entry, and other values returned unchanged."""
    if isinstance(value, str):
        return html.escape(value, quote=False).replace("%{", "&#37;{")
    if isinstance(value, list | tuple):
        return [as_text(entry) for entry in value]
    return value


def visible_text(label: str) -> str:
    """The visible text of a label: without tags, with escapes resolved."""
    return html.unescape(TAG.sub("", label))
