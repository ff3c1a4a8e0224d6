from dataclasses import replace
from types import SimpleNamespace

import pytest
from forgotten_digests import forget

from relscale import provenance
from relscale.training import numerical_path
from relscale.training.key import run_key, tokens_digest
from relscale.training.options import Training

OPTIONS = Training(precision="float32", validation_tokens=100)


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
    assert run_key(run, "t", OPTIONS.model_copy(update=option)) != run_key(run, "t", OPTIONS)


@pytest.mark.parametrize(
    "option",
    [
        {"job": "run"},
        {"max_epochs": 9.0},
        {"precision": "auto"},
        {"save_every": 1},
        {"devices": 2, "strategy": "ddp", "micro_batch": 1, "activation_checkpointing": True},
    ],
)
def test_options_that_change_who_trains_it_do_not(run, option, monkeypatch):
    monkeypatch.setattr(numerical_path, "_macros", lambda: frozenset(["__STDC__"]))
    monkeypatch.setattr("relscale.training.precision.has_bf16", lambda: False)
    assert run_key(run, "t", OPTIONS.model_copy(update=option)) == run_key(run, "t", OPTIONS)


@pytest.mark.parametrize("kernels", [True, False])
def test_threads_count_where_the_kernels_depend_on_them(run, kernels, monkeypatch):
    monkeypatch.setenv("CC", "cc")
    monkeypatch.setenv("RELSCALE_NATIVE", "1" if kernels else "0")
    keys = {
        threads: run_key(run, "t", OPTIONS.model_copy(update={"threads": threads})) for threads in (1, 2, 4)
    }
    assert (keys[1] != keys[2]) is kernels
    assert keys[2] == keys[4]


def test_the_kernels_count(run, monkeypatch):
    monkeypatch.setenv("CC", "cc")
    monkeypatch.delenv("RELSCALE_NATIVE", raising=False)
    with_kernels = run_key(run, "t", OPTIONS)
    monkeypatch.setenv("RELSCALE_NATIVE", "0")
    assert run_key(run, "t", OPTIONS) != with_kernels
    monkeypatch.setenv("RELSCALE_NATIVE", "1")
    assert run_key(run, "t", OPTIONS) == with_kernels
    monkeypatch.setenv("CC", "a compiler 'with one quote")
    assert run_key(run, "t", OPTIONS) != with_kernels


def test_the_kind_of_device_counts(run, monkeypatch):
    on_processor = run_key(run, "t", OPTIONS)
    monkeypatch.setattr(numerical_path, "has_gpu", lambda: True)
    assert run_key(run, "t", OPTIONS) != on_processor


def test_another_torch_is_another_run(run, monkeypatch):
    before = run_key(run, "t", OPTIONS)
    distribution, other = provenance.distribution, SimpleNamespace(read_text=lambda _: "Version: 0.0\n")
    monkeypatch.setattr(
        provenance, "distribution", lambda name: other if name == "torch" else distribution(name)
    )
    forget()
    assert run_key(run, "t", OPTIONS) != before
    monkeypatch.undo()
    forget()
    assert run_key(run, "t", OPTIONS) == before


@pytest.mark.slow
def test_of_the_optimizers_the_runs_own_counts(run, package):
    before = run_key(run, "t", OPTIONS)
    other = replace(run, hyperparameters=replace(run.hyperparameters, optimizer="muon"))
    assert run_key(other, "t", OPTIONS) != before
    muon = package / "training" / "optimizers" / "muon.py"
    muon.write_text(muon.read_text() + "\nSCALE = 2\n")
    forget()
    assert run_key(run, "t", OPTIONS) == before
    own = package / "training" / "optimizers" / "c_adamc.py"
    own.write_text(own.read_text() + "\nSCALE = 2\n")
    forget()
    assert run_key(run, "t", OPTIONS) != before


def test_a_token_store_is_known_by_its_content(tokens, tmp_path):
    (tmp_path / "manifest.json").write_bytes((tokens / "manifest.json").read_bytes())
    assert tokens_digest(tmp_path) == tokens_digest(tokens)


@pytest.mark.slow
def test_asking_for_keys_imports_no_torch():
    import subprocess
    import sys

    code = "import sys, relscale.training.job; assert not {'torch', 'lightning', 'lightning_fabric'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
