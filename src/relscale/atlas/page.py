"""The page of the atlas, ``docs/reference/atlas.md``: the known and the reproduced numbers per entry."""

import re
import zlib
from collections.abc import Mapping, Sequence
from math import floor, log10
from pathlib import Path
from tempfile import TemporaryDirectory

from relscale.atlas.answers import answers
from relscale.atlas.atlas import AtlasRow, entry
from relscale.atlas.entry import Entry, Tables
from relscale.atlas.view import draw
from relscale.storage.atomic import write_text

HEAD = """# The atlas: published scaling laws, reproduced

Made by `make atlas`; do not edit. Every number of the column *known* is compared with what relscale computes, from a
table in `reference/`, from published constants or by simulation; nothing is trained. Its origin is one of: *paper*,
stated in the paper or its released files; *table*, computed from the same table by independent code; *theory*, exact. A
number *differs* if it is not reproduced for a reason that the entry states. Intervals are 95%. `relscale atlas --report
atlas.html` writes everything as one page with interactive figures; `relscale atlas NAME …` does so for some entries.
"""
MISSING = """## Not included

- The Shannon scaling law (arXiv 2605.23901): its formula is not in any available source. A loss that falls and then
rises, as it describes, can be fitted by the law `bnsl` with a negative break.
- CAMEL (arXiv 2603.08022): its law of capacity and mixture is not in any available source. The laws `multilingual` and
`mixture_additive` can show whether the optimal mixture depends on size.
- The constants of Su et al. (arXiv 2403.06563), and the constants and the form for several sources of FLP-M
(arXiv 2410.08527), which were not found: the laws `batch_trajectory` and `flp_m` are similar and can be fitted to a
user's table.
- Step Law (arXiv 2503.04715): its table of runs (github.com/step-law/steplaw) has no licence and is not in this
repository. `relscale ask step_law TABLE` fits the law to such a table. With
`--fix-rate constant=1.79,params=-0.713,tokens=0.307 --fix-batch constant=0.58,tokens=0.571` it computes the excess loss
of the published law: on the released runs of dense models (smoothed losses; 17 pairs of N and D), 0.096% of the loss on
average and at most 0.31% (published: 0.094%). The published exponents do not follow from these runs, whose optimal
rate is proportional to N^−0.695 · D^0.208 and whose optimal batch is proportional to D^0.569.
- The 92 learning curves of *Revisiting Neural Scaling Laws* (arXiv 2209.06640): the mean error of a power law (M1) on
the 72 image curves is known as 0.1046, but the ends of 39 of them are withheld in the available table; on the other 33
it is 0.0971. `python benchmarks/extrapolation.py` compares all candidates on the open curves.
"""
PICTURES = "atlas"  # the folder of the pictures, beside the page
COLUMNS = ("quantity", "origin", "known", "reproduced", "difference", "interval", "status")


def page(rows: Mapping[str, Sequence[AtlasRow]]) -> str:
    """The page of these entries; ``rows`` are theirs, by name."""
    return "\n".join(
        [HEAD, *(section(name, entry(name), entry_rows) for name, entry_rows in rows.items()), MISSING]
    )


def section(name: str, entry: Entry, rows: Sequence[AtlasRow]) -> str:
    """The section of one entry; without rows, the computed columns are empty."""
    lines = [f"## {entry.title}", "", f"`{name}`: {entry.paper}.", "", f"    {entry.formula}", ""]
    if entry.remark:
        lines += [entry.remark, ""]
    if entry.view:
        lines += [f"![{entry.title}]({PICTURES}/{name}.svg)", ""]
    lines += [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    computed = [computed_cells(row) for row in rows] or [("", "", "", "")] * len(answers(name))
    for answer, cells in zip(answers(name), computed, strict=True):
        known = f"{answer.value:.10g} {answer.unit}".strip()
        lines.append("| " + " | ".join([answer.quantity, answer.origin, known, *cells]) + " |")
    lines += ["", *(line for reason in reasons(entry) for line in (f"Differs: {reason}", ""))]
    lines += ["On a table of your own:", "", "```", entry.command, "```", ""] if entry.command else []
    return "\n".join(lines)


def reasons(entry: Entry) -> list[str]:
    """The distinct reasons for known differences of an entry."""
    return list(dict.fromkeys(entry.differs.values()))


def computed_cells(row: AtlasRow) -> tuple[str, str, str, str]:
    """Reproduced number, difference, interval and status, without digits below a tenth of the tolerance."""
    digits = 10
    if row.tolerance > 0 and row.reproduced != 0:
        digits = max(2, min(10, floor(log10(abs(row.reproduced))) - floor(log10(row.tolerance / 10)) + 1))
    small = abs(row.difference) < row.tolerance / 10
    interval = "" if row.low is None or row.high is None else f"{row.low:.4g} to {row.high:.4g}"
    return f"{row.reproduced:.{digits}g}", "0" if small else f"{row.difference:.2g}", interval, row.status


def pictures(names: Sequence[str], tables: Tables, folder: Path) -> list[Path]:
    """Draw the figures of these entries as SVG and return the files; none if Chrome is not installed."""
    from relscale.figures.browser import find_chrome, render

    chrome = find_chrome()
    if chrome is None:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    figures = {name: draw(entry(name).title, view(tables)) for name in names if (view := entry(name).view)}
    with TemporaryDirectory() as random_id:
        files = {name: Path(random_id, f"{name}.svg") for name in figures}
        for figure in figures.values():
            figure.update_layout(width=figure.layout.meta["width"])
        render([(figures[name].to_dict(), path) for name, path in files.items()], chrome)
        for name, path in files.items():
            svg = with_fixed_ids(path.read_text(encoding="utf-8"), name)
            write_text(folder / path.name, svg)
    return [folder / path.name for path in files.values()]


def with_fixed_ids(svg: str, name: str) -> str:
    """The SVG with plotly's random ids replaced by ids that follow from ``name``: equal pictures are equal files."""
    identifiers = re.findall(r'(?:id="defs-|class="trace \w+ trace)([0-9a-f]{6})"', svg)
    for i, random_id in enumerate(dict.fromkeys(identifiers)):
        fixed = f"{zlib.crc32(f'{name} {i}'.encode()) & 0xFFFFFF:06x}"
        svg = re.sub(rf"(?<=[a-z-]){random_id}", fixed, svg)
    return svg
