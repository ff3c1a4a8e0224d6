"""The page: the headline first, then verdicts, curves and forecasts per suite, checks, figures, method, provenance."""

import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet

from relscale.fitting.analyses.joint_test import JointTestRow
from relscale.fitting.curves.point_rows import FrontierRow
from relscale.fitting.report.headline import nothing_fitted
from relscale.fitting.report.joint_lines import as_sentence, joint_summary, joint_tests
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict import Verdict
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.report.card import card
from relscale.report.checks import Check, checks
from relscale.report.curves import curves
from relscale.report.document import document, download
from relscale.report.forecasts import forecasts
from relscale.report.laws import laws
from relscale.report.markup import Markup, element, identifier, joined
from relscale.report.plotly_figures import INTERACTIVE, figure_anchor, figure_section, figure_title
from relscale.report.provenance import provenance_section
from relscale.report.report_data import ReportData, SuiteWords
from relscale.report.row_words import SYMBOLS
from relscale.report.verdict_table import how_sure_words, verdict_table
from relscale.storage.atomic import write_text
from relscale.storage.checksums import files_list, seal_files

MARKS = {"yes": ("✓", "holds"), "warn": ("!", "take care"), "no": ("✗", "fails")}
MEANING = {
    Verdict.CLOSES: "the ratio goes towards 1",
    Verdict.WIDENS: "the ratio goes away from 1",
    Verdict.CROSSES: "the ratio passes 1 inside the data",
    Verdict.FLAT: "changes by less than ±{margin} per 10×",
    Verdict.NOT_RESOLVED: "the data are inconclusive",
}
MOST_REASONS = 5  # why a suite's gaps have no interval
LARGEST_DOWNLOAD = 200_000  # bytes of a table that is embedded


def write_report(data: ReportData, output: Path) -> None:
    """Write the report as one HTML file that loads nothing from anywhere."""
    write_text(output, report_page(data))


def write_listed_report(data: ReportData, output: Path) -> None:
    """The report of an experiment's results, with the digest that is checked before the next workflow."""
    write_report(data, output)
    seal_files(files_list(output), [output])


def report_page(data: ReportData) -> str:
    """The HTML of the report."""
    counted = words.counted_rows(data.verdicts)
    nothing = nothing_fitted(counted, data.fits, data.widths)
    finding = nothing[0].removesuffix(".") if nothing else words.sentence_case(words.headline(counted))
    check_results = checks(data, counted)
    of_laws = ("laws", "Laws", laws(data))
    of_suites = [
        (_anchor(suite), suite.title, _suite(data, suite, counted)) for suite in _suite_words(data, counted)
    ]
    sections = [
        section
        for section in (
            *([of_laws, *of_suites] if nothing else of_suites),
            ("between", "Between corpora", _between(data)),
            *([] if nothing else [of_laws]),
            ("checks", "Can I trust it?", _checks_section(data, check_results)),
            ("figures", "Figures", _figures_section(data)),
            ("method", "Method", _method(data, counted)),
            ("provenance", "Provenance", provenance_section(data.facts, data.config)),
        )
        if section[2]
    ]
    contents = [("top", "Summary"), *((anchor, title) for anchor, title, _ in sections)]
    top = _top(data, finding, nothing[1:], counted, check_results)
    main = joined(top, *(section for _, _, section in sections))
    return document(data.title, finding, contents, main, data.figures)


# The top


def _top(
    data: ReportData,
    finding: str,
    advice: Sequence[str],
    counted: Sequence[VerdictRow],
    checks: Sequence[Check],
) -> Markup:
    """The finding; where nothing could be fitted, at once why, and what to change."""
    answers = (
        [_alarm(advice)]
        if advice
        else [_clearest(data, counted), _cards(counted), _joint(data, counted), _rule(counted)]
    )
    return element(
        "section",
        element("p", _scope(data, counted), class_="quiet scope"),
        element("h1", finding),
        *answers,
        _trust(checks),
        _downloads(data),
        id="top",
    )


def _scope(data: ReportData, rows: Sequence[VerdictRow]) -> str:
    corpora = {data.series_name(row) for row in rows}
    flops = [value for row in rows for value in (row.flops_low, row.flops_high) if value]
    parts = ["relscale report", data.title]
    if rows:
        parts.append(f"{len(rows)} gaps")
    parts += _models(data.rows("frontier", FrontierRow))
    if len(corpora) > 1:
        parts.append(f"{len(corpora)} training corpora")
    if flops:
        parts.append(f"{_range(flops)} {_unit(data)}")
    return " · ".join(parts)


