"""Docstrings out of source: what is left is the same program, with comments and layout, and without prose."""

import ast
import inspect
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relscale.corpora.docstrings import separate, summary

HOLDERS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def program(source):
    """The syntax tree without docstrings (and the strings right after them) and without ``pass``."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                if isinstance(node, HOLDERS) and block == "body":
                    while statements and is_string(statements[0]):
                        del statements[0]
                statements[:] = [child for child in statements if not isinstance(child, ast.Pass)]
    return ast.dump(tree)


def is_string(node):
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def docstrings_of(source):
    """The docstrings of a program, as the standard library sees them."""
    found = [ast.get_docstring(node) for node in ast.walk(ast.parse(source)) if isinstance(node, HOLDERS)]
    return sorted(text for text in found if text is not None)


def comments_of(source):
    return [line.split("#", 1)[1] for line in source.split("\n") if "#" in line]


# Programs made of nested definitions and blocks, with docstrings in every style, at every place where one may stand.
words = st.text(alphabet="abcdé λ", min_size=1, max_size=12)
literals = st.one_of(
    words.map(lambda text: f'"""{text}"""'),
    words.map(lambda text: f"'{text}'"),
    words.map(lambda text: f'r"""{text}\n   more é\n"""'),
    st.tuples(words, words).map(lambda pair: f"('{pair[0]}'\n    '{pair[1]}')"),
)
endings = st.sampled_from(["", "  # comment", "; x = 1", ";"])
# More than one string may stand where a docstring does; only the first is one.
docstrings = st.lists(st.builds(lambda text, end: text + end + "\n", literals, endings), max_size=2).map(
    "".join
)
statements = st.sampled_from(
    ["pass\n", "x = '''no\ndocstring'''\n", "# a comment λ\ny = lambda: 'no'\n", "...\n"]
)


def indented(text):
    # String literals of several lines are indented too: that changes their text, and is no harm here.
    return textwrap.indent(text, "    ", lambda line: True)


@st.composite
def blocks(draw, depth):
    parts = draw(st.lists(statements if depth == 0 else compounds(depth - 1), min_size=1, max_size=3))
    return "".join(parts)


def compounds(depth):
    headers = st.sampled_from(["def f(a, b=1):\n", "async def g():\n", "class C:\n"])
    definition = st.builds(
        lambda header, doc, body: header + indented(doc + body),
        headers,
        docstrings,
        st.one_of(st.just(""), blocks(depth)),
    ).filter(parses)
    one_line = literals.filter(lambda text: "\n" not in text).map(lambda text: f"def h(): {text}\n")
    control = st.builds(
        lambda body, other: f"if x:\n{indented(body)}\nelse:\n{indented(other)}\n",
        blocks(depth),
        blocks(depth),
    )
    return st.one_of(statements, definition.map(lambda text: text + "\n"), one_line, control)


def parses(source):
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


programs = st.builds(lambda doc, body: doc + body, docstrings, blocks(2)).filter(parses)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(programs)
def test_taking_docstrings_out_leaves_the_same_program_without_any(source):
    found, code = separate(source)
    assert program(code) == program(source)
    assert docstrings_of(code) == []
    assert sorted(docstring.text for docstring in found) == docstrings_of(source)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(programs)
def test_comments_stay_and_a_second_time_changes_nothing(source):
    _, code = separate(source)
    assert comments_of(code) == comments_of(source)
    assert separate(code) == ([], code)


@pytest.mark.slow
@pytest.mark.parametrize("module", [ast, inspect, textwrap], ids=lambda module: module.__name__)
def test_real_modules_keep_their_program_and_give_up_their_docstrings(module):
    source = inspect.getsource(module)
    found, code = separate(source)
    assert program(code) == program(source)
    assert sorted(docstring.text for docstring in found) == docstrings_of(source)


def test_lines_of_a_docstring_go_whole_and_all_others_stay():
    source = textwrap.dedent('''\
        # about
        """Module."""

        def f(x):  # why
            """Doc
            of f."""
            return x


        def g():
            """Only this."""
        ''')
    assert separate(source)[1] == textwrap.dedent("""\
        # about

        def f(x):  # why
            return x


        def g():
            pass
        """)


def test_line_ends_of_any_system_are_read_alike():
    source = 'def f():\n    """One\n    two."""\n    return 1\n'
    assert separate(source.replace("\n", "\r\n")) == separate(source)
    assert separate(source.replace("\n", "\r")) == separate(source)


def test_names_are_qualified_and_signatures_are_what_one_would_type():
    source = textwrap.dedent('''
        class Array:
            """An array."""
            def __init__(self, data: list[int], *, copy: bool = True): ...
            def mean(self, axis=None, /, keepdims=("no", 1), *rest, dtype=float, **options) -> float:
                """A mean."""
                def inner():
                    """Within."""
            @staticmethod
            def empty():
                """An empty one."""
        if True:
            async def load(path, mode='r'):
                """Load."""
        ''')
    assert [(d.name, d.signature) for d in separate(source)[0]] == [
        ("Array", "Array(data, *, copy=True)"),
        ("Array.mean", 'mean(axis=None, /, keepdims=("no", 1), *rest, dtype=float, **options)'),
        ("Array.mean.inner", "inner()"),
        ("Array.empty", "empty()"),
        ("load", "load(path, mode='r')"),
    ]


def test_a_licence_at_the_top_goes_and_other_comments_stay():
    licence = "#!/usr/bin/env python\n# Copyright 2020 A. Author\n#\n# Licensed under the Apache License\n\n"
    assert separate(licence + "x = 1  # licence\n")[1] == "x = 1  # licence\n"
    assert separate("# the answer\nx = 42\n")[1] == "# the answer\nx = 42\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mean of an array. More.", "Mean of an array."),
        ("Mean of\nan array\n\nMore.", "Mean of an array"),
        ("Title\n=====\nText. More.", "Title"),
        ("=====\nTitle\n=====\n", "Title"),
        ("Distances, e.g. of cities, i.e. lengths. More.", "Distances, e.g. of cities, i.e. lengths."),
        ("Version 1.5 of J. Smith's test. More.", "Version 1.5 of J. Smith's test."),
        (".. module:: nothing\n\nWhat it is.", "What it is."),
        ("Parameters\n----------\nx : int", ""),
        ("", ""),
    ],
)
def test_a_summary_is_the_first_sentence(text, expected):
    assert summary(text) == expected
