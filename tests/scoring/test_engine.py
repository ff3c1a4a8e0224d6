import json
import shutil

import numpy as np
import pytest

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
    from lm_eval.api.instance import Instance

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
    logprobs, greedy = engine.scorer.score([Window(context, (said,)), Window(context, (other,))])
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
    assert other.scorer.forward.direct
    assert other.scorer.share
    other.scorer.forward.direct, other.scorer.share = direct, share
    windows = other.encoder.pairs(pairs)
    assert other.scorer.score(windows)[0] == pytest.approx(alone, abs=1e-4)


# Small models of every kind of position and attention: (configuration, its options, what they must not share).
KINDS = {
    "Qwen3": {"head_dim": 16, "num_key_value_heads": 2},
    "Llama": {"num_key_value_heads": 1},  # grouped queries
    "Mistral": {"num_key_value_heads": 2, "sliding_window": 40},  # shorter than the prompts
    "Gemma2": {
        "head_dim": 16,
        "num_key_value_heads": 2,
        "sliding_window": 40,
        "final_logit_softcapping": 1.0,
    },
    "GPT2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 160},  # learned positions
    "GPTNeo": {
        "attention_types": [[["global", "local"], 1]],
        "num_layers": 2,
        "num_heads": 2,
        "window_size": 40,
    },
    "OPT": {"ffn_dim": 64, "word_embed_proj_dim": 32},  # positions from the mask
    "Bloom": {"n_layer": 2, "n_head": 2},  # biases by distance in place of positions
    "GPTNeoX": {},
    "Mamba": {"state_size": 4},  # no attention
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request, tmp_path_factory, checkpoint):
    """A checkpoint of each kind, with the tokenizer of all."""
    import torch
    import transformers

    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    ends = {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0}
    own = KINDS[request.param]
    shape = {} if any(name.startswith("n_") for name in own) else shape
    config = getattr(transformers, f"{request.param}Config")(
        vocab_size=400, max_position_embeddings=160, **ends, **{**shape, **own}
    )
    model = getattr(transformers, f"{request.param}ForCausalLM", None) or getattr(
        transformers, f"{request.param}LMHeadModel"
    )
    built = model(config)
    for parameter in built.parameters():  # random enough that a wrong position shows
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    folder = tmp_path_factory.mktemp(request.param)
    built.save_pretrained(folder)
    for path in checkpoint.glob("tokenizer*"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def questions():
    """Two subjects, each with its own solved examples before every question; some too long for the models."""
    chance = np.random.default_rng(2)
    pairs = []
    for subject in range(2):
        examples = f"subject {subject}: {text(chance, 45)}"
        for question in range(8):
            asked = text(chance, 5 + 12 * question)
            pairs += [
                (f"{examples}\n{asked}\nanswer:", f" {text(chance, 1 + choice)}") for choice in range(3)
            ]
    return pairs


def test_any_model_scores_questions_behind_shared_examples_as_the_stock_harness_does(kind, questions, capsys):
    from lm_eval.models.huggingface import HFLM

    from relscale.scoring.engine import Engine

    engine = Engine(kind, device="cpu", batch_tokens=512)
    requests = [instance("loglikelihood", *pair) for pair in questions]
    stock = HFLM(str(kind), device="cpu", dtype="float32", batch_size=1)
    ours, theirs = engine.loglikelihood(requests), stock.loglikelihood(requests, disable_tqdm=True)
    assert [score for score, _ in ours] == pytest.approx([score for score, _ in theirs], abs=1e-4, rel=1e-6)
    assert [greedy for _, greedy in ours] == [greedy for _, greedy in theirs]
    said = "every item is computed by itself" in capsys.readouterr().err
    assert engine.scorer.share or said or kind.name.startswith(("Bloom", "Mamba", "GPTNeo0", "OPT"))


def test_examples_before_questions_are_read_once(make_checkpoint, questions, tmp_path, monkeypatch):
    from relscale.scoring.engine import Engine

    engine = Engine(make_checkpoint(tmp_path, context=400), device="cpu")
    prefixes, rows = [], []
    read, score = engine.scorer.forward.read_prefix, engine.scorer.forward.score_batch
    monkeypatch.setattr(
        engine.scorer.forward, "read_prefix", lambda tokens: (prefixes.append(len(tokens)), read(tokens))[1]
    )
    monkeypatch.setattr(
        engine.scorer.forward,
        "score_batch",
        lambda batch, *rest: (rows.append(batch.tokens.size), score(batch, *rest))[1],
    )
    engine.score_pairs(questions)  # the first time, numbers are verified as well
    prefixes.clear()
    rows.clear()
    engine.score_pairs(questions)
    windows = engine.encoder.pairs(questions)
    examples = [
        len(engine.encoder.pairs([(subject[0].split("\n")[0], " a")])[0].context)
        for subject in (questions[0], questions[-1])
    ]
    assert sorted(prefixes) == pytest.approx(sorted(examples), abs=2)
    needed = sum(len(window.context) for window in windows[::3]) - 8 * sum(prefixes)
    needed += sum(len(window.continuation) - 1 for window in windows)
    assert needed <= sum(rows) <= 1.6 * needed  # rows of a batch are as long as its longest


def test_memory_that_does_not_hold_a_batch_halves_it(checkpoint, pairs, alone, monkeypatch):
    import torch

    from relscale.scoring.engine import Engine

    engine = Engine(checkpoint, device="cpu", batch_tokens=4096)
    score_batch = engine.scorer.forward.score_batch

    def small(batch, *rest):
        if batch.tokens.size > 300:
            raise torch.OutOfMemoryError("too much")
        return score_batch(batch, *rest)

    monkeypatch.setattr(engine.scorer.forward, "score_batch", small)
    assert engine.score_pairs(pairs).logprob == pytest.approx(alone, abs=1e-4)
    assert engine.scorer.batches.batch_tokens < 600
    monkeypatch.setattr(
        engine.scorer.forward, "score_batch", lambda *_: small(type("Huge", (), {"tokens": np.zeros(999)}))
    )
    with pytest.raises(RelscaleError, match="does not fit the memory of cpu"):
        engine.score_pairs(pairs)


def test_bfloat16_is_near_float32(checkpoint, pairs, alone):
    from relscale.scoring.engine import Engine

    scores = Engine(checkpoint, dtype="bfloat16", device="cpu").score_pairs(pairs)
    assert scores.logprob == pytest.approx(alone, rel=0.05)


def test_lm_eval_knows_the_engine_by_name_and_its_own_models_still(checkpoint, tmp_path, no_survey):
    import lm_eval
    from lm_eval.tasks import TaskManager

    import relscale.scoring.lm_eval_model  # noqa: F401

    rows = [
        {"question": f"option {n}", "choices": ["the value", "none", "a"], "answer": n % 3} for n in range(9)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "task.yaml").write_text(
        f"task: options\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {tmp_path}/rows.jsonl}}}}\n"
        "test_split: test\noutput_type: multiple_choice\ndoc_to_text: question\ndoc_to_choice: choices\n"
        "doc_to_target: answer\nmetric_list: [{metric: acc}, {metric: acc_norm}, {metric: brier_score}]\n"
    )
    manager = TaskManager(include_defaults=False, include_path=str(tmp_path))
    found = [
        lm_eval.simple_evaluate(
            model,
            model_args={"pretrained": str(checkpoint), "dtype": "float32"},
            tasks=["options"],
            task_manager=manager,
            bootstrap_iters=0,
            batch_size=2,
            device="cpu",
        )["results"]["options"]
        for model in ("hf", "relscale")
    ]
    numbers = [{name: value for name, value in each.items() if isinstance(value, float)} for each in found]
    assert len(numbers[0]) >= 2
    assert numbers[1] == pytest.approx(numbers[0], abs=1e-6)


def test_an_argument_that_the_engine_does_not_have_is_refused_in_one_line(checkpoint):
    from relscale.scoring.engine import Engine

    with pytest.raises(RelscaleError, match="no argument 'peft'; there are pretrained, dtype"):
        Engine.create_from_arg_string(f"pretrained={checkpoint},peft=adapter", {"batch_size": 8})


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
    elif how == "a layer less than weights":
        config = json.loads((folder / "config.json").read_text())
        config |= {"num_hidden_layers": 1, "layer_types": ["full_attention"]}
        (folder / "config.json").write_text(json.dumps(config))
    elif how == "an adapter beside them":
        (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    elif how == "weights of whole numbers":
        change_weights(folder, "q_proj", lambda weight: (100 * weight).char())
    elif how == "weights of another shape":
        change_weights(folder, "q_proj", lambda weight: weight[:-1])
    elif how == "a tokenizer that cannot encode":
        settings = json.loads((folder / "tokenizer_config.json").read_text())
        (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"model_max_length": [512]}))
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
        ("a layer less than weights", "more layers than config.json describes"),
        ("an adapter beside them", "the folder has an adapter beside its weights"),
        ("weights of whole numbers", "weights are integers .I8., but config.json has no quantization_config"),
        ("weights of another shape", "not a readable checkpoint|lacks weights"),
        ("a tokenizer that cannot encode", "no readable tokenizer"),
        ("no tokenizer", "no tokenizer"),
    ],
)
def test_what_is_not_a_checkpoint_is_refused_in_one_line(tmp_path, checkpoint, how, message):
    from relscale.scoring.engine import Engine

    folder = tmp_path / "model"
    shutil.copytree(checkpoint, folder)
    broken(how, folder)
    with pytest.raises(RelscaleError, match=message) as error:
        Engine(folder, device="cpu")
    assert "\n" not in str(error.value)


