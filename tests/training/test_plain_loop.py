"""Training against the plainest loop there is: transformers' own Qwen3, eager, with torch's AdamW."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from relscale.storage.tables import read_table
from relscale.tokens.store import TokenStore
from relscale.training.checkpoint import huggingface_config
from relscale.training.model import Decoder

pytestmark = pytest.mark.slow
SEEDS = (0, 1, 2)
# With a padding token transformers would not train that token's embedding; here it ends documents.
NOT_SETTINGS = ("architectures", "model_type", "dtype", "pad_token_id")


def plain_curve(run, tokens):
    """Losses of every step: nothing but transformers, torch and the published schedule."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    h, a = run.hyperparameters, run.architecture
    torch.manual_seed(run.seed)
    start = Decoder(a)  # the same weights to begin with
    settings = {name: value for name, value in huggingface_config(a, 0).items() if name not in NOT_SETTINGS}
    model = Qwen3ForCausalLM(Qwen3Config(**settings, attn_implementation="eager", use_cache=False))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(start.state_dict()[name.removeprefix("model.")])
    norms_and_embedding = [p for n, p in model.named_parameters() if p.ndim == 1 or "embed_tokens" in n]
    kept = {id(p) for p in norms_and_embedding}
    matrices = [p for p in model.parameters() if id(p) not in kept]
    optimizer = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": h.weight_decay},
            {"params": norms_and_embedding, "weight_decay": 0.0},
        ],
        lr=h.learning_rate,
        betas=(h.beta1, h.beta2),
        eps=h.epsilon,
    )
    store = TokenStore.open(tokens)
    warmup, decay = h.warmup * run.train_steps, h.decay * run.train_steps
    losses = []
    for step in range(run.train_steps):
        rate = h.learning_rate * min(1, step / warmup, (run.train_steps - step) / decay)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = torch.from_numpy(store.batch(step, run.batch_size, a.sequence_length, seed=run.seed))
        logits = model(batch[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), h.gradient_clip)
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


def test_losses_are_those_of_a_plain_loop(run, tokens, vocabulary, tmp_path):
    from relscale.training.data import TrainingData
    from relscale.training.options import Training
    from relscale.training.run import train_run

    # With ε as small as the recipes' Adam makes steps of rounding errors, where gradients are nearly 0.
    calm = replace(run.hyperparameters, optimizer="adamw", learning_rate=5e-3, epsilon=1e-8)
    ends = []
    for seed in SEEDS:
        one = replace(run, seed=seed, hyperparameters=calm)
        folder = tmp_path / str(seed)
        options = Training(precision="float32", validation_tokens=500)
        train_run(one, TrainingData(tokens, vocabulary), folder, options)
        ours = read_table(folder / "curve.parquet")["train_loss"].to_numpy()
        plain = plain_curve(one, tokens)
        np.testing.assert_allclose(ours, plain, rtol=5e-3)
        ends.append((ours[-5:].mean(), plain[-5:].mean()))
        assert json.loads((folder / "run.json").read_text())["status"] == "ok"
    ours, plain = np.array(ends).T
    assert ours.mean() == pytest.approx(plain.mean(), rel=5e-3)
    assert plain.mean() < 0.9 * np.log(300)
