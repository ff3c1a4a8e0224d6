"""An item's number is a function of the model and the item alone, where architectures make that hard.

The architectures, their requests and the comparison with stock lm-eval are those of ``benchmarks/architectures.py``,
which holds all of transformers to the same.
"""

import json
import shutil

import architectures
import numpy as np
import pytest

from relscale.errors import RelscaleError

pytestmark = pytest.mark.slow  # transformers takes seconds to import


@pytest.fixture(scope="module")
def make(tmp_path_factory, checkpoint):
    """A function from the name of an architecture to a checkpoint of it."""
    cases = {case.name: case for case in architectures.cases()}

    def save(name, **changes):
        folder = tmp_path_factory.mktemp(name)
        cases[name].build().save_pretrained(folder)
        for path in checkpoint.glob("tokenizer*"):
            shutil.copy(path, folder)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))
        return folder

    return save


@pytest.mark.parametrize(
    "name",
    [
        "mistral-window-64",  # every layer sees 64 tokens
        "gemma3_text-window-64",  # some do
        "gpt_oss-window-64",  # and experts, and attention sinks
        "gpt_neo-window-64",  # windows counted by place in a row, not by position
        "llama4-chunk-64",  # chunks of a text, beside layers without positions
        "phi3-longrope",  # positions of the longest text in a batch
        "gemma3",  # a model that also sees
        "falcon-alibi",  # biases by place in a row
        "qwen3_next",  # a recurrence beside attention
    ],
)
def test_every_item_is_the_stock_harness_s_at_batch_size_1(make, name):
    found = architectures.compare(name, make(name))
    assert found.items > 0
    assert found.status == "agrees"


@pytest.mark.parametrize("name", ["bert", "bert-default-spread", "gemma3_text-bidirectional", "xlm-roberta"])
def test_what_sees_later_tokens_is_refused(make, name):
    from relscale.scoring.engine import Engine

    with pytest.raises(RelscaleError, match="is not a causal language model") as error:
        Engine(make(name), device="cpu")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["t5", "bart-seq2seq"])
def test_an_encoder_decoder_is_refused(make, name):
    from relscale.scoring.engine import Engine

    with pytest.raises(RelscaleError, match="is an encoder-decoder"):
        Engine(make(name), device="cpu")


@pytest.mark.parametrize("name", ["phi3-longrope", "mistral-window-64", "llama-dynamic"])
def test_no_company_and_no_order_changes_an_item(make, name):
    """Also where rotary factors outlive the text that they were made for: a context longer than the model's own."""
    from relscale.scoring.engine import Engine

    longer = {"n_positions": 320} if name == "llama-dynamic" else {}
    folder = make(name, **longer)
    words = [
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
    chance = np.random.default_rng(0)
    pairs = [
        (" ".join(chance.choice(words, size)), " " + " ".join(chance.choice(words, more)))
        for size in (3, 20, 60, 100 if longer else 30)
        for more in (1, 20)
    ]
    alone = [float(Engine(folder, device="cpu").score_pairs([pair]).logprob[0]) for pair in pairs]
    for order in (pairs, pairs[::-1]):
        engine = Engine(folder, device="cpu", batch_tokens=1024)
        together = dict(zip(order, engine.score_pairs(order).logprob.tolist(), strict=True))
        assert [together[pair] for pair in pairs] == pytest.approx(alone, abs=1e-4, rel=1e-6)


def spoilt(checkpoint, folder, spoil):
    """A copy of a checkpoint with some of its weights changed."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(checkpoint, folder)
    weights = load_file(folder / "model.safetensors")
    spoil(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    "name", ["lm_head.weight", "model.layers.0.mlp.down_proj.weight", "model.norm.weight"]
)
def test_a_model_without_one_finite_number_is_refused(tmp_path, checkpoint, name, value):
    from relscale.scoring.engine import Engine

    def spoil(weights):
        weights[name][:] = value

    with pytest.raises(RelscaleError, match="gives no finite number") as error:
        Engine(spoilt(checkpoint, tmp_path / "model", spoil), device="cpu")
    assert "\n" not in str(error.value)


def test_only_items_that_meet_a_spoilt_weight_have_no_number(tmp_path, checkpoint):
    """Padding is token 0, and siblings share a row: the spoilt token is in the rows of others too."""
    from relscale.scoring.engine import Engine

    questions = [
        ("return the value of the parser", f" {answer}") for answer in ("none", "option string", "type")
    ]
    questions += [("help", " the message of a long action"), ("help", " none")]
    tokens = {
        "padding": 0,
        "an answer's": Engine(checkpoint, device="cpu").encoder.pairs(questions)[1].continuation[0],
    }
    whole = Engine(checkpoint, device="cpu").score_pairs(questions)
    for token in tokens.values():

        def spoil(weights, token=token):
            weights["model.embed_tokens.weight"][token] = np.nan

        folder = spoilt(checkpoint, tmp_path / f"model-{token}", spoil)
        engine = Engine(folder, device="cpu")
        found = engine.score_pairs(questions)
        reads = [token in (*w.context, *w.continuation[:-1]) for w in engine.encoder.pairs(questions)]
        assert np.isnan(found.logprob).tolist() == reads
        assert not found.greedy[reads].any()
        apart = ~np.array(reads)
        assert found.logprob[apart] == pytest.approx(whole.logprob[apart], abs=1e-4)


def test_of_tokens_that_are_equally_likely_the_first_is_greedy_as_in_the_stock_harness(tmp_path, checkpoint):
    """An output matrix that was not trained may be 0 throughout; then no answer is what the model would say."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from relscale.scoring.engine import Engine

    def spoil(weights):
        weights["lm_head.weight"][:] = 0

    folder = spoilt(checkpoint, tmp_path / "model", spoil)
    pairs = [("return the value", f" {answer}") for answer in ("none", "option string", "type")]
    asked = [Instance("loglikelihood", {}, pair, 0, ("", 0, 1)) for pair in pairs]
    stock = HFLM(str(folder), device="cpu", dtype="float32", batch_size=1).loglikelihood(
        asked, disable_tqdm=True
    )
    assert Engine(folder, device="cpu").score_pairs(pairs).greedy.tolist() == [greedy for _, greedy in stock]
