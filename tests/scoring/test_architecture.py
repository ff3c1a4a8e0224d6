"""What a configuration says of how far a text's computation may be shared."""

import pytest

pytestmark = pytest.mark.slow  # transformers takes seconds to import

STRETCHED = {
    "rope_type": "longrope",
    "rope_theta": 1e4,
    "factor": 4.0,
    "short_factor": [1.0] * 2,
    "long_factor": [2.0] * 2,
}
SIZES = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}


def described(kind, **options):
    import transformers

    from relscale.scoring.architecture import describe

    found = describe(getattr(transformers, f"{kind}Config")(**SIZES, **options))
    return found.span, found.padded


@pytest.mark.parametrize(
    ("kind", "options", "span"),
    [
        ("Mistral", {"sliding_window": 40}, 40),
        ("Mistral", {"sliding_window": None}, None),
        ("Gemma3Text", {"sliding_window": 40}, 40),
        ("Qwen2", {"sliding_window": 40, "use_sliding_window": False}, None),
        ("Qwen2", {"sliding_window": 40, "use_sliding_window": True}, 40),
        ("Llama4Text", {"attention_chunk_size": 40}, 40),
        ("GPTNeo", {"attention_types": [[["global", "local"], 1]], "window_size": 40}, 40),
        ("ModernBertDecoder", {"local_attention": 40}, 20),
        ("Qwen3Next", {"layer_types": ["linear_attention", "full_attention"]}, 0),
        ("Llama", {}, None),
    ],
)
def test_sharing_ends_with_the_shortest_window_and_a_recurrence_has_none(kind, options, span):
    from relscale.scoring.architecture import UNLIMITED

    assert described(kind, **options) == (UNLIMITED if span is None else span, UNLIMITED)


@pytest.mark.parametrize(
    ("kind", "options", "length"),
    [
        ("Phi3", {"original_max_position_embeddings": 48, "rope_parameters": STRETCHED}, 48),
        ("Llama", {"rope_parameters": STRETCHED | {"original_max_position_embeddings": 48}}, 48),
        ("Llama", {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}}, 96),
        ("Llama", {"rope_scaling": {"type": "dynamic", "factor": 2.0}}, 96),
        ("Llama", {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}, None),
        ("DeepseekV32", {"index_topk": 40}, 40),
    ],
)
def test_rows_are_padded_as_long_as_nothing_follows_the_longest_of_a_batch(kind, options, length):
    from relscale.scoring.architecture import UNLIMITED

    _, padded = described(kind, max_position_embeddings=96, **options)
    assert padded == (UNLIMITED if length is None else length)


def test_a_model_that_also_sees_is_described_by_the_part_that_reads():
    import transformers

    from relscale.scoring.architecture import describe

    config = transformers.Gemma3Config(text_config={**SIZES, "sliding_window": 40})
    assert describe(config).span == 40
