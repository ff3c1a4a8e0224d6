"""The gradient noise scale: of a linear regression, whose answer is known, and of a training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from relscale.errors import RelscaleError
from relscale.storage.tables import read_table
from relscale.tokens.store import TokenStore
from relscale.training.batch_gradient import batch_gradient
from relscale.training.data import TrainingData
from relscale.training.distributed_model import DistributedModel
from relscale.training.fabric import launch
from relscale.training.model import Decoder
from relscale.training.noise_scale import (
    GradientMoments,
    divided,
    gradient_moments,
    inner_product_test,
    noise_scale,
    norm_test,
    smoothed,
    variance_along,
)
from relscale.training.options import NoiseScale, Training, check_noise_scale
from relscale.training.run import train_run

pytestmark = pytest.mark.slow

WIDTH, NOISE = 50, 2.0
EXACT = WIDTH + 1 + WIDTH * NOISE**2  # of the loss (x·w − y)²/2 at distance 1 from its least: 251


def regression(batches: int, count: int, size: int) -> GradientMoments:
    """Moments of the gradients of so many batches of ``count`` micro-batches of ``size`` samples."""
    chance = np.random.default_rng(0)
    x = chance.standard_normal((batches, count, size, WIDTH))
    error = x[..., 0] - NOISE * chance.standard_normal(
        (batches, count, size)
    )  # w − w* is the first unit vector
    gradients = np.einsum("bks,bksd->bkd", error, x) / size
    sum_squared = np.square(gradients.sum(1)).sum(-1)
    return gradient_moments(
        torch.tensor(sum_squared), torch.tensor(np.square(gradients).sum((1, 2))), count, size
    )


def test_the_noise_scale_of_a_regression_is_d_plus_1_plus_d_sigma_squared_by_delta_squared():
    each = regression(8000, 4, 8)
    signal, noise = each.norm_squared, each.variance
    measured = noise_scale(GradientMoments(signal.mean(), noise.mean()))
    spread = (noise - EXACT * signal).std() / signal.mean() / len(signal) ** 0.5
    assert EXACT == 251
    assert abs(measured - EXACT) < 3 * spread
    assert spread < 0.03 * EXACT


def test_the_ratio_of_a_single_batch_has_no_mean():
    assert (regression(2000, 4, 8).norm_squared < 0).any()


@pytest.mark.parametrize(("batch", "asked"), [(16, 15.04), (64, 51.00), (256, 126.7)])
def test_the_norm_test_asks_for_what_its_expectations_say(batch, asked):
    assert norm_test(GradientMoments(1.0, EXACT), batch, 1.0) == pytest.approx(asked, abs=0.05)


@pytest.mark.parametrize(("eta", "fixed"), [(0.5, 753.0), (0.8, 141.1875), (0.95, 27.1163435)])
def test_the_fixed_point_of_the_norm_test_is_where_it_asks_for_the_batch_it_has(eta, fixed):
    assert norm_test(GradientMoments(1.0, EXACT), fixed, eta) == pytest.approx(fixed, rel=1e-8)


def test_small_micro_batches_are_added_up_before_their_variance_along_the_gradient_is_taken(
    model, run, tokens
):
    run, store = replace(run, batch_size=8), TokenStore.open(tokens)
    moments = []
    for micro_batch in (1, 2):  # eight gradients, of which four sums are kept, and four gradients
        moments.append(batch_gradient(run, model, store, 3, micro_batch, NoiseScale(along=True)).moments)
        model.optimizer.zero_grad()
    assert moments[0].variance_along.item() == pytest.approx(moments[1].variance_along.item(), rel=1e-4)


def test_the_inner_product_test_counts_the_noise_along_the_gradient_alone():
    """Of the regression it asks for (2 + σ²/|δ|²) / η² sequences where the batch's gradient is the true one: 6.

    Along any direction u the gradient varies by (|δ|² + σ²) |u|² + (δ·u)², and δ is the true gradient.
    """
    chance = np.random.default_rng(0)
    x = chance.standard_normal((40, 4000, WIDTH))
    error = x[..., 0] - NOISE * chance.standard_normal(x.shape[:2])
    each = error[..., None] * x
    mean = each.mean(1)
    squared = np.square(mean).sum(-1)
    products = np.einsum("bsd,bd->bs", each, mean)
    along = variance_along(np.square(products - squared[:, None]).sum(1), squared, 4000, 1)
    expected = 2 + NOISE**2
    assert abs(along.mean() - expected * 1.0) < 4 * along.std() / 40**0.5 + 0.1
    asked = inner_product_test(GradientMoments(1.0, EXACT, expected), 10**9, 0.5)
    assert asked == pytest.approx(expected / 0.25)
    assert norm_test(GradientMoments(1.0, EXACT, expected), 10**9, 0.5) == pytest.approx(EXACT / 0.25)


def test_the_variance_along_a_gradient_has_no_bias_where_noise_is_isotropic():
    """Each of d directions has its share, tr Σ / d, however few micro-batches there are, and of whatever size."""
    chance = np.random.default_rng(1)
    count, size, spread = 4, 8, 3.0
    gradients = 1.0 + spread / size**0.5 * chance.standard_normal((20000, count, 10))
    mean = gradients.mean(1)
    squared = np.square(mean).sum(-1)
    deviations = np.square(np.einsum("bkd,bd->bk", gradients, mean) - squared[:, None]).sum(1)
    along = variance_along(deviations, squared, count, size)
    assert abs(along.mean() - spread**2) < 4 * along.std() / 20000**0.5


def test_no_signal_gives_no_noise_scale():
    assert np.isnan(noise_scale(GradientMoments(-0.1, 3.0)))


def test_a_mean_leaves_out_what_was_not_measured():
    found = smoothed([4.0, np.nan, 2.0], 0.5)
    assert found[0] == 4.0
    assert np.isnan(found[1])
    assert found[2] == pytest.approx((0.5 * 4 + 2) / 1.5)


@pytest.mark.parametrize(
    ("share", "micro_batch", "size"), [(32, 32, 8), (32, 4, 4), (12, 12, 3), (3, 3, 1), (6, 6, 1)]
)
def test_a_batch_is_divided_into_four_parts_or_more(share, micro_batch, size):
    assert divided(share, micro_batch) == size


@pytest.fixture
def model(run):
    torch.manual_seed(0)
    return DistributedModel(Decoder(run.architecture), run.hyperparameters, launch())


def test_the_moments_of_a_batch_are_those_of_the_gradients_of_its_micro_batches(model, run, tokens):
    store = TokenStore.open(tokens)
    moments = batch_gradient(run, model, store, 5, 1, NoiseScale(along=True)).moments
    model.optimizer.zero_grad()
    each = []
    for number in range(run.batch_size):
        single = replace(run, batch_size=1)
        batch_gradient(single, model, store, 5 * run.batch_size + number, 1)
        each.append(torch.cat([p.grad.flatten() for p in model.decoder.parameters()]).double())
        model.optimizer.zero_grad()
    gradients = torch.stack(each)
    centred = gradients - gradients.mean(0)
    variance = centred.square().sum() / (run.batch_size - 1)
    assert moments.variance.item() == pytest.approx(variance.item(), rel=1e-4)
    expected = gradients.mean(0).square().sum() - variance / run.batch_size
    assert moments.norm_squared.item() == pytest.approx(expected.item(), rel=1e-4)
    mean = gradients.mean(0)
    along = (gradients @ mean / mean.norm()).var().item()
    assert moments.variance_along.item() == pytest.approx(along, rel=1e-4)


def test_a_measured_training_has_the_same_weights_and_says_its_noise_scale(run, tokens, vocabulary, tmp_path):
    data = TrainingData(tokens, vocabulary)
    options = Training(precision="float32", validation_tokens=500, micro_batch=1)
    train_run(run, data, tmp_path / "a" / "runs" / "plain", options)
    measured = options.model_copy(update={"noise_scale": NoiseScale(every=8), "micro_batch": "auto"})
    train_run(run, data, tmp_path / "b" / "runs" / "measured", measured)
    weights = [
        next(tmp_path.rglob(f"{name}/model.safetensors")).read_bytes() for name in ("plain", "measured")
    ]
    assert weights[0] == weights[1]
    rows = read_table(next(tmp_path.rglob("measured/curve.parquet"))).to_pylist()
    assert [row["step"] for row in rows if row["gradient_variance"] is not None] == [1, 9, 17, 25, 33]
    last = rows[32]
    length = run.architecture.sequence_length
    ratio = last["gradient_variance"] / last["gradient_norm_squared"]
    assert last["noise_scale_tokens"] == pytest.approx(length * ratio)
    asked = ratio / (0.25 * (1 + ratio / run.batch_size))
    assert last["norm_test_tokens"] == pytest.approx(length * asked)
    plain = read_table(next(tmp_path.rglob("plain/curve.parquet")))
    assert plain["noise_scale_tokens"].null_count == len(plain)


@pytest.mark.parametrize(
    ("batch", "strategy", "problem"),
    [(1, "single", "has one sequence per batch"), (64, "fsdp", "fsdp shards the gradient")],
)
def test_a_batch_that_cannot_be_divided_is_refused(run, batch, strategy, problem):
    with pytest.raises(RelscaleError, match=problem):
        check_noise_scale(replace(run, batch_size=batch), Training(noise_scale=NoiseScale()), strategy)
