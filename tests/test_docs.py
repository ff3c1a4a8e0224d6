"""The documentation: the site builds without a warning, tutorials and notebooks do what they show."""

import ast
import json
import logging
import re
import shlex
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
import tiny_models

from relscale.cli import VERBS, main, parsers
from relscale.scoring.suite_description import SUITES
from relscale.storage.tables import write_table
from relscale.storage.yaml_text import read

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BLOCK_OF_ANY_KIND = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SCRIPT = re.compile(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"']?(?:https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site in a folder, and what its making warned of."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    warned = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: warned.append(record.getMessage())
    logging.getLogger("mkdocs").addHandler(handler)
    folder = tmp_path_factory.mktemp("site")
    try:
        build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=False))
    finally:
        logging.getLogger("mkdocs").removeHandler(handler)
    return folder, warned


@pytest.mark.slow
def test_the_site_builds_without_a_warning(site):
    assert site[1] == []


@pytest.mark.slow
def test_a_page_loads_nothing_from_elsewhere(site):
    pages = list(site[0].rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not SCRIPT.search(text), page.name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("config", "sequence_length"),
        ("laws", "ratio_at_reference"),
        ("suites", "social_sciences"),
        ("figures", "specification-curve-SUITE"),
        ("cli", "--baseline GROUP"),
        ("api", "conf_int"),
        ("tables", "crossing_flops"),
    ],
)
def test_a_page_of_the_reference_has_what_the_code_declares(site, page, words):
    assert words in site[0].joinpath("reference", f"{page}.html").read_text(encoding="utf-8")


@pytest.fixture
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "no-browser"))  # figures as HTML only


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    ["tutorials/fit-a-table.md", "how-to/law.md", "how-to/forecast.md"],
    ids=lambda page: Path(page).stem,
)
def test_commands_and_programs_of_a_page_run(page, in_an_empty_folder, capsys):
    blocks = BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    commands = [line for kind, text in blocks if kind == "sh" for line in text.splitlines()]
    programs = [text for kind, text in blocks if kind == "python"]
    assert commands or programs
    for command in commands:
        program, *arguments = shlex.split(command, comments=True)
        assert program == "relscale"
        assert main(arguments) == 0, (command, capsys.readouterr().err)
    for text in programs:
        exec(compile(text, page, "exec"), {"__name__": "page"})


@pytest.mark.slow
def test_the_readme_shows_what_its_command_prints(in_an_empty_folder, capsys):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    Path("reference").symlink_to(ROOT / "reference")
    (command,) = re.findall(r"^relscale (fit .*) --report", readme, re.MULTILINE)
    (printed,) = re.findall(r"^```\n(guessed: .*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert main([*command.split(), "--output", "fits.parquet"]) == 0
    assert capsys.readouterr().out.startswith(printed)
    (program,) = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    exec(compile(program, "README.md", "exec"), {"__name__": "readme"})


def commands(page):
    """The words of the commands of relscale and of its benchmarks in a page's text and blocks."""
    text = page.read_text(encoding="utf-8")
    lines = re.findall(r"(?<!`)`((?:relscale|python)\s[^`]+)`(?!`)", text)
    for kind, block in BLOCK_OF_ANY_KIND.findall(text):
        if kind in ("", "sh"):
            lines += re.findall(
                r"^(?:\$ )?((?:relscale|python) .*)$", block.replace("\\\n", " "), re.MULTILINE
            )
    return [line.partition("#")[0].split() for line in lines]


def options_of(words):
    return {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=lambda page: page.stem
)
def test_every_command_of_a_page_and_its_options_are_ones_that_there_are(page):
    for program, name, *words in commands(page):
        if program == "python":
            script = ROOT / name
            known = (
                set(re.findall(r'"(--[a-z-]+)"', script.read_text(encoding="utf-8")))
                if script.is_file()
                else set()
            )
            assert not name.startswith("benchmarks/") or (script.is_file() and options_of(words) <= known), (
                name,
                words,
            )
        elif re.match("[a-z]", name):
            assert name in VERBS, name
            if name not in ("ask", "run"):  # which have the options of a question, and of Snakemake
                assert options_of(words) <= set(parsers([name])[1][name]._option_string_actions), (
                    name,
                    words,
                )


def shown(cell, names):
    """What a notebook shows of a cell's last line, by the rules of IPython; the cell runs with the names."""
    tree = ast.parse(cell)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    value = None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    return value._repr_html_() if hasattr(value, "_repr_html_") else repr(value)


NOTEBOOKS = pytest.mark.parametrize(
    "notebook", sorted(DOCS.glob("notebooks/*.ipynb")), ids=lambda path: path.stem
)


@pytest.mark.slow  # nbformat takes half a second to import
@NOTEBOOKS
def test_a_notebook_is_one_of_jupyter_and_has_not_been_run(notebook):
    import nbformat

    content = nbformat.read(notebook, as_version=nbformat.NO_CONVERT)
    nbformat.validate(content)
    assert content.nbformat == 4
    assert (content.metadata.kernelspec.name, content.metadata.language_info.name) == ("python3", "python")
    code = [cell for cell in content.cells if cell.cell_type == "code"]
    assert code
    assert not any(cell.outputs or cell.execution_count or cell.metadata for cell in code)


@pytest.mark.slow
@NOTEBOOKS
def test_a_notebook_runs(notebook, finished, in_an_empty_folder):
    shutil.copytree(finished / "results" / "tests", Path("results", "laptop"))
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    names = {"__name__": "__main__"}
    texts = [shown("".join(cell["source"]), names) for cell in cells if cell["cell_type"] == "code"]
    assert any("<table>" in text for text in texts)


@pytest.mark.slow
def test_a_model_is_scored_with_data_of_the_working_folder_that_have_the_name_of_their_suite(
    tmp_path, monkeypatch
):
    """The last program of the tutorial on checkpoints, whose data lie beside the models."""
    tiny_models.save_checkpoint(tmp_path / "models" / "small")
    subjects = read(SUITES / "mmlu" / "suite.yaml")["tasks"]
    rows = [
        {"question": f"{number}?", "subject": subject, "choices": ["a", "b", "c", "d"], "answer": number}
        for subject in subjects
        for number in range(2)
    ]
    (tmp_path / "mmlu").mkdir()
    for split in ("dev", "test"):
        write_table(pa.Table.from_pylist(rows), tmp_path / "mmlu" / f"{split}.parquet")
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "tutorials" / "checkpoints.md").read_text(encoding="utf-8")
    (program,) = [body for kind, body in BLOCK.findall(text) if kind == "python"]
    *lines, shown = program.replace('data="mmlu"', 'data="mmlu", num_fewshot=0').splitlines()
    names = {}
    exec("\n".join(lines), names)
    assert sum(eval(shown, names)["items"]) == 2 * len(subjects)
