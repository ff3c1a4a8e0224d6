"""What of a module's source counts, and what does not."""

import ast

import pytest

from relscale import syntax_tree

SOURCE = '''
"""A module."""

import math
from dataclasses import dataclass

from pydantic import Field
from relscale.errors import RelscaleError
from relscale.storage.rows import column

SCALE = 2.0


@dataclass(frozen=True)
class Row:
    """One row per budget."""

    loss: float = column("The loss.", "nats", default=1.0)
    """Of the validation text."""
    points: int = Field(default=1, description="How often.")


def area(radius: float) -> float:
    """Of a circle."""
    assert radius >= 0, "negative"
    if radius > 1e9:
        raise RelscaleError(f"{radius}: too large")
    square: float = radius**2  # of the radius
    return math.pi * square


def length(radius):
    return SCALE * math.pi * radius
'''


def counted(source, function=None):
    tree = ast.parse(source)
    if function:
        tree = syntax_tree.needed_by(tree, function)
    syntax_tree.prune(tree, "relscale", lambda name: name != "relscale.errors.RelscaleError")
    return syntax_tree.text(tree)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# of the radius", "# of radius²"),
        ("  # of the radius", ""),
        ('"""A module."""', '"""A module of circles."""'),
        ('"""Of a circle."""', '"""π r², of a circle."""\n'),
        ('"""Of the validation text."""', '"""Of the held-out text."""'),
        ("(radius: float) -> float", "(radius)"),
        ("square: float =", "square ="),
        ("radius**2", "(radius ** 2)"),
        ('"negative"', '"a radius is positive"'),
        ("too large", "larger than the Earth"),
        ("from relscale.errors import", "from relscale.failures import"),
        ('"The loss.", "nats"', '"The validation loss.", "nats per token"'),
        ('description="How often."', 'description="How often it is measured."'),
    ],
)
def test_what_cannot_change_a_number_does_not_count(old, new):
    assert old in SOURCE
    edited = SOURCE.replace(old, new)
    keeps = {"relscale.errors.RelscaleError", "relscale.failures.RelscaleError"}
    trees = []
    for source in (SOURCE, edited):
        tree = ast.parse(source)
        syntax_tree.prune(tree, "relscale", lambda name: name not in keeps)
        trees.append(syntax_tree.text(tree))
    assert trees[0] == trees[1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("radius**2", "radius**3"),
        ("2.0", "2"),
        ("> 1e9", "> 1e8"),
        ("math.pi * square", "square * math.pi"),
        ("import math", "import cmath as math"),
        ("loss: float", "loss: int"),
        ("default=1.0", "default=2.0"),
        ("frozen=True", "frozen=False"),
        ("raise RelscaleError", "raise ValueError"),
        ("def length(radius)", "def length(radius, scale=1)"),
    ],
)
def test_what_can_change_a_number_counts(old, new):
    assert old in SOURCE
    assert counted(SOURCE.replace(old, new)) != counted(SOURCE)


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("2.0", "3.0", True),  # a constant that it uses
        ("SCALE * math.pi", "SCALE + math.pi", True),
        ("import math", "import cmath as math", True),
        ("radius**2", "radius**3", False),  # in another function
        ("frozen=True", "frozen=False", False),
    ],
)
def test_of_a_function_it_and_what_it_uses_count(old, new, counts):
    assert (counted(SOURCE.replace(old, new), "length") != counted(SOURCE, "length")) is counts


def test_a_local_name_is_not_the_function_of_that_name():
    source = (
        "def area(): return 1\ndef length(area): return [area for area in (area,)]\ndef both(): return area()"
    )
    assert "area" not in [each.name for each in syntax_tree.needed_by(ast.parse(source), "length").body]
    assert "area" in [each.name for each in syntax_tree.needed_by(ast.parse(source), "both").body]


def test_statements_for_their_effect_count_with_every_function():
    source = "import warnings\nwarnings.simplefilter('error')\ndef one(): return 1\n"
    assert "simplefilter" in counted(source, "one")


def test_a_name_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="'volume'"):
        syntax_tree.needed_by(ast.parse(SOURCE), "volume")


def test_imports_are_full_names_those_for_type_checkers_left_out():
    source = (
        "import a.b\nfrom ..c import d as e\nif TYPE_CHECKING:\n    import f\nelse:\n    import g\n"
        "def h():\n    from . import i\n"
    )
    tree = ast.parse(source)
    assert set(syntax_tree.prune(tree, "p.q", lambda name: True)) == {"a.b", "p.c.d", "g", "p.q.i"}
