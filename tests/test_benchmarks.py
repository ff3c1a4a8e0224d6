"""Every benchmark has a use: a page quotes it, and its help says which page and how it is run."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(
    path.name
    for path in (ROOT / "benchmarks").glob("*.py")
    if '\nif __name__ == "__main__":' in path.read_text(encoding="utf-8")
)
RUN_BY = {"gpu.py": "gpu.sh"}  # what a page names instead


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_help_names_pages_that_quote_the_benchmark(name):
    docstring = ast.get_docstring(ast.parse((ROOT / "benchmarks" / name).read_text(encoding="utf-8"))) or ""
    pages = re.findall(r"docs/[\w/-]+\.md", docstring.rpartition("\n\n")[2])
    assert pages
    for page in pages:
        assert f"benchmarks/{RUN_BY.get(name, name)}" in (ROOT / page).read_text(encoding="utf-8"), page


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_help_is_the_docstring(name):
    text = (ROOT / "benchmarks" / name).read_text(encoding="utf-8")
    assert "command_line(__doc__)" in text
    assert f"    python benchmarks/{name}" in text


def imported(path: Path) -> set[str]:
    """The modules and their attributes that a file imports, such as ``trials.laws``."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.slow
def test_every_other_module_is_imported():
    folder = ROOT / "benchmarks"
    files = [*folder.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    names = set().union(*map(imported, files))
    for path in folder.rglob("*.py"):
        module = ".".join(path.relative_to(folder).with_suffix("").parts)
        assert path.name in SCRIPTS or module in names, f"{path} is neither run nor imported"
