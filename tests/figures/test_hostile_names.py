"""Names that hold markup come out as text: in every figure, of every table, manifest and option."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hostile import NAMES as NAMES_THAT_ARE_HOSTILE
from hypothesis import given
from hypothesis import strategies as st

from relscale.figures import as_text, plot
from relscale.figures.data import FigureData
from relscale.figures.registry import figure_suite, find_figure
from relscale.scoring.options import GroupLabel, PublishedSuite

from .conftest import SUITES, toy_tables, write_toy
from .test_figures import NAMES

HOSTILE = "{name} a<b & c>d <img src=x onerror=alert(1)></script> %{{x}}"
KEPT = (None, "validation", "all", "default")  # names that mean something to a figure
COLUMNS = (
    "experiment",
    "corpus",
    "optimizer",
    "run",
    "suite",
    "group",
    "baseline",
    "status",
    "without",
    "block",
)
# What the figures themselves write.
MARKUP = re.compile(
    r"</?(b|i|sub|sup|extra)>|<br>|<span style=\"font-size:\d+px\">|</span>|%\{[a-z]+(\[\d\])?(:[^}]*)?\}"
)


def hostile(name: str) -> str:
    return HOSTILE.format(name=name)


def renamed(value: Any) -> Any:
    return value if value in KEPT or value == "ok" else hostile(value)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FigureData:
    """The toy experiment under hostile names."""
    tables = toy_tables()
    for rows in tables.values():
        for row in rows:
            row |= {name: renamed(row[name]) for name in COLUMNS if name in row}
    toy = write_toy(tmp_path_factory.mktemp("hostile"), tables)
    suites = {
        hostile(name): PublishedSuite(
            title=hostile(suite["title"]),
            baseline=hostile(suite["baseline"]),
            metric=suite.get("metric"),
            groups={
                hostile(group): GroupLabel(label=hostile(entry["label"]))
                for group, entry in suite["groups"].items()
            },
        )
        for name, suite in SUITES.items()
    }
    tokens = {}
    for corpus, path in toy.tokens.items():
        groups = json.loads(Path(path).read_text())["groups"]
        Path(path).write_text(
            json.dumps({"groups": {hostile(group): told for group, told in groups.items()}})
        )
        tokens[hostile(corpus)] = path
    return FigureData(toy.measurements, toy.fits, suites, tokens)


def hostile_name(figure: str) -> str:
    suite = figure_suite(figure)
    return figure if suite is None else f"{find_figure(figure).name}-{hostile(suite)}"


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from strings(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from strings(entry)


@pytest.mark.slow
@pytest.mark.parametrize("figure", NAMES)
def test_names_are_drawn_as_text(data: FigureData, figure: str) -> None:
    drawn = json.loads(plot.make_figure(hostile_name(figure), data).to_json())
    texts = list(strings(drawn))
    for text in texts:
        rest = MARKUP.sub("", text)
        assert not re.search(r"<\w|</|<!", rest), text
        assert "%{" not in rest, text
        assert not re.search(r"&(?!amp;|lt;|gt;|#37;)", rest), text
    if figure != "reproduction":  # which names neither corpora nor suites
        assert "a<b & c>d <img src=x onerror=alert(1)></script> %{x}" in html.unescape(" ".join(texts))


@pytest.mark.slow
def test_a_page_is_called_by_its_names_as_they_are(data: FigureData, tmp_path: Path) -> None:
    plot.plot(hostile_name("relative-law-knowledge"), data, tmp_path / "a.html")
    title = re.search(r"<title>(.*?)</title>", (tmp_path / "a.html").read_text(encoding="utf-16"), re.DOTALL)
    assert title
    assert "<" not in title[1]
    assert hostile("knowledge") in html.unescape(title[1])


@pytest.mark.slow
@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(["<", ">", "&", "%{", ";", "amp", "lt", "#37", "b", "/"])).map("".join),
        st.sampled_from(NAMES_THAT_ARE_HOSTILE),
    )
)
def test_text_shows_what_it_says(name: str) -> None:
    escaped = as_text.as_text(name)
    assert as_text.visible_text(escaped) == name
    assert not re.search(r"[<>]|%\{", escaped)


def test_plain_names_stay_as_they_are() -> None:
    assert as_text.as_text('bits_per_byte: 3.5% of it\'s "x"') == 'bits_per_byte: 3.5% of it\'s "x"'


@pytest.mark.slow
def test_a_law_fitted_to_any_table_is_drawn_with_its_names_as_text(tmp_path: Path) -> None:
    import relscale

    columns = {hostile("x"): [], hostile("y"): [], "group": []}
    for group, level in ((hostile("one"), 1.0), (hostile("two"), 2.0)):
        for power in range(18, 22):
            for column, value in zip(
                columns, (10.0**power, level * 10 ** (-0.05 * power), group), strict=True
            ):
                columns[column].append(value)
    fitted = relscale.fit(
        pa.table(columns), x=hostile("x"), y=hostile("y"), group="group", baseline=hostile("one"), bootstrap=0
    )
    texts = list(strings(json.loads(fitted.plot().to_json())))
    for text in texts:
        assert not re.search(r"<\w|</|<!|%\{", MARKUP.sub("", text)), text
    assert hostile("two") in html.unescape(" ".join(texts))