def _models(rows: Sequence[FrontierRow]) -> list[str]:
    """How many models the gaps are of, and of which size."""
    number = sum(row.runs for row in rows if row.run is None) + len({row.run for row in rows} - {None})
    sizes = [
        size for row in rows for size in (row.params_least, row.params_most, row.run and row.params) if size
    ]
    if not number:
        return []
    of_size = f" of {_range(sizes)} parameters" if sizes else ""
    return [f"{number} model{'s' if number != 1 else ''}{of_size}"]


def _range(numbers: Sequence[float]) -> str:
    """The least and the largest, or one number where they read alike."""
    low, high = words.flops(min(numbers)), words.flops(max(numbers))
    return low if low == high else f"{low} to {high}"


def _unit(data: ReportData) -> str:
    return "training FLOPs" if data.x == "FLOPs" else data.x


def _alarm(advice: Sequence[str]) -> Markup:
    """The first lines where nothing could be fitted: why, and what to change."""
    lines = (element("li", as_sentence(line)) for line in advice)
    return element("ul", *lines, class_="alarm", role="alert")


def _clearest(data: ReportData, counted: Sequence[VerdictRow]) -> Markup | None:
    several = len({data.series_name(row) for row in counted}) > 1
    strongest = words.strongest(counted, 3)
    if not strongest:
        return None
    lines = []
    for row in strongest:
        sentence = words.sentence(row, data.names, several)
        name = data.names.group(row)
        statement = sentence.removeprefix(name)
        lines.append(
            element("li", element("strong", name), statement, element("small", f" {data.names.suite(row)}"))
        )
    level = next((words.percent(row.level) for row in strongest if row.level), "")
    explanation = ", and in brackets what the models are trained on" if several else ""
    explanation_text = (
        "A ratio is a group's error over the baseline's, at the smallest and at the largest compute; then comes how "
        f"that ratio changes per tenfold of compute, with its {level} interval{explanation}."
    )
    return joined(element("ul", *lines, class_="clearest"), element("p", explanation_text, class_="quiet"))


def _joint(data: ReportData, counted: Sequence[VerdictRow]) -> Markup | None:
    """Of each suite, whether any of its groups moves: one test of all."""
    tests = joint_tests(data.rows("joint_tests", JointTestRow), counted, data.names)
    if not tests:
        return None
    paragraphs = [element("p", as_sentence(test.line)) for test in tests] if len(tests) > 1 else []
    more = [element("details", element("summary", "each test"), *paragraphs)] if paragraphs else []
    return element("div", element("p", as_sentence(joint_summary(tests))), *more, class_="joint")


def _cards(counted: Sequence[VerdictRow]) -> Markup:
    cards = []
    margin = words.percent(counted[0].margin) if counted else ""
    for verdict, number in words.counted(counted).items():
        if verdict is None and not number:
            continue
        name = "no interval" if verdict is None else str(verdict)
        meaning = "see the notes" if verdict is None else MEANING[verdict].format(margin=margin)
        class_ = "unknown" if verdict is None else name.replace(" ", "-")
        cards.append(card(class_, number, f"{SYMBOLS[verdict]} {name}", meaning))
    return element("div", *cards, class_="cards")


def _rule(counted: Sequence[VerdictRow]) -> Markup | None:
    """How a verdict is given, and what single intervals would have said."""
    if not counted:
        return None
    row = counted[0]
    rate = f"{1 - row.level:.3g}" if row.level else "0.05"
    alone = sum(
        row.p_value is not None and row.level is not None and row.p_value < 1 - row.level for row in counted
    )
    whom = {str(row.estimand) for row in counted if row.estimand}
    of_items = "new items of the same kind" if whom == {"item population"} else "these items"
    if len(whom) > 1:
        of_items = "new items if items were resampled, else these items"
    return element(
        "p",
        f"A direction needs a p-value below {rate} after Benjamini–Hochberg's adjustment over "
        f"all groups and corpora of a suite. By single, unadjusted intervals {alone} of {len(counted)} gaps would have "
        f"one. Intervals and p-values are for {of_items}. Flat means that the whole interval lies within "
        f"±{words.percent(row.margin)} per tenfold of compute.",
        class_="quiet",
    )


