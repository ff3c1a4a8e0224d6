"""Do matrices keep their scale over widths?"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from relscale.cli import main
from relscale.design.recipes.laptop import architecture, hyperparameters
from relscale.design.run import Run
from relscale.studies.singular_values import singular_values, width_exponents
from relscale.studies.singular_values_figure import singular_values_figure
from relscale.training.record import TrainingRecord

STEPS, RATE, DECAY = 600, 0.05, 0.2  # six times 1/(ηλ) steps


def settled(width: int) -> np.ndarray:
    """A matrix under AdamW (β 0.9 and 0.99) and random gradients."""
    chance = np.random.default_rng(width)
    weight, first, second = np.zeros((3, width, width))
    for step in range(1, STEPS + 1):
        gradient = chance.standard_normal((width, width))
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        update = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
        weight = (1 - RATE * DECAY) * weight - RATE * update
    return weight


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    rows = []
    for width in (16, 32, 64):
        folder = tmp_path_factory.mktemp(f"w{width}")
        weights = {"model.layers.0.mlp.up_proj.weight": settled(width), "model.norm.weight": np.ones(width)}
        save_file(weights, folder / "model.safetensors")
        a = architecture(width, 32, 300)
        h = replace(hyperparameters("c-adamc", a, 4), learning_rate=RATE, weight_decay=DECAY)
        record = TrainingRecord(
            **(dict.fromkeys(TrainingRecord.__dataclass_fields__, 0) | {"name": str(width), "step": STEPS})
        )
        record = replace(record, run=Run("c", 1e9, 0, a, 4, STEPS, h))
        rows += singular_values(folder, record)
    return rows


def test_random_gradients_settle_at_the_scale_of_rate_by_decay_and_grow_as_the_root_of_the_width(rows):
    """‖W‖_F is about d √(η / 2λ), and σ_max about √(2 d η / λ): the exponent is ½."""
    for row in rows:
        assert row.scale == pytest.approx((RATE / DECAY) ** 0.5)
        assert row.frobenius == pytest.approx(row.width * row.scale / 2**0.5, rel=0.15)
        assert row.sigma_max == pytest.approx((2 * row.width) ** 0.5 * row.scale, rel=0.25)
    (exponent,) = width_exponents(rows)
    assert exponent.scaled_exponent == pytest.approx(0.5, abs=0.1)
    assert exponent.note is None
    young = [replace(row, settled=1.0) for row in rows]
    (exponent,) = width_exponents(young)
    assert exponent.note == "3 of 3 matrices have not settled (fewer than 3/(η·λ) steps)"


def test_optimizers_are_not_mixed(rows):
    larger = [replace(row, optimizer="muon", sigma_max=row.sigma_max * row.width) for row in rows]
    one, other = width_exponents([*rows, *larger])
    assert (one.optimizer, other.optimizer) == ("c-adamc", "muon")
    assert other.sigma_exponent == pytest.approx(one.sigma_exponent + 1)


def test_the_figure_has_a_line_per_width_and_points_per_kind(rows):
    figure = singular_values_figure(rows)
    names = {trace.name for trace in figure.data}
    assert {"16", "32", "64", "up_proj"} <= names


def test_without_weight_decay_there_is_no_scale_and_the_figure_says_so(rows):
    figure = singular_values_figure([replace(row, scale=None, settled=0.0) for row in rows])
    assert "the weight decay is 0" in str(figure)
    assert "up_proj" not in {trace.name for trace in figure.data}


@pytest.mark.parametrize("verb", ["singular-values", "branches"])
def test_models_that_are_not_trained_are_one_sentence(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("new.yaml").write_text(
        "{experiment: new, sources: {web: {kind: files, path: web}}, corpora: {web: {source: web}}, "
        "design: {recipe: laptop, flop_accounting: training, sequence_length: 256, budgets: [2e11], widths: [24]}, "
        "training: {branches: {from: [0.5], tokens: 1e5}}}"
    )
    assert main([verb, "new.yaml"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("2e11.json: no such file; train the models first (relscale run CONFIG)")
