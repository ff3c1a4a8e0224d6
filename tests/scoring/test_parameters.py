"""Parameters are those of the model, whatever lies in its folder."""

import json
import shutil
import sys

import pytest

from relscale.errors import RelscaleError
from relscale.scoring.parameters import count_parameters
from relscale.scoring.safetensors_header import weight_files, weights_bytes

pytestmark = pytest.mark.slow  # transformers takes seconds to import


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def loaded(folder):
    from transformers import AutoModelForCausalLM

    return sum(each.numel() for each in AutoModelForCausalLM.from_pretrained(folder).parameters())


def with_buffers(folder, weights):
    """The masks that GPT-2 and Pythia have stored beside their weights."""
    import torch

    return {f"model.layers.{n}.attn.bias": torch.ones(1, 1, 64, 64) for n in range(2)}


def with_tied_weights_twice(folder, weights):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": True}))
    return {"lm_head.weight": weights["model.embed_tokens.weight"].clone()}


def with_another_format(folder, weights):
    shutil.copy(folder / "model.safetensors", folder / "consolidated.safetensors")
    return {}


def with_layers_that_are_not_loaded(folder, weights):
    return {"mtp.layers.0.weight": weights["lm_head.weight"].clone()}


def with_scales(folder, weights):
    import torch

    return {"model.layers.0.mlp.up_proj.weight_scale_inv": torch.ones(8, 8)}


def with_an_optimizer(folder, weights):
    shutil.copy(folder / "model.safetensors", folder / "optimizer.safetensors")
    return {}


@pytest.mark.parametrize(
    "more",
    [
        with_buffers,
        with_tied_weights_twice,
        with_another_format,
        with_layers_that_are_not_loaded,
        with_scales,
        with_an_optimizer,
    ],
)
def test_what_is_counted_is_what_is_loaded(tmp_path, checkpoint, more):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(checkpoint, folder)
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, **more(folder, weights)}, folder / "model.safetensors", metadata={"format": "pt"})
    assert count_parameters(folder) == loaded(folder)
    assert [file.name for file in weight_files(folder)] == ["model.safetensors"]


def test_a_count_is_remembered_until_the_configuration_changes(tmp_path, checkpoint, monkeypatch):
    folder = tmp_path / "model"
    shutil.copytree(checkpoint, folder)
    count = count_parameters(folder)
    monkeypatch.setitem(sys.modules, "transformers", None)  # any import of it fails
    assert count_parameters(folder) == count
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 65}))
    with pytest.raises(ImportError):
        count_parameters(folder)
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert count_parameters(folder) == count + 2 * 3 * 32


@pytest.mark.parametrize("text", ["{}", "{", '{"model_type": "no such type"}', '{"model_type": "t5"}'])
def test_what_cannot_be_counted_is_said_in_one_sentence(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(RelscaleError, match="cannot be counted") as error:
        count_parameters(tmp_path)
    assert "\n" not in str(error.value)


def test_shards_are_those_that_the_index_names(tmp_path, checkpoint):
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(checkpoint).save_pretrained(tmp_path, max_shard_size="40KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    shutil.copy(shards[0], tmp_path / "consolidated.safetensors")
    assert len(shards) > 1
    assert weight_files(tmp_path) == shards
    assert weights_bytes(tmp_path) == 4 * loaded(tmp_path)
    shards[1].unlink()
    with pytest.raises(RelscaleError, match=f"{shards[1].name}: no such file"):
        weights_bytes(tmp_path)
