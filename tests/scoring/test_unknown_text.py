"""Text that a vocabulary lacks: a model predicts a token for all of it, or nothing, and no text."""

import unicodedata

import pytest

from relscale.scoring.unknown_text import UnknownText

pytestmark = pytest.mark.slow  # transformers takes seconds to import

ENGLISH = "the quick brown fox jumps over the lazy dog <unk> in a café"


def slow_words(normalized=str):
    """A tokenizer without offsets that knows the words of `ENGLISH`, as which it reads the normalized text."""
    from transformers import PreTrainedTokenizer

    class Words(PreTrainedTokenizer):
        names = ("<unk>", *ENGLISH.replace("<unk> ", "").split())
        vocab_size = len(names)

        def get_vocab(self):
            return {name: number for number, name in enumerate(self.names)}

        def _tokenize(self, text, **_):
            return normalized(text).split()

        def _convert_token_to_id(self, token):
            return self.names.index(token) if token in self.names else 0

        def _convert_id_to_token(self, index):
            return self.names[index]

    return UnknownText(Words(unk_token="<unk>"))


def tokenizer(kind):
    if kind == "slow":
        return slow_words()
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    unknown = {"unk_token": "<unk>"}
    special = {"special_tokens": ["<unk>"], "show_progress": False}
    if kind == "bytes":
        made, trainer = Tokenizer(models.BPE()), trainers.BpeTrainer(show_progress=False)
        made.pre_tokenizer = pre_tokenizers.ByteLevel()
        trainer.initial_alphabet = pre_tokenizers.ByteLevel.alphabet()
    elif kind == "byte fallback":
        made = Tokenizer(models.BPE(byte_fallback=True, **unknown))
        spelled = [f"<0x{byte:02X}>" for byte in range(256)]
        trainer = trainers.BpeTrainer(special_tokens=["<unk>", *spelled], show_progress=False)
    elif kind == "skipped":
        made, trainer = Tokenizer(models.BPE()), trainers.BpeTrainer(show_progress=False)
        made.pre_tokenizer = pre_tokenizers.Whitespace()
    elif kind == "unigram":
        made, trainer = (
            Tokenizer(models.Unigram()),
            trainers.UnigramTrainer(vocab_size=60, **unknown, **special),
        )
        made.normalizer, made.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
    else:
        made, trainer = Tokenizer(models.WordLevel(**unknown)), trainers.WordLevelTrainer(**special)
        made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.train_from_iterator([ENGLISH] * 9, trainer)
    return UnknownText(PreTrainedTokenizerFast(tokenizer_object=made))


@pytest.mark.parametrize("kind", ["bytes", "byte fallback"])
@pytest.mark.parametrize("text", [ENGLISH, "Привет, мир", "你好", "\x00🙂"])
def test_a_vocabulary_of_bytes_lacks_no_text(kind, text):
    assert tokenizer(kind).bytes_in(text) == 0


@pytest.mark.parametrize("kind", ["skipped", "unigram", "words", "slow"])
@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        (ENGLISH, ""),
        ("the\n quick\t fox ", ""),  # white space that a tokenizer drops
        ("Привет мир", "Приветмир"),
        ("the fox Привет", "Привет"),
        ("the лис in a café", "лис"),
        ("दुनिया", "दनय"),  # letters without their vowel signs
        ("the fox " + "Ж" * 300, "Ж" * 300),
    ],
)
def test_other_vocabularies_lack_each_letter_that_they_have_not_seen(kind, text, unknown):
    assert tokenizer(kind).bytes_in(text) == len(unknown.encode())


def test_an_accent_that_normalization_joins_to_its_letter_is_known():
    assert tokenizer("unigram").bytes_in("in a cafe\u0301") == 0


def test_letters_that_a_tokenizer_without_offsets_writes_in_lower_case_or_joined_are_known():
    words = slow_words(lambda text: unicodedata.normalize("NFC", text).lower())
    assert words.bytes_in("The FOX in a Cafe\u0301") == 0
    assert words.bytes_in("The FOX ЛИС") == len("лис".encode())


@pytest.mark.parametrize("kind", ["words", "slow"])
def test_only_what_is_scored_counts(kind):
    unknown = tokenizer(kind)
    assert unknown.bytes_in("Привет the fox") == len("Привет".encode())
    assert unknown.bytes_in("Привет the fox", len("Привет")) == 0
    assert unknown.bytes_in("the fox Привет", len("the fox")) == len("Привет".encode())


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    from tiny_models import random_qwen3
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from relscale.scoring.engine import Engine

    folder = tmp_path_factory.mktemp("model")
    words = Tokenizer(models.WordLevel({"<unk>": 0, "</s>": 1, "the": 2, "fox": 3}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>").save_pretrained(folder)
    random_qwen3(8, 32).save_pretrained(folder)
    return Engine(folder, device="cpu")


@pytest.mark.parametrize(
    ("context", "text", "unknown"),
    [(None, "the fox", 0), (None, "лис", 6), ("the", " fox", 0), ("the", " лис", 6), ("лис", " fox", 0)],
)
def test_items_have_the_bytes_that_the_vocabulary_lacks(engine, context, text, unknown):
    from relscale.scoring.requests import Request
    from relscale.scoring.score import score_requests

    request = Request("t", "p", "g", None, "d", 0, True, context, text, len(text), len(text), 1, "ok")
    items = score_requests(engine, "s", [request], {})
    assert items["bytes_unknown"].to_pylist() == [unknown]
    assert items["status"].to_pylist() == ["ok"]


@pytest.mark.parametrize(
    ("text", "scored", "unknown"),
    [("лис лис the fox", " the fox", ""), ("the fox лис the", " лис the", "лис"), ("the fox", "", "")],
)
def test_the_tokens_of_context_of_a_document_do_not_count(engine, text, scored, unknown):
    scores = engine.score_texts([text], context_tokens=2)
    assert abs(scores.bytes_scored[0] - len(scored.encode())) <= 1  # with the space or without
    assert scores.bytes_unknown.tolist() == [len(unknown.encode())]
