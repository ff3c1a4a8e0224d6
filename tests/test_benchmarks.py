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


def test_every_other_module_is_imported():
    folder = ROOT / "benchmarks"
    texts = [
        path.read_text(encoding="utf-8") for path in (*folder.rglob("*.py"), *(ROOT / "tests").rglob("*.py"))
    ]
    imports = [line for text in texts for line in text.splitlines() if re.match(r" *(from|import) ", line)]
    words = set(re.findall(r"\w+", " ".join(imports)))
    for path in folder.rglob("*.py"):
        assert path.name in SCRIPTS or path.stem in words, f"{path} is neither run nor imported"
