"""Near-duplicates, against the definition spelled out with sets of words."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relscale.corpora.duplicates import ngrams, remove_duplicates

# Few words and short n-grams, so that overlaps of every size are common.
texts = st.lists(st.sampled_from(["a", "b", "Ab", "ü", "x_1", ",", "\n\n"]), max_size=12).map(" ".join)
collections = st.lists(st.tuples(texts, st.booleans()), max_size=12)
sizes = st.integers(1, 4)
overlaps = st.sampled_from([0.25, 0.5, 1.0])


def grams(text, size):
    """A list of tuples of words; ASCII letters alone change their case."""
    words = re.findall(r"[0-9A-Za-z_\u0080-\U0010ffff]+", text)
    words = [re.sub("[A-Z]+", lambda match: match[0].lower(), word) for word in words]
    return [tuple(words[i : i + size]) for i in range(max(1, len(words) - size + 1))] if words else []


def share(text, size, seen):
    own = grams(text, size)
    return sum(gram in seen for gram in own) / len(own) if own else 0.0


def split(collection):
    return [text for text, _ in collection], [held for _, held in collection]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(collections, sizes, overlaps)
def test_what_stays_is_what_the_definition_says(collection, size, overlap):
    all_texts, held_out = split(collection)
    order = sorted(range(len(all_texts)), key=lambda position: not held_out[position])
    kept, seen = [], set()
    for position in order:
        text = all_texts[position]
        if text not in [all_texts[k] for k in kept] and share(text, size, seen) < overlap:
            kept.append(position)
            seen.update(grams(text, size))
    train = {gram for k in kept if not held_out[k] for gram in grams(all_texts[k], size)}
    expected = [k for k in kept if not (held_out[k] and share(all_texts[k], size, train) >= overlap)]
    result = remove_duplicates(all_texts, held_out, size, overlap)
    assert result.positions == sorted(expected)
    assert len(all_texts) == len(result.positions) + result.exact + result.near + result.exposed


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(collections, sizes, overlaps)
def test_no_held_out_text_stands_in_training(collection, size, overlap):
    all_texts, held_out = split(collection)
    positions = remove_duplicates(all_texts, held_out, size, overlap).positions
    train = [all_texts[position] for position in positions if not held_out[position]]
    seen = {gram for text in train for gram in grams(text, size)}
    for position in positions:
        if held_out[position]:
            assert all_texts[position] not in train
            assert share(all_texts[position], size, seen) < overlap


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(collections, sizes, overlaps)
def test_a_second_time_nothing_goes(collection, size, overlap):
    all_texts, held_out = split(collection)
    positions = remove_duplicates(all_texts, held_out, size, overlap).positions
    again = remove_duplicates(
        [all_texts[position] for position in positions],
        [held_out[position] for position in positions],
        size,
        overlap,
    )
    assert again.positions == list(range(len(positions)))


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(collections, sizes)
def test_a_copy_always_goes(collection, size):
    all_texts, held_out = split(collection)
    kept = remove_duplicates(
        [*all_texts, *all_texts], [*held_out, *([False] * len(all_texts))], size, 0.5
    ).positions
    assert len({all_texts[position % len(all_texts)] for position in kept}) == len(kept)
    assert not [k for k in kept if k >= len(all_texts) and held_out[k - len(all_texts)]]


@pytest.mark.slow
@given(st.lists(st.integers(1, 30), max_size=8), st.data())
def test_texts_without_a_common_word_all_stay(lengths, data):
    disjoint = [" ".join(f"w{number}x{k}" for k in range(length)) for number, length in enumerate(lengths)]
    held_out = data.draw(st.lists(st.booleans(), min_size=len(disjoint), max_size=len(disjoint)))
    assert remove_duplicates(disjoint, held_out, 8, 0.5).positions == list(range(len(disjoint)))


def test_of_a_training_text_and_a_held_out_one_the_training_text_goes():
    text = "one two three four five six seven eight nine ten eleven twelve"
    changed = text.replace("twelve", "thirteen").upper()
    assert remove_duplicates([text, changed], [False, True], 8, 0.5).positions == [1]


def test_a_held_out_text_that_a_long_training_text_quotes_goes():
    quoted = " ".join(f"q{k}" for k in range(20))
    long = " ".join(f"t{k}" for k in range(200)) + " " + quoted
    result = remove_duplicates([long, quoted], [False, True], 8, 0.5)
    assert (result.positions, result.exposed) == ([0], 1)


@pytest.mark.slow
@given(st.lists(texts, max_size=6), st.lists(texts, max_size=6), sizes)
def test_equal_runs_of_words_have_equal_hashes_wherever_they_stand(first, second, size):
    hashes, offsets = ngrams(first + second, size)
    known = {}
    for number, text in enumerate(first + second):
        own = hashes[offsets[number] : offsets[number + 1]].tolist()
        assert len(own) == len(grams(text, size))
        for gram, value in zip(grams(text, size), own, strict=True):
            assert known.setdefault(gram, value) == value
    assert len(set(known.values())) == len(known)


def test_hashes_do_not_depend_on_how_texts_are_put_together(monkeypatch):
    random = np.random.default_rng(0)
    many = [" ".join(f"w{n}" for n in random.integers(0, 50, size)) for size in random.integers(0, 40, 60)]
    whole = ngrams(many, 3)
    monkeypatch.setattr("relscale.corpora.duplicates.CHUNK_BYTES", 100)
    for one, other in zip(whole, ngrams(many, 3), strict=True):
        np.testing.assert_array_equal(one, other)
