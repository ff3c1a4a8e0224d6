"""Split Python source into its docstrings and its code without docstrings.

The source is read as a syntax tree and never executed.
"""

import ast
import inspect
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
Holder = ast.Module | Definition

# Fields with nested statements, in the order of the source. Expressions are not visited, as they contain no docstrings.
BLOCKS = ("body", "handlers", "cases", "orelse", "finalbody")
KINDS: tuple[type[ast.AST], ...] = (
    ast.Module,
    *ast.stmt.__subclasses__(),
    ast.ExceptHandler,
    ast.match_case,
)
# By the type of a node with such fields, those that it has, the last first.
BLOCKS_OF = {
    kind: fields
    for kind in KINDS
    if (fields := [field for field in reversed(BLOCKS) if field in kind._fields])
}
ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|cf|vs|etc|resp|[A-Z])\.)$")
SENTENCE_END = re.compile(r"(?<=[^\s.])[.!?](?=\s|$)")
# Headings of numpydoc sections: a docstring that begins with one has no summary.
SECTIONS = frozenset(
    {"Parameters", "Returns", "Yields", "Raises", "Attributes", "Methods", "Notes", "Examples"}
)
LICENCE = re.compile(rb"copyright|licen[cs]e", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Docstring:
    """The documentation of one object: its qualified name ("" for the module), its call, its cleaned text."""

    name: str
    signature: str
    text: str


def separate(source: str) -> tuple[list[Docstring], str]:
    """Separate a file's docstrings from its code.

    Docstrings are cut out of the source by position, so that comments and layout are unchanged. A body that would be
    empty becomes ``pass``. A leading comment that states a copyright or a licence is removed as well, because the same
    few lines begin thousands of files.

    Returns
    -------
    docstrings
        In the order of the source, each cleaned as by ``inspect.cleandoc``.
    code
        Source with the syntax tree of ``source``, except for docstrings and ``pass``.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        The source is not Python that this interpreter can parse.
    """
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in other people's strings
        tree = ast.parse(source)
    lines = source.encode().split(b"\n")  # the tree counts columns in bytes of UTF-8
    docstrings = []
    spans = []
    for name, node_with_docstring in _holders(tree):
        strings = _leading_strings(node_with_docstring)
        if strings:
            text = inspect.cleandoc(strings[0].value.value)  # type: ignore[attr-defined]
            text = text.encode(errors="replace").decode()  # half a surrogate pair, written as an escape
            docstrings.append(Docstring(name, _signature(node_with_docstring, lines), text))
            # A string after a docstring would become the docstring, so all are removed.
            spans += [
                (
                    string,
                    isinstance(node_with_docstring, ast.Module) or index + 1 < len(node_with_docstring.body),
                )
                for index, string in enumerate(strings)
            ]
    # from the end, so that earlier positions stay valid
    for string, removable in reversed(spans):
        _cut(lines, string, removable)
    return docstrings, b"\n".join(_without_licence(lines)).decode()


def summary(text: str) -> str:
    """The first sentence of a docstring as one line, or its first paragraph if no sentence ends in it.

    Empty if the docstring begins with a section. Underlines of titles and directives of reStructuredText are skipped.
    """
    paragraph: list[str] = []
    for line in text.split("\n"):
        if any(character.isalnum() for character in line) and not line.startswith(".. "):
            paragraph.append(line)
        elif paragraph:
            break
    joined = " ".join(" ".join(paragraph).split())
    for end in SENTENCE_END.finditer(joined):
        if not ABBREVIATION.search(joined[: end.end()]):
            return joined[: end.end()]
    return "" if joined in SECTIONS else joined


def _holders(tree: ast.Module) -> Iterator[tuple[str, Holder]]:
    """All nodes that can have a docstring, with their qualified names, in the order of the source."""
    stack: list[tuple[str, ast.AST]] = [("", tree)]
    while stack:
        prefix, node = stack.pop()
        if isinstance(node, Definition):
            prefix = f"{prefix}.{node.name}" if prefix else node.name
        if isinstance(node, Holder):
            yield prefix, node
        stack += [
            (prefix, child)
            for block in BLOCKS_OF[type(node)]
            for child in reversed(getattr(node, block))
            if type(child) in BLOCKS_OF
        ]


def _leading_strings(node_with_docstring: Holder) -> list[ast.Expr]:
    """The docstring of ``node_with_docstring`` and the bare strings right after it."""
    strings = []
    for statement in node_with_docstring.body:
        if not (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Constant)
            and isinstance(statement.value.value, str)
        ):
            break
        strings.append(statement)
    return strings


def _signature(node_with_docstring: Holder, lines: list[bytes]) -> str:
    """``svd(a, full_matrices=True)``: names and defaults without annotations; for a class, those of ``__init__``."""
    if isinstance(node_with_docstring, ast.Module):
        return ""
    function: ast.AST | None = node_with_docstring
    if isinstance(node_with_docstring, ast.ClassDef):
        function = next(
            (node for node in node_with_docstring.body if getattr(node, "name", "") == "__init__"), None
        )
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return ""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    required = len(positional) - len(arguments.defaults)
    shown = []
    for index, argument in enumerate(positional):
        default = arguments.defaults[index - required] if index >= required else None
        if not (index == 0 and argument.arg in ("self", "cls", "mcs")):
            shown.append(_parameter(argument, default, lines))
        if shown and index + 1 == len(arguments.posonlyargs):
            shown.append("/")
    if arguments.vararg:
        shown.append(f"*{arguments.vararg.arg}")
    elif arguments.kwonlyargs:
        shown.append("*")
    shown += [
        _parameter(argument, default, lines)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if arguments.kwarg:
        shown.append(f"**{arguments.kwarg.arg}")
    return f"{node_with_docstring.name}({', '.join(shown)})"


def _parameter(argument: ast.arg, default: ast.expr | None, lines: list[bytes]) -> str:
    if default is None:
        return argument.arg
    first, last = default.lineno - 1, default.end_lineno - 1  # type: ignore[operator]
    if first == last:
        value = lines[first][default.col_offset : default.end_col_offset]
        return f"{argument.arg}={value.decode()}"
    return f"{argument.arg}={ast.unparse(default)}"


def _cut(lines: list[bytes], string: ast.Expr, removable: bool) -> None:
    """Remove a string statement from ``lines``, with its lines if they contain nothing else."""
    first, last = string.lineno - 1, string.end_lineno - 1  # type: ignore[operator]
    before, after = lines[first][: string.col_offset], lines[last][string.end_col_offset :]
    if before.strip() or not (removable and after.lstrip()[:1] in (b"", b"#")):
        lines[first : last + 1] = [before + b"pass" + after]
    elif after.strip():
        lines[first : last + 1] = [before + after.lstrip()]
    else:
        del lines[first : last + 1]


def _without_licence(lines: list[bytes]) -> list[bytes]:
    """``lines`` without a leading block of comments that states a copyright or a licence, or blank lines."""
    start = 0
    while start < len(lines) and lines[start].lstrip()[:1] in (b"", b"#"):
        start += 1
    if LICENCE.search(b"\n".join(lines[:start])):
        return lines[start:]
    return lines
