import copy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relscale.design.architecture import Architecture, activations_per_token, forward_flops_per_token
from relscale.design.bill import bill, format_bill
from relscale.design.cost import Hardware, seconds
from relscale.design.isoflop import BUDGET_TOLERANCE, Dropped, grid, plan
from relscale.design.options import Design
from relscale.design.placement import place
from relscale.design.recipes import recipe
from relscale.design.run import budget_label, run_from_dict, run_to_dict
from relscale.design.table import format_dropped, plan_table
from relscale.errors import RelscaleError


def experiment(vocabulary_size=2048, **design):
    """What `plan` takes."""
    defaults = {
        "recipe": "laptop",
        "flop_accounting": "training",
        "sequence_length": 256,
        "optimizers": ["c-adamc"],
        "budgets": [1e11, 1e12],
    }
    return ("documentation", "code"), Design(**(defaults | design)), vocabulary_size, 7


@settings(max_examples=50, deadline=None)
@given(budget=st.floats(1e10, 1e15), accounting=st.sampled_from(["training", "forward"]))
def test_every_run_spends_its_budget(budget, accounting):
    try:
        runs = plan(*experiment(budgets=[budget], flop_accounting=accounting))
    except RelscaleError:
        return
    for run in runs:
        spent = run.training_flops if accounting == "training" else run.forward_flops
        assert abs(spent / budget - 1) <= BUDGET_TOLERANCE


def test_the_same_budget_is_three_times_dearer_in_forward_flops():
    trained = plan(*experiment(budgets=[3e12], flop_accounting="training"))
    forward = plan(*experiment(budgets=[1e12], flop_accounting="forward"))
    assert [run.tokens for run in trained] == [run.tokens for run in forward]


def test_a_budget_keeps_its_own_widths_and_seeds():
    runs = plan(*experiment(widths={"1e11": [16, 32], "1e12": [64]}, seeds={"1e12": [0, 1, 2]}))
    cells = [(run.corpus, run.budget, run.architecture.hidden_size, run.seed) for run in runs]
    assert cells == [
        (corpus, budget, width, seed)
        for corpus in ("documentation", "code")
        for budget, width, seed in [
            (1e11, 16, 7),
            (1e11, 32, 7),
            (1e12, 64, 0),
            (1e12, 64, 1),
            (1e12, 64, 2),
        ]
    ]


def test_one_list_of_seeds_is_for_every_budget():
    runs = plan(*experiment(widths=[32], seeds=[3, 4]))
    assert [(run.budget, run.seed) for run in runs[:4]] == [(1e11, 3), (1e11, 4), (1e12, 3), (1e12, 4)]


def test_a_schedule_of_the_experiment_replaces_the_recipes_and_nothing_else():
    own, changed = plan(*experiment()), plan(*experiment(schedule="cosine", warmup=0.02))
    for run, other in zip(own, changed, strict=True):
        h = run.hyperparameters
        assert (h.schedule, h.warmup, h.decay) == ("wsd", 0.1, 0.2)
        assert other == replace(run, hyperparameters=replace(h, schedule="cosine", warmup=0.02))


def test_a_run_is_read_back_as_it_was_written():
    run = plan(*experiment())[0]
    assert run_from_dict(run_to_dict(run)) == run


def test_run_names_are_unique():
    names = [run.name for run in plan(*experiment(optimizers=["c-adamc", "adamw"], seeds={"1e11": [0, 1]}))]
    assert len(names) == len(set(names))


def test_adding_a_width_leaves_the_other_runs_as_they_were():
    few = plan(*experiment(widths=[16, 64]))
    more = plan(*experiment(widths=[16, 32, 64]))
    assert [run for run in more if run.architecture.hidden_size != 32] == few


def test_a_run_survives_json():
    for run in plan(*experiment()):
        assert run_from_dict(copy.deepcopy(run_to_dict(run))) == run


def large(**design):
    """At the paper's vocabulary and sequence length."""
    defaults = {"flop_accounting": "forward", "sequence_length": 4096, "budgets": [1e19]}
    return experiment(128_256, **(defaults | design))


def test_step_law_sets_learning_rate_and_batch_by_hidden_parameters_and_tokens():
    for run in plan(*large(recipe="step-law", widths=[512, 1024])):
        h = run.architecture.hidden_size
        hidden = run.params - 2 * 128_256 * h
        assert run.hyperparameters.learning_rate == pytest.approx(1.79 * hidden**-0.713 * run.tokens**0.307)
        assert run.batch_size * 4096 == pytest.approx(0.58 * run.tokens**0.571, rel=0.03)
        assert run.hyperparameters.schedule == "cosine"


def test_width_transfer_keeps_the_product_of_learning_rate_and_decay():
    narrow, wide = plan(*large(recipe="width-transfer", widths=[512, 2048]))[:2]
    (paper, _) = plan(*large(recipe="held2025", widths=[512, 2048]))[:2]
    assert narrow == paper
    of_narrow, of_wide = narrow.hyperparameters, wide.hyperparameters
    batches = (wide.batch_size / narrow.batch_size) ** 0.5
    assert of_wide.learning_rate == pytest.approx(of_narrow.learning_rate * batches / 4)
    assert of_wide.weight_decay == pytest.approx(4 * of_narrow.weight_decay)


