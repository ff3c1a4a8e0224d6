from dataclasses import replace

import pytest

from relscale.training import key
from relscale.training.key import run_key, tokens_digest

OPTIONS = {
    "threads": 1,
    "job": "budget",
    "precision": "float32",
    "validation_tokens": 100,
    "validation_points": 1,
}


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"batch_size": 8},
        {"train_steps": 41},
    ],
)
def test_another_design_is_another_run(run, change):
    assert run_key(replace(run, **change), "t", OPTIONS) != run_key(run, "t", OPTIONS)


def test_architecture_hyperparameters_and_tokens_count(run):
    wider = replace(run, architecture=replace(run.architecture, intermediate_size=65))
    faster = replace(run, hyperparameters=replace(run.hyperparameters, learning_rate=0.1))
    keys = [run_key(run, "t", OPTIONS), run_key(run, "u", OPTIONS)]
    keys += [run_key(other, "t", OPTIONS) for other in (wider, faster)]
    assert len(set(keys)) == 4


@pytest.mark.parametrize(
    "option",
    [
        {"precision": "bf16"},
        {"validation_tokens": 99},
        {"validation_points": 2},
        {"compile": True},
        {"checkpoints": [0.5]},
    ],
)
def test_options_that_change_the_result_count(run, option):
    assert run_key(run, "t", {**OPTIONS, **option}) != run_key(run, "t", OPTIONS)


@pytest.mark.parametrize(
    "option",
    [
        {"threads": 2},
        {"job": "run"},
        {"max_epochs": 9.0},
        {"precision": "auto"},
        {"save_every": 1},
        {"devices": 2, "strategy": "ddp", "micro_batch": 1, "activation_checkpointing": True},
    ],
)
def test_options_that_change_who_trains_it_do_not(run, option, monkeypatch):
    monkeypatch.setattr("relscale.training.precision.has_bf16", lambda: False)
    assert run_key(run, "t", {**OPTIONS, **option}) == run_key(run, "t", OPTIONS)


def test_the_code_of_the_runs_own_optimizer_counts(run, monkeypatch):
    asked = []
    monkeypatch.setattr(key, "code_digest", lambda *modules: asked.append(modules) or str(modules))
    adamw = replace(run, hyperparameters=replace(run.hyperparameters, optimizer="adamw"))
    assert run_key(run, "t", OPTIONS) != run_key(adamw, "t", OPTIONS)
    assert asked[0] == ("relscale.training.run", "relscale.training.optimizers.c_adamc")


def test_a_token_store_is_known_by_its_content(tokens, tmp_path):
    (tmp_path / "manifest.json").write_bytes((tokens / "manifest.json").read_bytes())
    assert tokens_digest(tmp_path) == tokens_digest(tokens)


def test_asking_for_keys_imports_no_torch():
    import subprocess
    import sys

    code = "import sys, relscale.training.job; assert not {'torch', 'lightning'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
