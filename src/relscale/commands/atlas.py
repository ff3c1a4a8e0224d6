"""``relscale atlas``: published scaling laws, reproduced from public tables."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from relscale.commands.listing import complete_by
from relscale.commands.outputs import output_document, output_page, output_table
from relscale.errors import RelscaleError
from relscale.package_files import REFERENCE

HELP = "reproduce published scaling laws from public tables"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME, --tables, --output, --report and --page."""
    complete_by(
        parser.add_argument("names", nargs="*", metavar="NAME", help="Name of an entry (default: all)."),
        _names,
    )
    parser.add_argument("--list", action="store_true", help="Only list the entries.")
    parser.add_argument(
        "--tables",
        type=Path,
        default=REFERENCE,
        metavar="FOLDER",
        help="Folder of the published tables (default: those shipped with relscale).",
    )
    parser.add_argument(
        "--output", type=output_table, help="Write the rows to this .parquet or .csv as well."
    )
    parser.add_argument(
        "--report",
        type=output_page,
        metavar="HTML",
        help="Write an HTML page: every entry with its numbers and figure.",
    )
    parser.add_argument(
        "--page", type=output_document, metavar="MD", help="Write the documentation page and its pictures."
    )


def _names() -> Iterable[str]:
    from relscale.atlas.atlas import entry_names

    return entry_names()


def run(options: argparse.Namespace) -> None:
    """Reproduce published scaling laws from public tables, and compare the numbers.

    Nothing is trained. Each published number is printed beside relscale's, with the difference and an interval. The
    command fails if a number is not reproduced, unless that is documented.
    """
    from tabulate import tabulate

    from relscale.atlas.atlas import AtlasRow, entry, entry_names, failures, reproduced
    from relscale.atlas.entry import Tables
    from relscale.atlas.page import PICTURES, page, pictures, reasons
    from relscale.atlas.report import atlas_figures, atlas_report, headline
    from relscale.report.provenance import machine_facts
    from relscale.storage.atomic import write_text
    from relscale.storage.rows import table_of
    from relscale.storage.tables import write_table

    names = [name.replace("-", "_") for name in options.names] or list(entry_names())
    if options.list:
        print(
            tabulate(
                [[name, entry(name).law, entry(name).title] for name in names], ["entry", "law", "paper"]
            )
        )
        return
    if options.page and options.names:
        raise RelscaleError("--page: the page has all entries; remove NAME")
    tables = Tables(options.tables)
    rows: dict[str, list[AtlasRow]] = {}
    for name in names:
        record = entry(name)
        rows[name] = list(reproduced(name, tables))
        shown = [
            [
                f"{row.quantity}, {row.unit}" if row.unit else row.quantity,
                f"{row.published:.8g}",
                f"{row.reproduced:.8g}",
                f"{row.difference:.1e}",
                "" if row.low is None else f"{row.low:.4g} to {row.high:.4g}",
                str(row.status),
            ]
            for row in rows[name]
        ]
        print(f"{record.title} ({record.paper})\n{record.formula}\n")
        head = ["quantity", "known", "reproduced", "difference", "95% interval", "status"]
        print(tabulate(shown, head, disable_numparse=True), end="\n\n")
        if record.remark:
            print(record.remark, end="\n\n")
        for reason in reasons(record):
            print(f"Differs: {reason}\n")
        if record.command:
            print(f"command: {record.command}\n")
    all_rows = [row for of_entry in rows.values() for row in of_entry]
    if options.output:
        write_table(table_of(AtlasRow, all_rows), options.output)
    if options.page:
        write_text(options.page, page(rows))
        if not pictures(names, tables, options.page.parent / PICTURES):
            print("no Chrome found: the pictures of the page are not updated", file=sys.stderr)
    if options.report:
        facts = list(machine_facts())
        write_text(options.report, atlas_report(rows, atlas_figures(names, tables), facts))
    print(f"{len(rows)} entries: {headline(all_rows)}")
    if options.report:
        print(f"report: {options.report}")
    if failures(all_rows):
        wrong = ", ".join(f"{row.entry}: {row.quantity}" for row in failures(all_rows))
        raise RelscaleError(f"not reproduced: {wrong}")
