"""The first section: the finding, its uncertainty, and tables to download."""

import io
from collections.abc import Sequence

import pyarrow.csv
import pyarrow.parquet

from relscale.fitting.analyses.joint_test import JointTestRow
from relscale.fitting.curves.point_rows import FrontierRow
from relscale.fitting.report.joint_lines import as_sentence, joint_summary, joint_tests
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict import Verdict
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.report.card import card
from relscale.report.check_section import trust_line
from relscale.report.checks import Check
from relscale.report.document import download
from relscale.report.markup import Markup, element, joined
from relscale.report.next_steps import next_steps
from relscale.report.report_data import ReportData
from relscale.report.row_words import SYMBOLS

MEANING = {
    Verdict.CLOSES: "the ratio approaches 1",
    Verdict.WIDENS: "the ratio departs from 1",
    Verdict.CROSSES: "the ratio crosses 1 inside the data",
    Verdict.FLAT: "changes by less than ±{margin} per 10×",
    Verdict.NOT_RESOLVED: "the data are inconclusive",
}
LARGEST_DOWNLOAD = 200_000  # bytes of an embedded table


def summary_section(
    data: ReportData,
    finding: str,
    advice: Sequence[str],
    counted: Sequence[VerdictRow],
    checks: Sequence[Check],
) -> Markup:
    """The finding, or if nothing could be fitted, the reasons and what to change."""
    answers = (
        [_alarm(advice)]
        if advice
        else [
            _clearest(data, counted),
            _cards(counted),
            next_steps(data, counted),
            _joint(data, counted),
            _rule(counted),
        ]
    )
    return element(
        "section",
        element("p", _scope(data, counted), class_="quiet scope"),
        element("h1", finding),
        *answers,
        trust_line(checks),
        _downloads(data),
        id="top",
    )


def _scope(data: ReportData, rows: Sequence[VerdictRow]) -> str:
    corpora = {data.series_name(row) for row in rows}
    flops = [value for row in rows for value in (row.flops_low, row.flops_high) if value]
    parts = ["relscale report", data.title]
    if rows:
        parts.append(words.number_of(len(rows), "gap"))
    parts += _models(data.rows("frontier", FrontierRow))
    if len(corpora) > 1:
        parts.append(f"{len(corpora)} training corpora")
    if flops:
        parts.append(f"{_range(flops)} {_unit(data)}")
    return " · ".join(parts)


def _models(rows: Sequence[FrontierRow]) -> list[str]:
    """The number of models, or of training runs and their checkpoints, and their range of sizes."""
    number = sum(row.runs for row in rows)
    trainings = {(row.corpus, row.optimizer, training) for row in rows for training in row.trainings}
    sizes = [
        size for row in rows for size in (row.params_least, row.params_most, row.run and row.params) if size
    ]
    if not number:
        return []
    size_range = f" of {_range(sizes)} parameters" if sizes else ""
    if len(trainings) == number:
        return [f"{words.number_of(number, 'model')}{size_range}"]
    of = words.number_of(len(trainings), "training run")
    return [f"{of}, {words.number_of(number, 'checkpoint')}{size_range}"]


def _range(numbers: Sequence[float]) -> str:
    """The smallest and the largest number, or one if both are the same after rounding."""
    low, high = words.flops(min(numbers)), words.flops(max(numbers))
    return low if low == high else f"{low} to {high}"


def _unit(data: ReportData) -> str:
    return "training FLOPs" if data.x == "FLOPs" else data.x


def _alarm(advice: Sequence[str]) -> Markup:
    """The reasons why nothing could be fitted, and what to change."""
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
    explanation = (
        "Ratio of the group's error to the baseline's, at the smallest and the largest compute; its change per tenfold "
        f"compute, with the {level} interval{'; in parentheses the training data' if several else ''}."
    )
    return joined(element("ul", *lines, class_="clearest"), element("p", explanation, class_="quiet"))


def _joint(data: ReportData, counted: Sequence[VerdictRow]) -> Markup | None:
    """One joint test per suite of whether any of its gaps changes."""
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
    """The rule for verdicts, and the numbers of p-values that meet it before and after the adjustment."""
    if not counted:
        return None
    row = counted[0]
    alpha = 1 - row.level if row.level else 0.05
    before, after = (
        sum(p is not None and p < alpha for p in values)
        for values in ([row.p_value for row in counted], [row.p_bh for row in counted])
    )
    estimands = {str(row.estimand) for row in counted if row.estimand}
    items = "new items of the same kind" if estimands == {"item population"} else "these items"
    if len(estimands) > 1:
        items = "new items if items were resampled, else these items"
    return element(
        "p",
        f"A direction needs a p-value below {alpha:.3g} after Benjamini–Hochberg's adjustment over all groups and "
        f"corpora of a suite ({before} of {words.number_of(len(counted), 'gap')} before it, {after} after), and a "
        f"ratio whose side of 1 is clear. Intervals and p-values are for {items}. Flat: the whole interval is within "
        f"±{words.percent(row.margin)} per tenfold compute.",
        class_="quiet",
    )


def _downloads(data: ReportData) -> Markup:
    verdicts = data.fits.verdicts
    text = io.BytesIO()
    pyarrow.csv.write_csv(verdicts.filter(verdicts["primary"]), text)
    links = [download("verdicts.csv", text.getvalue(), "text/csv")]
    for name in ("verdicts", "gaps"):
        sink = io.BytesIO()
        pyarrow.parquet.write_table(data.fits[name], sink, compression="zstd")
        if sink.tell() <= LARGEST_DOWNLOAD:
            links.append(download(f"{name}.parquet", sink.getvalue(), "application/vnd.apache.parquet"))
    if data.config:
        links.append(download("config.yaml", data.config.encode(), "application/yaml"))
    return element("p", "Download: ", *(joined(link, " ") for link in links), class_="downloads")
