"""Which devices a run is placed on: what fits, what is fast enough, and a batch that stays whole."""

from dataclasses import replace

import pytest
from one_sentence import assert_one_sentence, within

from relscale.design.architecture import Architecture
from relscale.design.cost import Hardware, seconds
from relscale.design.isoflop import plan
from relscale.design.options import Design, PlacementOptions
from relscale.design.placement import RECOMPUTATION, USABLE, _micro_batches, place, place_together
from relscale.errors import RelscaleError

GPUS = Hardware(
    flops_per_second=989e12, utilization=0.4, memory_bytes=80e9, gpus_per_node=8, nodes=2, hours=24
)


@pytest.fixture(scope="module")
def runs():
    """One corpus of the paper."""
    return plan(
        ["web"],
        Design(
            recipe="held2025",
            flop_accounting="forward",
            sequence_length=4096,
            budgets=[1e18, 3e18, 6e18, 1e19, 3e19, 6e19, 1e20],
        ),
        vocabulary_size=128_256,
        seed=0,
    )


def test_micro_batches_make_up_the_batch_and_fit_the_device(runs):
    for run in runs:
        placement = place(run, GPUS)
        assert run.batch_size % (placement.devices * placement.micro_batch) == 0
        assert placement.device_bytes <= USABLE * GPUS.memory_bytes
        assert placement.nodes == (1 if placement.devices <= 8 else 2)
        assert placement.strategy == "single" or placement.devices > 1


def test_the_suite_needs_every_strategy(runs):
    assert {place(run, GPUS).strategy for run in runs} == {"single", "ddp", "fsdp"}


def test_a_run_gets_more_devices_only_where_fewer_are_too_slow_or_too_small(runs):
    for run in runs:
        placement = place(run, GPUS)
        for devices in [2**power for power in range(4) if 2**power < placement.devices]:
            try:
                fewer = place(run, GPUS, PlacementOptions(devices=devices))
            except RelscaleError:
                continue  # too small
            assert fewer.seconds > GPUS.hours * 3600


def test_more_memory_never_costs_more(runs):
    for run in runs:
        small, large = (place(run, GPUS.model_copy(update={"memory_bytes": size})) for size in (80e9, 141e9))
        assert large.device_hours <= small.device_hours


def test_the_host_holds_the_weights_of_every_process_and_one_whole_state(runs):
    """Float32 weights in each process, and weights with two moments in the one that saves."""
    for run in runs:
        placement = place(run, GPUS)
        processes = min(placement.devices, GPUS.gpus_per_node)
        assert placement.host_bytes >= processes * 4 * run.params + 12 * run.params


def test_recomputation_costs_a_forward_pass_more(runs):
    (run,) = [run for run in runs if run.budget == 1e20 and run.architecture.hidden_size == 4096]
    recomputed = place(run, GPUS, PlacementOptions(activation_checkpointing=True, devices=8))
    assert recomputed.seconds == pytest.approx(RECOMPUTATION * seconds(run, GPUS) / 8)


def test_without_stated_limits_a_run_trains_whole_on_one_device(runs):
    for run in runs:
        placement = place(run, Hardware(flops_per_second=1e12))
        assert (placement.strategy, placement.devices, placement.micro_batch) == ("single", 1, run.batch_size)
        assert not placement.activation_checkpointing
        assert placement.seconds == seconds(run, Hardware(flops_per_second=1e12))
        assert placement.host_bytes > placement.device_bytes > 16 * run.params


def test_what_is_asked_for_is_taken(runs):
    asked = {"devices": 2, "strategy": "fsdp", "micro_batch": 2, "activation_checkpointing": True}
    placement = place(runs[0], GPUS, PlacementOptions(**asked))
    assert {name: getattr(placement, name) for name in asked} == asked
    assert (
        place(runs[0], GPUS.model_copy(update={"memory_bytes": 1e6}), PlacementOptions(**asked)).devices == 2
    )  # all is said; memory is not asked