def change_weights(folder, part, change):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    changed = {
        name: change(weight).contiguous() if part in name else weight for name, weight in weights.items()
    }
    save_file(changed, folder / "model.safetensors", metadata={"format": "pt"})


def test_tensors_that_are_no_part_of_the_model_change_nothing_and_are_named(tmp_path, checkpoint, capsys):
    from safetensors.torch import load_file, save_file

    from relscale.scoring.engine import Engine

    folder = tmp_path / "model"
    shutil.copytree(checkpoint, folder)
    weights = load_file(folder / "model.safetensors")
    some = next(iter(weights.values())).new_ones(2)
    weights |= {"model.layers.0.self_attn.q_proj.lora_A.weight": some, "vision.layers.9.weight": some.clone()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    found, expected = (
        Engine(each, device="cpu").score_texts(["a b c"]).logprob for each in (folder, checkpoint)
    )
    assert found == pytest.approx(expected)
    assert "lora_A.weight and 1 more" in capsys.readouterr().err


def test_a_tokenizer_may_have_tokens_that_its_model_does_not_know_where_no_text_has_them(
    tmp_path, checkpoint, make_checkpoint
):
    from relscale.scoring.engine import Engine

    larger = make_checkpoint(tmp_path / "larger", vocabulary=450)
    folder = tmp_path / "model"
    shutil.copytree(checkpoint, folder)
    shutil.copy(larger / "tokenizer.json", folder)
    engine = Engine(folder, device="cpu")
    known = engine.encoder.tokenizer
    strange, familiar = known.decode([449]), known.decode([100, 101])
    assert np.isfinite(engine.score_pairs([(familiar, familiar)]).logprob).all()
    for score in (
        lambda: engine.score_pairs([(familiar, familiar), (familiar, strange)]),
        lambda: engine.score_texts([familiar, strange]),
    ):
        with pytest.raises(RelscaleError, match=r"has token 4\d\d .* but the model has 400 tokens") as error:
            score()
        assert "\n" not in str(error.value)


def test_pickled_weights_are_read_only_where_the_user_says_so(tmp_path, checkpoint):
    import torch
    from safetensors.torch import load_file

    from relscale.scoring.engine import Engine

    folder = tmp_path / "model"
    shutil.copytree(checkpoint, folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(RelscaleError, match="its weights are pickled"):
        Engine(folder, device="cpu")
    assert Engine(folder, device="cpu", use_safetensors=False).scorer.share


def test_a_model_larger_than_the_memory_is_refused_before_it_is_loaded(checkpoint, monkeypatch):
    from relscale.scoring import checkpoint as module
    from relscale.scoring.engine import Engine

    monkeypatch.setattr(module, "available_bytes", lambda device: 1000)
    monkeypatch.setattr(module.AutoModelForCausalLM, "from_pretrained", None)
    with pytest.raises(RelscaleError, match=r"its weights need .* GB as float32, and cpu has 0\.0 GB free"):
        Engine(checkpoint, device="cpu")
