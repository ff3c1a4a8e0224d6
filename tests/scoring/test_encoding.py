from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from relscale.errors import RelscaleError
from relscale.scoring.encoding import Encoder, move_spaces

END = 0


def pair(encoder, context, continuation):
    (window,) = encoder.pairs([(context, continuation)])
    return window


class Letters:
    """A tokenizer of one token a letter; a space and the letter after it are one token, as in a byte-level BPE."""

    bos_token_id = None
    eos_token_id = END
    name_or_path = "letters"

    def decode(self, tokens):
        return "<|endoftext|>"

    is_fast = False
    all_special_ids = (END,)

    def encode(self, text, add_special_tokens=True):
        tokens = []
        for before, letter in zip(" " + text, text, strict=False):
            if letter != " ":
                tokens.append(ord(letter) + (1000 if before == " " and tokens else 0))
        return tokens


@given(st.integers(0, 60), st.integers(2, 12))
def test_rolling_windows_are_those_of_lm_eval(length, size):
    text = "".join(chr(97 + i % 26) for i in range(length))
    expected = [
        make_disjoint_window(pair) for pair in get_rolling_token_windows([ord(c) for c in text], END, size, 1)
    ]
    found = Encoder(Letters(), size).rolling(text)
    assert [(list(w.context), list(w.continuation)) for w in found] == expected


@given(st.text("ab ", max_size=12), st.text("cd ", min_size=1, max_size=12))
def test_moving_spaces_keeps_the_text_and_leaves_none_at_the_end_of_the_context(context, continuation):
    kept, scored = move_spaces(context, continuation)
    assert kept + scored == context + continuation
    assert kept == kept.rstrip() or not context.strip()


def test_a_space_that_ends_the_context_is_scored_with_the_answer():
    encoder = Encoder(Letters(), 20)
    assert pair(encoder, "ab ", "cd") == pair(encoder, "ab", " cd")
    assert pair(encoder, "ab ", "cd").continuation == (ord("c") + 1000, ord("d"))


def test_an_empty_context_becomes_the_end_of_text_token():
    window = pair(Encoder(Letters(), 20), "", "cd")
    assert window.context == (END,)
    assert len(window.continuation) == 2


def test_a_long_context_is_cut_on_its_left_and_says_so():
    window = pair(Encoder(Letters(), 5), "abcdefgh", "xy")
    assert window.cut
    assert window.context == tuple(map(ord, "efgh"))
    assert len(window.context) + len(window.continuation) == 5 + 1


def test_an_answer_longer_than_the_context_is_refused():
    with pytest.raises(RelscaleError, match="6 tokens does not fit the model's context of 5"):
        pair(Encoder(Letters(), 5), "a", "uvwxyz")


@given(st.integers(0, 60), st.integers(2, 12), st.integers(0, 20), st.sampled_from([0.0, 0.3, 0.5, 0.9]))
def test_each_token_after_the_context_tokens_is_scored_once_however_windows_overlap(
    length, size, context_tokens, overlap
):
    text = "".join(chr(97 + i % 26) for i in range(length))
    windows = Encoder(Letters(), size).rolling(text, context_tokens, overlap)
    scored = [token for window in windows for token in window.continuation]
    assert scored == [ord(c) for c in text[context_tokens:]]
    for window in windows:
        assert len(window.context) >= 1
        assert len(window.context) + len(window.continuation) <= size + 1
    for before, window in pairwise(windows):
        read = len(before.context) + len(before.continuation) - 1
        assert len(window.context) + len(window.continuation) == size + 1 >= read
        assert len(window.context) >= int(overlap * size) + 1 or len(window.continuation) == 1


def test_bytes_scored_are_those_after_the_context_tokens():
    encoder = Encoder(Letters(), 20)
    assert encoder.scored_bytes("abcdef", 0) == 6
    assert encoder.scored_bytes("abcdef", 9) == 0