@pytest.mark.parametrize(
    ("options", "hardware", "message"),
    [
        (
            {},
            GPUS.model_copy(update={"memory_bytes": 1e9}),
            "do not fit on 16 devices of 1 GB; raise hardware.nodes",
        ),
        ({"devices": 3}, GPUS, "a batch of 32 sequences cannot be divided among 3 devices"),
        ({"devices": 1, "micro_batch": 5}, GPUS, "micro-batches of 5 do not divide 32 sequences"),
        ({"devices": 32}, GPUS, "training.devices: 32, but the hardware has 16; raise hardware.nodes"),
        (
            {"devices": 4, "strategy": "single"},
            GPUS,
            "training.devices: 4, but the strategy 'single' uses one",
        ),
    ],
)
def test_what_cannot_be_placed_is_reported_in_one_line(runs, options, hardware, message):
    with pytest.raises(RelscaleError, match=message) as error:
        place(runs[0], hardware, PlacementOptions(**options))
    assert "\n" not in str(error.value)


def test_one_device_is_all_that_the_strategy_single_takes(runs):
    assert {
        place(
            run, GPUS.model_copy(update={"memory_bytes": None}), PlacementOptions(strategy="single")
        ).devices
        for run in runs
    } == {1}


def test_an_optimizer_that_needs_whole_matrices_does_not_share_them_nor_do_the_runs_beside_it(runs):
    shared = next(run for run in runs if place(run, GPUS).strategy == "fsdp")
    muon = replace(shared, hyperparameters=replace(shared.hyperparameters, optimizer="muon"))
    assert place(muon, GPUS).strategy == "ddp"
    assert place_together([shared, muon], GPUS).strategy == "ddp"
    assert place_together([shared], GPUS).strategy == "fsdp"
    with pytest.raises(RelscaleError, match=r"muon needs whole matrices.*; set ddp"):
        place(muon, GPUS, PlacementOptions(strategy="fsdp"))


def test_a_batch_that_is_not_a_power_of_two_is_split_evenly():
    run = plan(
        ["web"],
        Design(recipe="laptop", flop_accounting="training", sequence_length=128, budgets=[1e11], widths=[16]),
        vocabulary_size=512,
        seed=0,
    )[0]
    odd = replace(run, batch_size=45, architecture=Architecture(512, 128, 16, 1, 1, 1, 16, 64))
    placement = place(odd, GPUS.model_copy(update={"memory_bytes": 6e6}))
    assert placement.devices == 1
    assert 1 < placement.micro_batch < 45
    assert 45 % placement.micro_batch == 0


def with_batch(run, batch_size):
    return replace(run, batch_size=batch_size)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 12, 97, 360, 1024, 5040, 7919])
def test_micro_batches_are_the_shares_of_the_batch_that_divide_it(runs, batch_size):
    shares = [size for size in range(batch_size, 0, -1) if batch_size % size == 0]
    assert list(_micro_batches(with_batch(runs[0], batch_size), 1, "auto")) == shares


@pytest.mark.parametrize("batch_size", [2**36, 10**10, 99_999_999_977])
def test_the_micro_batch_of_a_batch_of_billions_is_found_at_once(runs, batch_size):
    with within(5):
        placement = place(
            with_batch(runs[0], batch_size), Hardware(flops_per_second=989e12, memory_bytes=80e9)
        )
    assert batch_size % placement.micro_batch == 0
    assert placement.device_bytes <= USABLE * 80e9


def test_a_batch_beyond_that_is_refused_in_one_sentence(runs):
    with pytest.raises(RelscaleError) as refused:
        place(with_batch(runs[0], 10**20), Hardware(flops_per_second=989e12, memory_bytes=80e9))
    assert_one_sentence(refused.value)
    assert place(with_batch(runs[0], 10**20), Hardware(flops_per_second=989e12)).micro_batch == 10**20
