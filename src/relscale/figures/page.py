"""A figure as one HTML file that works offline: plotly.js and the figure are inside, packed.

Plainly inlined, plotly.js makes a page of 4.8 MB. Beside the waste, a report that embeds the page as a ``data:`` URL
shows nothing in Chrome, which opens no such frame above 2 MB: 1.57 MB before base64. So the script is gzipped (the
page unpacks it with ``DecompressionStream``, in every browser since 2023), and, as base64 in it would waste a quarter
again, the page is UTF-16 and holds two bytes a character. Its byte-order mark overrules whatever encoding a server or
URL claims (WHATWG Encoding standard, "decode").
"""

import html
import json
import zlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zlib import _Compress

LARGEST = 3 * 2**21 // 4 - 100  # bytes of a page that Chrome still shows in a frame, the URL's head deducted
# Characters that HTML changes or that could end a script element: NUL, CR, <, and the escape character itself.
ESCAPE = 0x1B
ESCAPED = (0x00, 0x0D, 0x3C, ESCAPE)
FLIP = (
    0x8000  # an escaped character is ESCAPE and then itself with its top bit flipped, so too the surrogates
)

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
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
function bands(group, opacity) {{  // those that are shown only while their group is pointed at
  const places = [];
  plot.data.forEach((trace, i) => trace.meta === {pointed} && trace.legendgroup === group && places.push(i));
  if (places.length) Plotly.restyle(plot, {{opacity}}, places);
}}
message.textContent = "Drawing the figure …";
draw().catch(error => message.textContent = `This browser cannot draw the figure (${{error}}); one of 2023 can.`);
</script>
</body>
</html>
"""
# Arranges a figure for the width of what it is in: of its arrangements the first that fits (``chart.Grid.figure``).
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
function reflow(plot) {  // one after another: of two drawings at once the key would stand where the other has it
  plot.arranging = Promise.resolve(plot.arranging).then(() => {
    const page = plot.parentElement.clientWidth;
    if (plot.dataset.page === String(page)) return;  // as where a phone is scrolled
    plot.dataset.page = page;
    return Plotly.react(plot, plot.data, arranged(plot.layout, page));
  });
}
let resizing = 0;
function whenResized(act) {
  addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(act, 100); });
}"""
TITLE, TITLE_LINE = 34, 22  # pixels for the figure's title, and for each further line of it
POINTED = "shown when its group is pointed at"  # the ``meta`` of a trace that is otherwise invisible
CONFIG = {"displaylogo": False, "showSendToCloud": False, "toImageButtonOptions": {"format": "svg"}}


def page(title: str, figure: str) -> bytes:
    """The HTML page, in UTF-16, that draws ``figure``, plotly's JSON as text. It loads nothing from anywhere."""
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
    """plotly.js as the beginning of a gzip stream without a time, and the compressor that a copy of continues it.

    It takes most of a second to compress, and is the same in every page.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS, 9)
    library = resources.files("plotly").joinpath("package_data/plotly.min.js").read_bytes()
    return packer.compress(library + b"\n"), packer


def packed(data: bytes) -> str:
    """Bytes as text, two a character (low byte first, an odd last byte padded), with HTML's special ones escaped."""
    import numpy as np

    units = np.frombuffer(data + b"\0" * (len(data) % 2), dtype="<u2")
    special = np.isin(units, ESCAPED) | ((units >= 0xD800) & (units <= 0xDFFF))
    wide = np.repeat(units, np.where(special, 2, 1))
    second = np.cumsum(np.where(special, 2, 1))[special] - 1
    wide[second] ^= np.uint16(FLIP)
    wide[second - 1] = ESCAPE
    return wide.tobytes().decode("utf-16-le")
