"""Write the reference of the tables of a fit from their row types: python docs/make_tables.py > docs/tables.md"""

import inspect

from relscale.fitting.fits import ROWS
from relscale.rows import columns_of

HEAD = """# The tables of a fit

Made by `python docs/make_tables.py`; do not edit. `relscale fit` writes each as `<folder>/<name>.parquet`.
A number that is null has a status that says why.
"""


def page() -> str:
    """The page: one section per table, one line per column."""
    lines = [HEAD]
    for name, row in ROWS.items():
        lines += [f"## {name}", "", inspect.cleandoc(row.__doc__ or ""), ""]
        lines += ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
        for column in columns_of(row):
            values = f" One of: {', '.join(column.values)}." if 0 < len(column.values) <= 6 else ""
            cells = (f"`{column.name}`", str(column.type), column.unit, f"{column.description}{values}")
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
