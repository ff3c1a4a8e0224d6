"""Keys of measurements are found whether their columns are text or dictionaries."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relscale.fitting.curves.key_codes import Vocabulary, _positions

values = st.lists(st.sampled_from(["a", "b", "c", "unknown", None]), max_size=8)


@pytest.mark.slow
@pytest.mark.parametrize("words", [["a", "b", "c"], [None, "a", "b", "c"]])
@settings(max_examples=50, deadline=None)
@given(chunks=st.lists(values, max_size=3))
def test_a_dictionary_is_looked_up_as_its_text(words, chunks):
    text = pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks], pa.string())
    expected = [words.index(value) if value in words else -1 for chunk in chunks for value in chunk]
    for column in (text, text.cast(pa.dictionary(pa.int32(), pa.string()))):
        assert _positions(column, pa.array(words, pa.string())).tolist() == expected


@pytest.mark.parametrize("cells", [["b", "a", None, "b"], []])
def test_the_vocabulary_of_a_dictionary_is_that_of_its_text(cells):
    """As of the table of responses, which `make reference` reads without a row."""
    text = pa.table({"run": pa.array(cells, pa.string())})
    dictionary = pa.table({"run": text["run"].combine_chunks().dictionary_encode()})
    for own in (text, dictionary):
        vocabulary = Vocabulary.of(own, ["run"])
        for table in (text, dictionary):
            codes = vocabulary.codes(table, ["run"])
            assert [key for (key,) in vocabulary.keys(codes, ["run"])] == cells
