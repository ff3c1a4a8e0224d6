"""Text that a vocabulary lacks: a model predicts a token for all of it, or nothing, and no text."""

import pytest

from relscale.scoring.unknown_text import UnknownText

pytestmark = pytest.mark.slow  # transformers takes seconds to import

ENGLISH = "the quick brown fox jumps over the lazy dog <unk> in a café"


def tokenizer(kind):
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
    assert tokenizer(kind).count(text) == 0


@pytest.mark.parametrize("kind", ["skipped", "unigram", "words"])
@pytest.mark.parametrize(
    ("text", "count"),
    [
        (ENGLISH, 0),
        ("the\n quick\t fox ", 0),  # white space that a tokenizer drops
        ("Привет мир", 9),
        ("the fox Привет", 6),
        ("the лис in a café", 3),
        ("दुनिया", 3),  # three letters with their vowel signs
    ],
)
def test_other_vocabularies_lack_each_letter_that_they_have_not_seen(kind, text, count):
    assert tokenizer(kind).count(text) == count


def test_an_accent_that_normalization_joins_to_its_letter_is_known():
    assert tokenizer("unigram").count("in a cafe\u0301") == 0


def test_only_what_is_scored_counts():
    unknown = tokenizer("words")
    assert unknown.is_in("Привет the fox")
    assert not unknown.is_in("Привет the fox", len("Привет"))
    assert unknown.is_in("the fox Привет", len("the fox"))


def test_one_unknown_character_of_a_long_text_is_tolerated():
    unknown = tokenizer("unigram")
    assert not unknown.is_in(ENGLISH * 3 + " и")
    assert unknown.is_in(ENGLISH + " и")


def test_a_language_that_the_vocabulary_lacks_is_flagged_in_its_items(tmp_path):
    from tiny_models import random_qwen3
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from relscale.scoring.engine import Engine
    from relscale.scoring.requests import Request
    from relscale.scoring.score import score_requests

    words = Tokenizer(models.WordLevel({"<unk>": 0, "</s>": 1, "the": 2, "fox": 3}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>").save_pretrained(tmp_path)
    random_qwen3(8, 32).save_pretrained(tmp_path)
    texts = [(None, "the fox"), (None, "лис"), ("the", " fox"), ("the", " лис"), ("лис", " fox")]
    requests = [
        Request("t", "p", "g", None, str(n), 0, True, context, text, len(text), len(text), n, "ok")
        for n, (context, text) in enumerate(texts)
    ]
    items = score_requests(Engine(tmp_path, device="cpu"), "s", requests, {})
    assert items["status"].to_pylist() == ["ok", "unknown characters", "ok", "unknown characters", "ok"]