def _trust(checks: Sequence[Check]) -> Markup | None:
    if not checks:
        return None
    marks = [
        element(
            "a",
            f"{MARKS[check.outcome][0]} {check.title}",
            href="#" + identifier("check", check.title),
            class_=f"trust {check.outcome}",
        )
        for check in checks
    ]
    return element("p", "Can I trust it? ", *(joined(mark, " ") for mark in marks), class_="trusts")


def _downloads(data: ReportData) -> Markup:
    verdicts = data.fits.verdicts
    text = io.BytesIO()
    pyarrow.csv.write_csv(verdicts.filter(verdicts["primary"]), text)
    links = [download("verdicts.csv", text.getvalue(), "text/csv")]
    for name in ("verdicts", "gaps"):
        sink = io.BytesIO()
        pyarrow.parquet.write_table(data.fits.tables[name], sink, compression="zstd")
        if sink.tell() <= LARGEST_DOWNLOAD:
            links.append(download(f"{name}.parquet", sink.getvalue(), "application/vnd.apache.parquet"))
    if data.config:
        links.append(download("config.yaml", data.config.encode(), "application/yaml"))
    return element("p", "Download: ", *(joined(link, " ") for link in links), class_="downloads")


# Suites


def _suite_words(data: ReportData, counted: Sequence[VerdictRow]) -> list[SuiteWords]:
    present = {row.suite for row in counted}
    named = [suite for suite in data.suites if suite.name in present]
    others = sorted({name for name in present if name} - {suite.name for suite in named})
    return [*named, *map(data.suite, others)]


def _anchor(suite: SuiteWords) -> str:
    return identifier("suite", suite.name)


def _suite(data: ReportData, suite: SuiteWords, counted: Sequence[VerdictRow]) -> Markup:
    rows = words.ordered([row for row in counted if row.suite == suite.name])
    if all(row.verdict is None for row in rows):
        return _suite_without_gaps(data, suite, rows)
    tests = rows[0].tests
    fans = forecasts(data, rows)
    return element(
        "section",
        element("h2", element("a", suite.title, href=f"#{_anchor(suite)}")),
        element("p", _sentences(words.headline(rows), f"against {data.names.baseline(rows[0])}")),
        *_about(suite),
        element(
            "div",
            element(
                "label",
                "Filter ",
                element("input", type="search", placeholder="group, corpus, verdict …", class_="filter"),
            ),
            element("span", f"family of {tests} tests, metric {rows[0].metric}", class_="quiet"),
            class_="tools",
        ),
        element("div", verdict_table(data, rows, suite.title), class_="table-frame"),
        element("p", sure, class_="quiet") if (sure := how_sure_words(rows)) else None,
        element("h3", "Ratio along compute"),
        curves(data, rows) or element("p", "Nothing to draw.", class_="quiet"),
        element("h3", "Forecast") if fans else None,
        fans,
        id=_anchor(suite),
    )


def _suite_without_gaps(data: ReportData, suite: SuiteWords, rows: Sequence[VerdictRow]) -> Markup:
    """A suite none of whose gaps has an interval: why, in one line per reason; the table is folded away."""
    reasons = Counter(row.note or str(row.status) for row in rows)
    lines = [
        element("li", as_sentence(f"{number} of {len(rows)} gaps: {reason}"))
        for reason, number in reasons.items()
    ]
    more = len(lines) - MOST_REASONS
    return element(
        "section",
        element("h2", element("a", suite.title, href=f"#{_anchor(suite)}")),
        element("p", f"No gap has an interval, against {data.names.baseline(rows[0])}."),
        element("ul", *lines[:MOST_REASONS], element("li", f"and {more} more reasons") if more > 0 else None),
        *_about(suite),
        element(
            "details",
            element("summary", "Each gap"),
            element("div", verdict_table(data, rows, suite.title), class_="table-frame"),
        ),
        curves(data, rows),
        id=_anchor(suite),
    )


def _about(suite: SuiteWords) -> list[Markup]:
    """A suite's description: its first two sentences, and the others folded away."""
    sentences = re.split(
        r"(?<=[.?!])\s+", " ".join(part.strip() for part in (suite.description, suite.note) if part.strip())
    )
    first, others = " ".join(sentences[:2]), " ".join(sentences[2:])
    parts = [element("p", first, class_="quiet")] if first else []
    if others:
        parts.append(
            element("details", element("summary", "More on this suite"), element("p", others, class_="quiet"))
        )
    return parts


