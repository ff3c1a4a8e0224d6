"""Weights of eight and four bits in scoring."""

import math
from pathlib import Path

import pyarrow as pa
import pytest
import torch

from relscale.errors import RelscaleError
from relscale.measurements.quantization import refuse_mixed_formats, with_quantization
from relscale.scoring.items import SCHEMA
from relscale.scoring.job import items_key
from relscale.scoring.options import Scoring
from relscale.scoring.scores import Score
from relscale.storage.entries import write_entries
from relscale.storage.tables import write_table
from relscale.studies.quantization_effect import item_effects

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def quantization():
    from relscale.scoring import quantization  # and transformers

    return quantization


def test_weights_are_whole_numbers_times_the_scale_of_a_channel_or_a_group(quantization):
    rounded, group = quantization.rounded, quantization.GROUP
    weight = torch.tensor([[0.5, -1.27, 0.004], [0.0, 0.0, 0.0]])
    expected = torch.tensor([[0.5, -1.27, 0.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(rounded(weight, "int8"), expected, rtol=0, atol=1e-6)
    groups = torch.cat(
        [torch.tensor([[7.0, 2.4]]), torch.zeros(1, group - 2), torch.tensor([[0.7, 0.24]])], 1
    )
    four = rounded(groups, "int4")[0]
    assert four[:2].tolist() == [7.0, 2.0]
    assert four[group:].tolist() == pytest.approx([0.7, 0.2])  # a group of its own, shorter than the others


@pytest.mark.parametrize(("bits", "most"), [("int8", 127), ("int4", 7)])
def test_no_weight_moves_by_more_than_half_a_step(quantization, bits, most):
    weight = torch.randn(5, 2 * quantization.GROUP + 3, generator=torch.Generator().manual_seed(0))
    moved = (quantization.rounded(weight, bits) - weight).abs()
    assert moved.max() <= weight.abs().max() / most / 2 + 1e-6
    assert moved.max() > 0


def test_a_model_is_rounded_but_its_embeddings_and_output_are_not(checkpoint):
    from relscale.scoring.engine import Engine

    plain, rough = (Engine(checkpoint, device="cpu", quantization=each).model for each in ("none", "int4"))
    changed = {
        name.rpartition(".")[0]
        for (name, before), after in zip(plain.named_parameters(), rough.parameters(), strict=True)
        if not torch.equal(before, after)
    }
    assert changed
    assert all("layers" in name or ".h." in name for name in changed)
    head = plain.get_output_embeddings().weight
    assert torch.equal(head, rough.get_output_embeddings().weight)


@pytest.fixture
def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config(n_embd=40, n_layer=1, n_head=2, vocab_size=30, n_positions=16))


@pytest.mark.parametrize("bits", ["int8", "int4"])
def test_the_transposed_matrices_of_gpt2_are_rounded_by_their_output_channels(quantization, gpt2, bits):
    before = {name: weight.clone() for name, weight in gpt2.named_parameters()}
    quantization.quantize(gpt2, bits)
    for name, weight in gpt2.named_parameters():
        is_matrix = ".h." in name and weight.ndim == 2
        expected = quantization.rounded(before[name].t(), bits).t() if is_matrix else before[name]
        assert torch.equal(weight, expected)
        assert torch.equal(weight, before[name]) is not is_matrix


def test_weights_that_would_not_be_rounded_are_refused(quantization, gpt2):
    gpt2.register_parameter("experts", torch.nn.Parameter(torch.ones(8, 100, 100)))
    with pytest.raises(RelscaleError, match="most of its weights are not in linear layers"):
        quantization.quantize(gpt2, "int8")
    gpt2.config.quantization_config = {"quant_method": "bitsandbytes"}
    with pytest.raises(RelscaleError, match="its weights are quantized already"):
        quantization.quantize(gpt2, "int8")


def test_samples_that_others_logged_are_not_said_to_be_of_quantized_weights():
    rows = pa.table({"suite": ["mmlu", "mmlu", "validation"], "run": ["own", "logged", "own"]})
    formats = with_quantization(rows, "int8", ["logged"])
    assert formats["quantization"].to_pylist() == ["int8", "none", "none"]
    with pytest.raises(RelscaleError, match="weights of int8 and none"):
        refuse_mixed_formats(formats)


def test_scores_of_quantized_weights_have_a_name_of_their_own():
    keys = [items_key("run", "suite", Scoring(quantization=each)) for each in ("none", "int8", "int4")]
    assert len(set(keys)) == 3


def measured(suite, quantization):
    return with_quantization(pa.table({"suite": [suite, "validation"]}), quantization)


def test_formats_of_weights_are_not_mixed_in_a_fit():
    both = pa.concat_tables([measured("mmlu", "none"), measured("mmlu", "int8")], promote_options="default")
    with pytest.raises(RelscaleError, match=r"weights of int8 and none .* fit the tables separately"):
        refuse_mixed_formats(both)
    for name in ("none", "int8"):
        refuse_mixed_formats(measured("mmlu", name))
    assert measured("mmlu", "int8")["quantization"].to_pylist() == ["int8", "none"]
    assert "quantization" not in measured("mmlu", "none").column_names


def scored(folder: Path, logprobs: list[float], key: str = "k") -> Path:
    """Results with two questions of two choices, whose first is right, and a document of 10 bytes."""
    places = [("q1", 0), ("q1", 1), ("q2", 0), ("q2", 1), ("d", 0)]
    rows = [
        {
            "suite": "s",
            "task": "documents" if doc == "d" else "questions",
            "prompt": "default",
            "group": "texts" if doc == "d" else "facts",
            "doc_id": doc,
            "choice": choice,
            "target": choice == 0,
            "logprob": logprob,
            "bytes_answer": 10,
            "bytes_scored": 10,
            "request_digest": 0,
            "status": "ok",
        }
        for (doc, choice), logprob in zip(places, logprobs, strict=True)
    ]
    items = folder / "items.parquet"
    write_table(pa.Table.from_pylist(rows, schema=SCHEMA), items)
    score = Score(name="r", run_key=key, suite="s", items=str(items), bytes=1, status="ok", cut=0)
    write_entries(folder / "scores" / "c" / "all.json", [score])
    return folder


def test_the_effect_counts_answers_that_flip_and_nats_that_are_lost(tmp_path):
    first = scored(tmp_path / "a", [-1.0, -2.0, -1.0, -2.0, -10.0])
    second = scored(tmp_path / "b", [-1.5, -2.0, -2.5, -2.0, -10.0 - 10 * math.log(2)])
    facts, texts = item_effects(first, second)
    assert (facts.group, facts.items, facts.flip_rate, facts.logprob_change) == ("facts", 2, 0.5, -1.0)
    assert (texts.flip_rate, texts.models) == (None, 1)
    assert texts.bits_per_byte_change == pytest.approx(1.0)


def test_another_training_of_the_same_design_is_no_effect_of_quantization(tmp_path):
    first = scored(tmp_path / "a", [-1.0, -2.0, -1.0, -2.0, -10.0])
    second = scored(tmp_path / "b", [-1.5, -2.0, -2.5, -2.0, -11.0], key="another")
    with pytest.raises(RelscaleError, match="r is not the same training run as in the first folder"):
        list(item_effects(first, second))


def test_results_without_scores_are_refused(tmp_path):
    with pytest.raises(RelscaleError, match="no scores; run the experiment first"):
        list(item_effects(tmp_path, tmp_path))
