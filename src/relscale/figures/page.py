"""A figure as one HTML file that works offline: plotly.js is inside, gzipped, and unpacked by the browser.

Plain, plotly.js takes 4.8 MB of every page; packed, 1.9 MB. ``DecompressionStream`` is in every browser since 2023.
"""

import base64
import gzip
import html
import json
from importlib import resources

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ margin: 0; background: white; font-family: Arial, Helvetica, sans-serif; }}
#message {{ padding: 1em; color: #555; }}
</style>
</head>
<body>
<div id="figure"></div>
<p id="message">Drawing the figure needs JavaScript.</p>
<script id="data" type="application/json">{figure}</script>
<script id="plotly" type="text/plain">{plotly}</script>
<script>
const say = text => document.getElementById("message").textContent = text;
async function draw() {{
  const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), c => c.charCodeAt(0));
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(plain).text();
  document.head.append(script);
  const figure = JSON.parse(document.getElementById("data").textContent);
  await Plotly.newPlot("figure", figure.data, figure.layout, {config});
  document.getElementById("message").remove();
}}
say("Drawing the figure …");
draw().catch(error => say("This browser cannot draw the figure (" + error + "); one of 2023 or later can."));
</script>
</body>
</html>
"""
CONFIG = {"displaylogo": False, "showSendToCloud": False, "toImageButtonOptions": {"format": "svg"}}


def page(title: str, figure: str) -> str:
    """The HTML page that draws ``figure``, plotly's JSON as text. It loads nothing from anywhere."""
    script = resources.files("plotly").joinpath("package_data/plotly.min.js").read_bytes()
    return PAGE.format(
        title=html.escape(title),
        figure=figure.replace("<", "\\u003c"),  # so that no text in it can end the script element
        plotly=base64.b64encode(gzip.compress(script, mtime=0)).decode(),
        config=json.dumps(CONFIG),
    )
