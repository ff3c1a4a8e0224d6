from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relscale.errors import RelscaleError
from relscale.scoring.encoding import Encoder, _end_token, move_spaces

pytestmark = pytest.mark.slow

END = 0
END_TEXT = "<|endoftext|>"


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

    def convert_ids_to_tokens(self, tokens):
        return [f"▁{chr(token - 1000)}" if token > 1000 else chr(token) for token in tokens]


@given(st.integers(0, 60), st.integers(2, 12))
def test_rolling_windows_are_those_of_lm_eval(length, size):
    from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

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


def test_a_context_of_white_space_is_scored_with_the_answer_behind_the_end_of_text_token():
    """Where the tokenizer puts a token before every text, as lm-eval does; without one, lm-eval stops."""
    encoder = Encoder(Letters(), 20)
    window = pair(encoder, " ", "cd")
    assert window.context == (END,)
    assert window.continuation == tuple(encoder.tokenizer.encode(" cd"))


def test_a_long_context_is_cut_on_its_left_and_says_so():
    window = pair(Encoder(Letters(), 5), "abcdefgh", "xy")
    assert window.cut
    assert window.context == tuple(map(ord, "efgh"))
    assert len(window.context) + len(window.continuation) == 5 + 1


def test_an_answer_longer_than_the_context_is_refused():
    with pytest.raises(RelscaleError, match="'uvwxyz' of 6 tokens does not fit the model's context of 5"):
        pair(Encoder(Letters(), 5), "a", "uvwxyz")


def test_an_empty_answer_is_refused_and_its_question_is_named():
    with pytest.raises(RelscaleError, match="the answer '' has no token after its question 'Why'"):
        pair(Encoder(Letters(), 64), "Why", "")


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
    assert encoder.scored_bytes("ab cdef", 2) == 5


# Text that a tokenizer may treat in its own way: special tokens, all kinds of white space, letters of many bytes.
ODD = [
    "a",
    "b c",
    " ",
    "  ",
    "\n",
    "\t",
    "\u0085",
    "\u2028",
    "\u3000",
    "\x00",
    END_TEXT,
    "<s>",
    "</s>",
    "é",
    "\U0001f600",
    "e\u0301",
    ":",
    "12",
]
odd_texts = st.lists(st.sampled_from(ODD), max_size=6).map("".join)


@pytest.fixture(scope="module", params=["plain", "begins", "begins and ends", "no beginning token", "slow"])
def stock(request, checkpoint, tmp_path_factory):
    """lm-eval's own model with one kind of tokenizer; what it would score is in ``stock.asked``."""
    pytest.importorskip("transformers")
    from lm_eval.models.huggingface import HFLM
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoModelForCausalLM, AutoTokenizer, ByT5Tokenizer, PreTrainedTokenizerFast

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    if request.param in ("begins", "begins and ends"):
        rules = tokenizer.backend_tokenizer
        rules.add_special_tokens(["<s>", "</s>"])
        special = [(token, rules.token_to_id(token)) for token in ("<s>", "</s>")]
        ends = " </s>" if request.param == "begins and ends" else ""
        rules.post_processor = TemplateProcessing(single=f"<s> $A{ends}", special_tokens=special)
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=rules, bos_token="<s>", eos_token="</s>", pad_token="</s>"
        )
    elif request.param == "no beginning token":
        tokenizer.bos_token = None
    elif request.param == "slow":
        tokenizer = ByT5Tokenizer()
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    stock = HFLM(model, tokenizer=tokenizer, batch_size=1, max_length=24)

    def keep(requests, **_):
        stock.asked = [(context, continuation) for _, context, continuation in requests]
        return [(0.0, True)] * len(requests)

    stock._loglikelihood_tokens = keep
    return stock


def instance(kind, *arguments):
    from lm_eval.api.instance import Instance

    return Instance(kind, {}, arguments, 0)