def _between(data: ReportData) -> Markup | None:
    """Contrasts between corpora, optimizers and other arms, which are families of their own."""
    rows = [row for row in data.verdicts if row.primary and row.contrast != "group"]
    if not rows or rows == words.counted_rows(data.verdicts):
        return None
    rows = [row for row in rows if row.verdict is not None]
    if not rows:
        return None
    names = {"corpus": "corpora", "optimizer": "optimizers"}
    listed = " and ".join(
        dict.fromkeys(names.get(str(row.contrast), f"runs of other {row.contrast}") for row in rows)
    )
    return element(
        "section",
        element("h2", element("a", f"Between {listed}", href="#between")),
        element(
            "p",
            "The same group, with models that differ in their training data or training method.",
            class_="quiet",
        ),
        element(
            "ul",
            *(
                element("li", f"{data.names.suite(row)}, {words.sentence(row, data.names)}")
                for row in words.ordered(rows)[:40]
            ),
        ),
        id="between",
    )


def _sentences(*parts: str) -> str:
    sentences = [part.strip() for part in parts if part and part.strip()]
    return " ".join(
        f"{words.sentence_case(part)}{'' if part.endswith(('.', '?', '!')) else '.'}" for part in sentences
    )


# Checks, figures, method, provenance


def _checks_section(data: ReportData, checks: Sequence[Check]) -> Markup | None:
    if not checks:
        return None
    items = []
    for check in checks:
        mark, meaning = MARKS[check.outcome]
        links = [
            element("a", figure_title(figure), href=f"#{figure_anchor(figure.name)}")
            for kind in check.figures
            for figure in data.figures
            if figure.name == kind
            or (
                figure.name.startswith(f"{kind}-")
                and (check.suites is None or figure.name.removeprefix(f"{kind}-") in check.suites)
            )
        ]
        items.append(
            element(
                "li",
                element("span", mark, class_=f"mark {check.outcome}", role="img", aria_label=meaning),
                element(
                    "div",
                    element("strong", check.title),
                    " ",
                    check.detail,
                    *(joined(" ", link) for link in links),
                ),
                id=identifier("check", check.title),
            )
        )
    return element(
        "section",
        element("h2", element("a", "Can I trust it?", href="#checks")),
        element("ul", *items, class_="checks"),
        id="checks",
    )


def _figures_section(data: ReportData) -> Markup | None:
    if not data.figures:
        return None
    return element(
        "section",
        element("h2", element("a", "Figures", href="#figures")),
        element("p", INTERACTIVE, class_="quiet"),
        *map(figure_section, data.figures),
        element("noscript", element("p", "These figures need JavaScript.")),
        id="figures",
    )


def _method(data: ReportData, counted: Sequence[VerdictRow]) -> Markup:
    margin = words.percent(counted[0].margin) if counted else "1%"
    steps = (
        "Where each compute budget has models of several sizes, a parabola of validation loss in log tokens has its "
        "minimum at the compute-optimal allocation, and each group's error E is read off its own parabola there. "
        "Elsewhere each run, or checkpoint, is a point.",
        "The ratio G(F) = E(F) / E_baseline(F) is fitted as a straight line in logarithms, G ∝ F^Δβ. The change per "
        "tenfold of compute is 10^Δβ − 1. The gap is |ln G|: a negative Δβ closes a gap above 1 and widens one below.",
        "Intervals generalise in one of two ways. These items: runs vary, the questions or documents are fixed. Item "
        "population: runs and items vary, as if new test items had been sampled. Where points are "
        "checkpoints of one training, whole trainings are resampled.",
        "p-values are adjusted for multiple testing over the family: all groups, corpora and optimizers of one "
        "suite under one metric and prompt. BH: Benjamini–Hochberg, used for verdicts; BY: Benjamini–Yekutieli, "
        "valid under any dependence.",
        "Closes and widens: adjusted p below the rate, and the ratio stays on one side of 1. Crosses: adjusted p below "
        "the rate, and the whole interval of the compute where the ratio is 1 lies inside the data (Fieller). Flat: "
        f"none of these, and the whole interval of the change is within ±{margin} per tenfold. Else: not resolved.",
        "A forecast combines several laws, weighted by their backtest error; its interval is for one new model on "
        "these items, is calibrated by backtests inside the data, and is too narrow if a curve bends beyond them.",
    )
    return element(
        "section",
        element("h2", element("a", "Method", href="#method")),
        element("ol", *(element("li", step) for step in steps)),
        id="method",
    )
