import json
import shutil

import numpy as np
import pytest
from lm_eval.api.instance import Instance

from relscale.errors import RelscaleError
from relscale.scoring.encoding import Window

pytestmark = pytest.mark.slow  # transformers takes seconds to import

WORDS = [
    "return",
    "the",
    "value",
    "of",
    "a",
    "parser",
    "action",
    "help",
    "message",
    "option",
    "string",
    "type",
    "none",
]


def text(chance, words):
    return " ".join(chance.choice(WORDS, words))


def instance(kind, *arguments):
    return Instance(kind, {}, arguments, 0, ("test", 0, 1))


@pytest.fixture(scope="module")
def pairs():
    """Questions with four answers; contexts that end in a space, are empty, or are longer than the model's."""
    chance = np.random.default_rng(0)
    contexts = [text(chance, chance.integers(1, 12)) + end for end in ["", " ", "\n\n", ":"] * 4]
    pairs = [(c, f" {text(chance, n)}") for c in contexts for n in (1, 2, 5, 8)]
    return [*pairs, ("", "value of"), ("option " * 100, "string type"), ("type", " none"), ("type", " none")]


@pytest.fixture(scope="module")
def texts():
    chance = np.random.default_rng(1)
    return [text(chance, n) for n in (1, 7, 40, 41, 150, 151, 400)]


@pytest.fixture(scope="module")
def engine(checkpoint):
    from relscale.scoring.engine import Engine

    return Engine(checkpoint, device="cpu", batch_tokens=256)


@pytest.fixture(scope="module")
def alone(engine, pairs):
    """Log-probabilities of the answers, each alone in a plain forward pass."""
    import torch

    scores = []
    for context, answer, _ in engine.encoder.pairs(pairs):
        with torch.inference_mode():
            logits = engine.model(torch.tensor([context + answer])).logits[0].double().log_softmax(-1)
        places = range(len(context) - 1, len(context) + len(answer) - 1)
        scores.append(sum(float(logits[place, token]) for place, token in zip(places, answer, strict=True)))
    return scores


@pytest.fixture(scope="module")
def stock(checkpoint):
    from lm_eval.models.huggingface import HFLM

    return HFLM(str(checkpoint), device="cpu", dtype="float32", batch_size=4)


def test_items_agree_with_the_stock_harness(engine, stock, pairs):
    requests = [instance("loglikelihood", *pair) for pair in pairs]
    ours, theirs = engine.loglikelihood(requests), stock.loglikelihood(requests, disable_tqdm=True)
    assert [score for score, _ in ours] == pytest.approx([score for score, _ in theirs], abs=1e-4, rel=1e-6)
    assert [greedy for _, greedy in ours] == [greedy for _, greedy in theirs]


def test_whole_texts_agree_with_the_stock_harness(engine, stock, texts):
    requests = [instance("loglikelihood_rolling", each) for each in texts]
    theirs = stock.loglikelihood_rolling(requests, disable_tqdm=True)
    assert engine.loglikelihood_rolling(requests) == pytest.approx(theirs, abs=1e-4, rel=1e-6)


def test_greedy_is_what_the_model_would_say(engine):
    import torch

    context = tuple(engine.encoder.tokenizer.encode("return the value"))
    said = int(engine.model(torch.tensor([context])).logits[0, -1].argmax())
    other = (said + 1) % 400
    logprobs, greedy = engine.score([Window(context, (said,)), Window(context, (other,))])
    assert greedy.tolist() == [True, False]
    assert logprobs[0] > logprobs[1]


@pytest.mark.parametrize(
    ("direct", "share", "batch_tokens"),
    [(False, False, 64), (True, False, 256), (True, True, 4096)],
)
def test_no_short_cut_and_no_batch_size_changes_a_number(
    checkpoint, pairs, alone, direct, share, batch_tokens
):
    from relscale.scoring.engine import Engine

    other = Engine(checkpoint, device="cpu", batch_tokens=batch_tokens)
    assert other.direct
    assert other.share
    other.direct, other.share = direct, share
    windows = other.encoder.pairs(pairs)
    assert other.score(windows)[0] == pytest.approx(alone, abs=1e-4)


def test_a_model_that_caps_its_logits_is_scored_through_its_own_forward_pass(tmp_path, checkpoint, pairs):
    import torch
    import transformers
    from lm_eval.models.huggingface import HFLM

    from relscale.scoring.engine import Engine

    torch.manual_seed(0)
    config = transformers.Gemma2Config(
        vocab_size=400,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        intermediate_size=64,
        max_position_embeddings=64,
        sliding_window=4,
        final_logit_softcapping=1.0,
        initializer_range=0.3,
        pad_token_id=0,
        bos_token_id=0,
        eos_token_id=0,
    )
    transformers.Gemma2ForCausalLM(config).save_pretrained(tmp_path)
    for path in checkpoint.glob("tokenizer*"):
        shutil.copy(path, tmp_path)
    engine = Engine(tmp_path, device="cpu")
    assert not engine.direct
    requests = [instance("loglikelihood", *pair) for pair in pairs]
    stock = HFLM(str(tmp_path), device="cpu", dtype="float32", batch_size=1)
    theirs = [score for score, _ in stock.loglikelihood(requests, disable_tqdm=True)]
    assert [score for score, _ in engine.loglikelihood(requests)] == pytest.approx(theirs, abs=1e-4, rel=1e-6)


def test_models_of_one_vocabulary_share_an_encoder(checkpoint):
    from relscale.scoring.engine import Engine

    encoders = {}
    first, second = (Engine(checkpoint, device="cpu", encoders=encoders) for _ in range(2))
    assert first.encoder is second.encoder


def test_tasks_that_generate_text_are_refused(engine):
    with pytest.raises(RelscaleError, match="tasks that generate text are not supported"):
        engine.generate_until([instance("generate_until", "a", {})])


def broken(how, folder):
    if how == "no config":
        (folder / "config.json").unlink()
    elif how == "no weights":
        (folder / "model.safetensors").unlink()
    elif how == "truncated weights":
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
    elif how == "a layer more than weights":
        config = json.loads((folder / "config.json").read_text())
        config |= {"num_hidden_layers": 3, "layer_types": ["full_attention"] * 3}
        (folder / "config.json").write_text(json.dumps(config))
    elif how == "no tokenizer":
        for path in folder.glob("tokenizer*"):
            path.unlink()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no config", "not a checkpoint; it needs config.json and safetensors"),
        ("no weights", "not a checkpoint"),
        ("truncated weights", "not a safetensors file"),
        ("a layer more than weights", "the checkpoint lacks weights"),
        ("no tokenizer", "no tokenizer"),
    ],
)
def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path, checkpoint, how, message):
    from relscale.scoring.engine import Engine

    folder = tmp_path / "model"
    shutil.copytree(checkpoint, folder)
    broken(how, folder)
    with pytest.raises(RelscaleError, match=message) as error:
        Engine(folder, device="cpu")
    assert "\n" not in str(error.value)


def test_a_tokenizer_larger_than_its_model_is_refused(tmp_path, checkpoint, make_checkpoint):
    from relscale.scoring.engine import Engine

    larger = make_checkpoint(tmp_path / "larger", vocabulary=450)
    folder = tmp_path / "model"
    shutil.copytree(checkpoint, folder)
    shutil.copy(larger / "tokenizer.json", folder)
    with pytest.raises(RelscaleError, match="the tokenizer has token 449, the model only 400"):
        Engine(folder, device="cpu")
