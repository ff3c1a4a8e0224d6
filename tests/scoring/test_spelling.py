import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.errors import RelscaleError
from relscale.scoring.spelling import read_spellings, respell
from relscale.scoring.suite_description import SUITES

TABLE = SUITES / "varieties" / "spelling.tsv"
VARIETIES = ("GB", "CA", "AU", "OX")
BRITISH = read_spellings(TABLE, "GB")

american = st.sampled_from(sorted(BRITISH))
plain = st.sampled_from(
    ["the", "of", "and", "a", "row", "value", "table", "graph", "is", "are", "with", "every"]
)
sentences = st.lists(st.one_of(american, plain), min_size=2, max_size=12).map(" ".join)


@pytest.mark.parametrize("variety", VARIETIES)
def test_the_table_is_one_to_one_and_changes_every_word_that_it_lists(variety):
    words = read_spellings(TABLE, variety)
    assert len(words) > 300
    assert len(set(words.values())) == len(words)
    assert not words.keys() & set(words.values())
    assert all(word.isalpha() and word.islower() for pair in words.items() for word in pair)


@pytest.mark.slow
def test_varieties_differ_as_their_dictionaries_do():
    spelled = {v: read_spellings(TABLE, v) for v in VARIETIES}
    assert [v for v in VARIETIES if "optimize" in spelled[v]] == ["GB", "AU"]
    assert [v for v in VARIETIES if "analyze" in spelled[v]] == ["GB", "AU", "OX"]
    assert all(spelled[v]["color"] == "colour" and spelled[v]["labeled"] == "labelled" for v in VARIETIES)
    assert (spelled["CA"]["colorize"], spelled["GB"]["colorize"]) == ("colourize", "colourise")


def test_an_unknown_variety_is_refused_with_those_there_are():
    with pytest.raises(RelscaleError, match="'NZ'; it has AU, CA, GB, OX"):
        read_spellings(TABLE, "NZ")


@pytest.mark.slow
@given(sentences)
def test_words_are_counted_as_they_change_and_change_back(text):
    changed, count = respell(text, BRITISH)
    assert count == sum(word in BRITISH for word in text.split())
    back, again = respell(changed, {british: word for word, british in BRITISH.items()})
    assert (back, again) == (text, count)


@given(st.text(string.printable, max_size=300))
def test_without_words_to_change_any_text_stays_as_it_is(text):
    assert respell(text, {}) == (text, 0)


@given(american)
def test_case_is_kept(word):
    text = f"{word.capitalize()} here. We saw {word.upper()} there."
    new = BRITISH[word]
    assert respell(text, BRITISH) == (f"{new.capitalize()} here. We saw {new.upper()} there.", 2)


@given(
    american,
    st.sampled_from(
        [
            "use `{}` here",
            "use ``{} it`` here",
            "call {}(x) here",
            "f({}) is called",
            "the {}_map of it",
            "a.{} is set",
            "{}.map is set",
            "pass {}=1 to it",
            "{} = 1 is set",
            "set '{}' here",
            "the flag --{} is set",
            "{} : str, default None",
            ">>> {} and more",
            ">>> f(x)\nthe {} of it",
            "For example::\n\n    the {} of it\n",
            ".. code-block:: python\n\n    the {} of it\n",
            "```\nthe {} of it\n```",
            "Parameters\n----------\n{}\n    what it is",
            "the type {}2 is set",
            "see docs/{} for more",
        ],
    ),
)
def test_code_keeps_its_spelling(word, template):
    text = template.format(word)
    assert respell(text, BRITISH) == (text, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the color.", "the colour."),
        ("(colors)", "(colours)"),
        ("the neighbor's table", "the neighbour's table"),
        ("color (str): the color of it", "color (str): the colour of it"),
        (
            "For example::\n\n    color\n\nand then the color",
            "For example::\n\n    color\n\nand then the colour",
        ),
        (".. note::\n\n    the color of it", ".. note::\n\n    the colour of it"),
        (">>> color\n1\n\nthe color of it", ">>> color\n1\n\nthe colour of it"),
        ("a Tokenizer of it", "a Tokenizer of it"),
        ("Normalize it", "Normalise it"),
    ],
)
def test_prose_around_code_is_respelled(text, expected):
    assert respell(text, BRITISH)[0] == expected
