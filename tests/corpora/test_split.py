import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.corpora.documents import Document
from relscale.corpora.sample import sample_modules
from relscale.corpora.split import fraction, split_of

names = st.text(alphabet="abc.", min_size=1, max_size=6)
shares = st.floats(0, 0.5)


def document(module, part, size):
    return Document(f"{module}:{part}", part, "group", "package", module, "", "", "", "x" * size)


documents = st.lists(
    st.tuples(names, st.sampled_from(["docstrings", "code"]), st.integers(1, 50)), max_size=30
).map(lambda rows: [document(*row) for row in rows])


@pytest.mark.slow
@given(names, st.integers(0, 5), shares, shares)
def test_more_held_out_text_keeps_what_was_held_out(module, seed, validation, test):
    if split_of(module, seed, validation, test) == "test":
        assert split_of(module, seed, validation, test + 0.2) == "test"
    if split_of(module, seed, validation, test) == "train":
        assert split_of(module, seed, validation / 2, test) == "train"


def test_splits_have_their_shares_and_differ_between_seeds():
    modules = [f"package.module{k}" for k in range(20_000)]
    splits = [split_of(module, 0, 0.04, 0.1) for module in modules]
    # Five binomial standard deviations: sqrt(20000 · 0.1 · 0.9) = 42, sqrt(20000 · 0.04 · 0.96) = 28.
    assert abs(splits.count("test") - 2000) < 5 * 42
    assert abs(splits.count("validation") - 800) < 5 * 28
    other = [split_of(module, 1, 0.04, 0.1) for module in modules]
    both = sum(one == two == "test" for one, two in zip(splits, other, strict=True))
    assert abs(both - 200) < 5 * 14  # independent: 1% are held out under both seeds


def test_a_fraction_is_the_published_hash_of_its_parts():
    digest = hashlib.blake2b(b"split\x000\x00numpy.linalg", digest_size=7).hexdigest()
    assert fraction("split", 0, "numpy.linalg") == int(digest, 16) / 16**14


@pytest.mark.slow
@given(documents, st.integers(0, 400), st.integers(0, 400), st.integers(0, 3))
def test_a_sample_keeps_whole_modules_and_its_limit_and_grows_with_it(rows, limit, more, seed):
    splits = [split_of(row.module, seed, 0.1, 0.2) for row in rows]
    sample = set(sample_modules(rows, splits, {"code": limit}, seed))
    training_code = [
        position for position, row in enumerate(rows) if row.part == "code" and splits[position] == "train"
    ]
    assert sum(len(rows[k].text) for k in training_code if k in sample) <= limit
    assert sample >= set(range(len(rows))) - set(training_code)
    for module in {rows[k].module for k in training_code}:
        assert len({k in sample for k in training_code if rows[k].module == module}) == 1
    assert sample <= set(sample_modules(rows, splits, {"code": limit + more}, seed))
    whole = sum(len(rows[k].text) for k in training_code)
    assert sample_modules(rows, splits, {"code": whole}, seed) == list(range(len(rows)))


@pytest.mark.slow
@given(documents)
def test_without_a_limit_all_is_sampled(rows):
    assert sample_modules(rows, ["train"] * len(rows), {}, seed=0) == list(range(len(rows)))