def asked_by(stock, verb, *arguments):
    """The tokens that lm-eval would score, or None where it stops."""
    try:
        getattr(stock, verb)([instance(verb, *arguments)], disable_tqdm=True)
    except (AssertionError, IndexError):
        return None
    if not all(
        context and 0 < len(continuation) <= stock.max_length for context, continuation in stock.asked
    ):
        return None
    return stock.asked


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(context=odd_texts, continuation=odd_texts)
def test_pairs_are_those_of_lm_eval_on_odd_text(stock, context, continuation):
    encoder = Encoder(stock.tokenizer, stock.max_length)
    if encoder.tokenizer.encode("a")[-1] == encoder.tokenizer.eos_token_id:
        with pytest.raises(RelscaleError, match="the tokenizer ends every text with the token '</s>'"):
            pair(encoder, context, continuation)
        return
    asked = asked_by(stock, "loglikelihood", context, continuation)
    if asked is None:
        if context.strip():
            with pytest.raises(RelscaleError):
                pair(encoder, context, continuation)
        return
    (expected,) = asked
    found = pair(encoder, context, continuation)
    assert list(found.continuation) == expected[1]
    assert list(found.context) == (expected[0] + expected[1])[-(stock.max_length + 1) :][: -len(expected[1])]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.lists(st.sampled_from(ODD), max_size=40).map("".join))
def test_windows_of_odd_text_are_those_of_lm_eval(stock, text):
    stock.asked = []
    asked = []
    kept = stock._loglikelihood_tokens
    stock._loglikelihood_tokens = lambda requests, **_: (
        asked.extend(requests),
        [(0.0, True)] * len(requests),
    )[1]
    try:
        stock.loglikelihood_rolling([instance("loglikelihood_rolling", text)], disable_tqdm=True)
    finally:
        stock._loglikelihood_tokens = kept
    found = Encoder(stock.tokenizer, stock.max_length).rolling(text)
    assert [(list(w.context), list(w.continuation)) for w in found] == [
        (list(c), list(t)) for _, c, t in asked
    ]


def test_a_text_of_unknown_words_ends_with_no_added_token():
    """The vocabulary of nucleotides has no word of the text that is tried."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({"A": 0, "C": 1, "G": 2, "T": 3, "<unk>": 4}, unk_token="<unk>"))
    assert _end_token(PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>")) is None


@pytest.mark.parametrize("text", ["日本語のテキスト", "né à l'été", "a🙂b🙂c"])
def test_bytes_of_a_character_that_the_context_begins_are_scored_as_far_as_its_tokens_are(text):
    import tiny_models

    tokenizer = tiny_models.byte_level_tokenizer(257, ["ab"])  # a token for each byte
    encoder = Encoder(tokenizer, 64)
    size = len(text.encode())
    assert [encoder.scored_bytes(text, count) for count in range(size + 2)] == [*range(size, -1, -1), 0]


@pytest.mark.parametrize("trim_offsets", [False, True])
def test_the_space_before_a_word_is_scored_with_it_whatever_the_offsets(trim_offsets):
    import tiny_models
    from tokenizers import processors

    tokenizer = tiny_models.byte_level_tokenizer(600, ["a word or a début is a début"] * 9)
    tokenizer.backend_tokenizer.post_processor = processors.ByteLevel(trim_offsets=trim_offsets)
    text = "a word or a début  is"
    ids = tokenizer.encode(text)
    found = [Encoder(tokenizer, 64).scored_bytes(text, count) for count in range(len(ids))]
    assert found == [len(tokenizer.decode(ids[count:]).encode()) for count in range(len(ids))]


def test_so_are_those_of_a_vocabulary_of_texts_that_falls_back_to_bytes():
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    pieces = ["<unk>", "</s>", "a", "日", *(f"<0x{byte:02X}>" for byte in range(256))]
    vocabulary = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], 0, byte_fallback=True))
    vocabulary.decoder = decoders.ByteFallback()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=vocabulary, eos_token="</s>", unk_token="<unk>")
    assert len(tokenizer.encode("a日é")) == 4
    assert [Encoder(tokenizer, 64).scored_bytes("a日é", count) for count in range(6)] == [6, 5, 2, 1, 0, 0]


def test_a_space_that_the_vocabulary_puts_before_a_text_is_none_of_its_bytes():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = ["<unk>", "</s>", "▁a", "▁", "a", "日", *(f"<0x{byte:02X}>" for byte in range(256))]
    vocabulary = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], 0, byte_fallback=True))
    vocabulary.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    vocabulary.decoder = decoders.ByteFallback()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=vocabulary, eos_token="</s>", unk_token="<unk>")
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode("a日é")) == ["▁a", "日", "<0xC3>", "<0xA9>"]
    assert [Encoder(tokenizer, 64).scored_bytes("a日é", count) for count in range(6)] == [6, 5, 2, 1, 0, 0]
    assert Encoder(tokenizer, 64).scored_bytes(" a日é", 1) == 5
