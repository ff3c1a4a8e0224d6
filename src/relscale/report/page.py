"""The report's page: headline, then verdicts, curves and forecasts per suite, checks, figures, method, provenance."""

from pathlib import Path

from relscale.fitting.report.headline import nothing_fitted
from relscale.fitting.verdicts import words
from relscale.report.check_section import CHECKS, check_section
from relscale.report.checks import checks
from relscale.report.contrast_section import contrast_section
from relscale.report.document import document
from relscale.report.laws import laws
from relscale.report.markup import joined
from relscale.report.method_section import method_section
from relscale.report.plotly_figures import figures_section
from relscale.report.provenance import provenance_section
from relscale.report.report_data import ReportData
from relscale.report.suite_section import suite_anchor, suite_section, suites_with_verdicts
from relscale.report.summary_section import summary_section
from relscale.storage.atomic import write_text
from relscale.storage.checksums import files_list, seal_files


def write_report(data: ReportData, output: Path) -> None:
    """Write the report as one self-contained HTML file."""
    write_text(output, report_page(data))


def write_listed_report(data: ReportData, output: Path) -> None:
    """Write the report of an experiment, and its digest, which the next workflow checks."""
    write_report(data, output)
    seal_files(files_list(output), [output])


def report_page(data: ReportData) -> str:
    """The HTML of the report."""
    counted = words.counted_rows(data.verdicts)
    nothing = nothing_fitted(counted, data.fits, data.widths)
    finding = nothing[0].removesuffix(".") if nothing else words.sentence_case(words.headline(counted))
    check_results = checks(data, counted)
    laws_section = ("laws", "Laws", laws(data))
    suite_sections = [
        (suite_anchor(suite), suite.title, suite_section(data, suite, counted))
        for suite in suites_with_verdicts(data, counted)
    ]
    sections = [
        section
        for section in (
            *([laws_section, *suite_sections] if nothing else suite_sections),
            ("between", "Between corpora", contrast_section(data)),
            *([] if nothing else [laws_section]),
            ("checks", CHECKS, check_section(data, check_results)),
            ("figures", "Figures", figures_section(data.figures)),
            ("method", "Method", method_section(counted)),
            ("provenance", "Provenance", provenance_section(data.facts, data.config)),
        )
        if section[2]
    ]
    contents = [("top", "Summary"), *((anchor, title) for anchor, title, _ in sections)]
    top = summary_section(data, finding, nothing[1:], counted, check_results)
    main = joined(top, *(section for _, _, section in sections))
    return document(data.title, finding, contents, main, data.figures)