def test_layerwise_decay_keeps_the_scale_of_matrices_and_the_rate_of_embeddings():
    narrow, wide = (
        recipe("layerwise-decay").hyperparameters("adamw", Architecture(1, 1, width, 1, 1, 1, 1, 1), 64, 0)
        for width in (256, 2048)
    )
    assert wide.learning_rate == pytest.approx(narrow.learning_rate / 8)
    assert wide.weight_decay == pytest.approx(2.8284271247 * narrow.weight_decay)
    scales = [h.learning_rate / h.weight_decay * w**1.5 for h, w in ((narrow, 256), (wide, 2048))]
    assert scales[0] == pytest.approx(scales[1], rel=1e-12)
    assert wide.vector_learning_rate == narrow.vector_learning_rate
    middle = recipe("layerwise-decay").hyperparameters("adamw", Architecture(1, 1, 512, 1, 1, 1, 1, 1), 64, 0)
    assert middle.vector_learning_rate == middle.learning_rate


# Sixteen times the FLOPs of width 512 with 8 layers: in width, in depth, by weights 1 and 8, and evenly.
@pytest.mark.parametrize(
    ("width", "layers", "flops", "activations"),
    [(2048, 8, 13.578, 4.0), (512, 128, 16.0, 16.0), (1728, 11, 13.437, 4.641), (1024, 32, 14.385, 8.0)],
)
def test_activations_grow_less_than_flops_where_models_grow_in_width(width, layers, flops, activations):
    base, large = (
        Architecture(0, 1024, h, count, h // 64, h // 64, 64, 4 * h)
        for h, count in ((512, 8), (width, layers))
    )
    assert forward_flops_per_token(large) / forward_flops_per_token(base) == pytest.approx(flops, abs=5e-4)
    assert activations_per_token(large) / activations_per_token(base) == pytest.approx(activations, abs=5e-4)


def test_the_compound_recipe_grows_mostly_in_width():
    shapes = [recipe("compound").architecture(width, 1024, 300) for width in (512, 1728, 4096)]
    assert [shape.num_layers for shape in shapes] == [8, 11, 13]


def test_the_laptop_recipe_gives_adamw_its_own_learning_rate():
    cautious, plain = (
        plan(*experiment(optimizers=[name]))[0].hyperparameters for name in ("c-adamc", "adamw")
    )
    assert plain.learning_rate == pytest.approx(cautious.learning_rate * 2 / 3)


def test_dropped_widths_say_why():
    _, *given = experiment(128_256, recipe="held2025", widths=[32, 512], budgets=[1e18], sequence_length=4096)
    _, dropped = grid("code", "c-adamc", *given)
    assert [(cell.hidden_size, cell.reason) for cell in dropped] == [(32, "width 32 gives no layer")]
    assert format_dropped(dropped) == ["excluded, budget 1e18: width 32 gives no layer"]
    more = [*dropped, Dropped(1e18, 48, "width 48 gives no layer")]
    assert format_dropped(more) == ["excluded, budget 1e18: width 32 gives no layer; and 1 more, up to 48"]


@pytest.mark.parametrize(
    ("design", "message"),
    [
        ({"budgets": [1e6]}, "no width can spend 1e6 FLOPs"),
        ({"recipe": "chinchilla"}, "no recipe 'chinchilla'; there are compound, held2025, laptop"),
        ({"widths": [33]}, "width 33 is odd"),
    ],
)
def test_what_cannot_be_planned_is_reported_in_one_line(design, message):
    with pytest.raises(RelscaleError, match=message) as error:
        plan(*experiment(**design))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("budget", "label"), [(1e18, "1e18"), (3e11, "3e11"), (1.5e12, "1.5e12"), (1e9, "1e9"), (250e9, "2.5e11")]
)
def test_budget_labels_are_short_and_exact(budget, label):
    assert budget_label(budget) == label
    assert float(label) == budget


def test_the_plan_table_has_a_row_a_run():
    runs = plan(*experiment())
    hardware = Hardware(flops_per_second=2e10, utilization=0.5, seconds_per_token=1e-6)
    table = plan_table(runs, [place(run, hardware) for run in runs])
    assert table["run"].to_pylist() == [run.name for run in runs]
    for run, row in zip(runs, table.to_pylist(), strict=True):
        expected = run.tokens * 1e-6 + run.training_flops / 1e10
        assert row["expected_seconds"] == pytest.approx(expected, abs=0.06)
        assert seconds(run, hardware) == pytest.approx(expected)


def test_the_bill_counts_a_corpus_once_and_every_model():
    runs = plan(*experiment(seeds={"1e12": [0, 1]}))
    hardware = Hardware(flops_per_second=1e10, gpus_per_node=2, hours=0.001)
    placements = [place(run, hardware) for run in runs]
    sums = bill(runs, placements, checkpoints=[0.5, 1.0])
    assert sums.checkpoint_bytes == sum(2 * 4 * run.params for run in runs)
    longest = max(run.tokens for run in runs)
    assert sums.token_bytes == 2 * (2 * longest)  # two corpora, two bytes a token of a vocabulary of 2,048
    hours = sum(seconds(run, hardware) for run in runs) / 3600
    assert sums.device_hours == pytest.approx(hours)
    assert sums.seconds < 3600 * hours
    assert f"{hours:,.0f} GPU-hours" in format_bill(sums, hardware)
