"""A figure as one HTML file that works offline, with plotly.js and the figure compressed inside.

With plotly.js as text, a page has 4.8 MB, and Chrome does not show a page in a report's frame if its ``data:`` URL has
more than 2 MB, which is 1.57 MB before base64. So the script is gzipped (all browsers since 2023 unpack it with
``DecompressionStream``), and the page is in UTF-16 with two bytes of the script per character, because base64 would
take a third more space. Its byte-order mark overrides the encoding stated by a server or URL (WHATWG Encoding standard,
"decode").
"""

import html
import json
import zlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zlib import _Compress

LARGEST = (
    3 * 2**21 // 4 - 100
)  # bytes of the largest page that Chrome shows in a frame, without the URL's prefix
# Characters that HTML changes or that could end a script element: NUL, CR, <, and the escape character itself.
ESCAPE = 0x1B
ESCAPED = (0x00, 0x0D, 0x3C, ESCAPE)
FLIP = 0x8000  # an escaped character, or surrogate, is written as ESCAPE and the character with its top bit flipped

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
html {{ overflow-y: scroll; }} /* from the start, so that the scroll bar takes no width from a drawn figure */
body {{ margin: 0; background: white; font-family: Arial, Helvetica, sans-serif; }}
#message {{ padding: 1em; color: #555; }}
</style>
</head>
<body>
<div id="figure"></div>
<p id="message">Drawing the figure needs JavaScript.</p>
<script id="packed" type="text/plain">{packed}</script>
<script>
const plot = document.getElementById("figure");
const message = document.getElementById("message");
function unpacked(text) {{
  const units = new Uint16Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {{
    const unit = text.charCodeAt(i);
    units[length++] = unit === {escape} ? text.charCodeAt(++i) ^ {flip} : unit;
  }}
  return new Uint8Array(units.buffer, 0, {bytes});
}}
async function draw() {{
  const packed = unpacked(document.getElementById("packed").textContent);
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(plain).text();
  document.head.append(script);
  const {{data, layout}} = window.figure;
  plot.dataset.page = plot.parentElement.clientWidth;
  await Plotly.newPlot(plot, data, arranged(layout, plot.parentElement.clientWidth), {config});
  message.remove();
  whenResized(() => reflow(plot));
  plot.on("plotly_hover", event => bands(event.points[0].data.legendgroup, 1));
  plot.on("plotly_unhover", event => bands(event.points[0].data.legendgroup, 0));
}}
{reflow}
function bands(group, opacity) {{  // bands shown only while hovering over their group
  const traces = [];
  plot.data.forEach((trace, i) => trace.meta === {pointed} && trace.legendgroup === group && traces.push(i));
  if (traces.length) Plotly.restyle(plot, {{opacity}}, traces);
}}
message.textContent = "Drawing the figure …";
draw().catch(error => message.textContent = `Drawing failed (${{error}}); use a browser of 2023 or later.`);
</script>
</body>
</html>
"""
# Applies the first arrangement of a figure that fits the width of its container (``chart.Grid.figure``).
REFLOW = """function arranged(layout, page) {
  if (!layout.meta?.arrangements) return layout;
  const {width, arrangements} = layout.meta;
  const changes = (arrangements.find(each => each.from <= page) ?? arrangements.at(-1)).layout;
  const next = structuredClone(layout);
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.replace(/\\[(\\d+)\\]/g, ".$1").split("."), last = keys.pop();
    keys.reduce((part, key) => part[key] ??= {}, next)[last] = value;
  }
  next.width = Math.max(layout.meta.least ?? 320, Math.min(page, Math.round(1.2 * width)));
  return next;
}
function reflow(plot) {  // one after another, because simultaneous drawings would misplace the legend
  plot.arranging = Promise.resolve(plot.arranging).then(() => {
    const page = plot.parentElement.clientWidth;
    if (plot.dataset.page === String(page)) return;  // for example if a phone is scrolled
    plot.dataset.page = page;
    return Plotly.react(plot, plot.data, arranged(plot.layout, page));
  });
}
let resizing = 0;
function whenResized(act) {
  addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(act, 100); });
}"""
TITLE, TITLE_LINE = 34, 22  # pixels for the figure's title, and for each further line of the title
POINTED = "shown when its group is pointed at"  # ``meta`` of a trace that is visible only on hover
CONFIG = {"displaylogo": False, "showSendToCloud": False, "toImageButtonOptions": {"format": "svg"}}


def page(title: str, figure: str) -> bytes:
    """The HTML page, in UTF-16, of a figure in plotly's JSON. It loads no other files."""
    library, packer = _packed_library()
    packer = packer.copy()
    script = library + packer.compress(f"window.figure = {figure};".encode()) + packer.flush()
    text = PAGE.format(
        title=html.escape(title),
        packed=packed(script),
        bytes=len(script),
        escape=ESCAPE,
        flip=FLIP,
        config=json.dumps(CONFIG),
        pointed=json.dumps(POINTED),
        reflow=REFLOW,
    )
    return ("\ufeff" + text).encode("utf-16-le")


@cache
def _packed_library() -> "tuple[bytes, _Compress]":
    """plotly.js as the start of a gzip stream without a time stamp, and the compressor, whose copies continue it.

    It is compressed once for all pages, because that takes most of a second.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS, 9)
    library = resources.files("plotly").joinpath("package_data/plotly.min.js").read_bytes()
    return packer.compress(library + b"\n"), packer


def packed(data: bytes) -> str:
    """Bytes as text, two per character (little-endian, padded to an even number), with HTML's characters escaped."""
    import numpy as np

    units = np.frombuffer(data + b"\0" * (len(data) % 2), dtype="<u2")
    special = np.isin(units, ESCAPED) | ((units >= 0xD800) & (units <= 0xDFFF))
    escaped = np.repeat(units, np.where(special, 2, 1))
    second = np.cumsum(np.where(special, 2, 1))[special] - 1
    escaped[second] ^= np.uint16(FLIP)
    escaped[second - 1] = ESCAPE
    return escaped.tobytes().decode("utf-16-le")
