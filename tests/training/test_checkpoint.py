import json
import math

import pytest
import torch

from relscale.design.architecture import Architecture
from relscale.training.checkpoint import export, huggingface_config
from relscale.training.model import Decoder
from relscale.training.vocabulary import read_vocabulary

pytestmark = pytest.mark.slow

SHAPES = [
    Architecture(300, 32, 16, 1, 1, 1, 16, 64),
    Architecture(300, 32, 24, 2, 6, 2, 10, 50),  # grouped queries; heads wider in all than the model
    Architecture(300, 32, 40, 3, 4, 1, 4, 7),  # one key head; heads narrower in all
]


@pytest.mark.parametrize("a", SHAPES, ids=str)
def test_transformers_loads_the_checkpoint_and_gives_the_same_logits(a, vocabulary, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    model = Decoder(a)
    for parameter in model.parameters():  # norms off 1, logits far from flat
        torch.nn.init.uniform_(parameter, -0.5, 1.0)
    export(model.state_dict(), a, 0, read_vocabulary(vocabulary).files, tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path)
    tokens = torch.randint(a.vocabulary_size, (2, a.sequence_length))
    with torch.no_grad():
        ours, expected = model(tokens), theirs(tokens).logits
    assert type(theirs).__name__ == "Qwen3ForCausalLM"
    assert expected.std() > 0.5
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)
    text = "two plus two — café\n"
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer.eos_token_id == theirs.config.eos_token_id


def test_the_config_is_json_and_says_the_shape(vocabulary):
    a = SHAPES[1]
    config = json.loads(json.dumps(huggingface_config(a, 0)))
    assert config["num_attention_heads"] * config["head_dim"] == 60 != config["hidden_size"]
    assert config["tie_word_embeddings"] is False


def test_a_vocabulary_knows_the_bytes_of_every_token(vocabulary):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(vocabulary / "tokenizer.json"))
    words = read_vocabulary(vocabulary)
    text = "three plus four — café — is seven.\n日本語 🙂"
    assert words.bytes[tokenizer.encode(text).ids].sum() == len(text.encode())
    assert words.bytes[tokenizer.token_to_id("<|endoftext|>")] == 0
    assert len(words.bytes) == tokenizer.get_vocab_size()


def test_a_folder_without_tokenizer_is_refused(tmp_path):
    from relscale.errors import RelscaleError

    with pytest.raises(RelscaleError, match=r"tokenizer\.json: no such file"):
        read_vocabulary(tmp_path)


def test_validation_predicts_every_token_but_the_first_once():
    import numpy as np

    from relscale.training.validation import bits_per_byte, mean_loss, windows

    tokens = np.arange(1000) % 70
    batches = windows(tokens, 32)
    assert torch.cat([batch[:, 1:].flatten() for batch in batches]).tolist() == tokens[1:].tolist()
    assert torch.cat([batch[:, :-1].flatten() for batch in batches]).tolist() == tokens[:-1].tolist()
    model = Decoder(Architecture(70, 32, 8, 1, 1, 1, 8, 16))
    torch.nn.init.zeros_(model.lm_head.weight)
    assert mean_loss(model.loss, batches) == pytest.approx(math.log(70))
    # Seven bits a token, of two bytes each but for token 0, which has none.
    bytes_of = np.full(70, 2)
    bytes_of[0] = 0
    expected = 7 * 999 / (2 * np.count_nonzero(tokens[1:]))
    assert bits_per_byte(7 * math.log(2), tokens, bytes_of) == pytest.approx(expected)
