import json
import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest
from records import write_record

from relscale.design.architecture import Architecture
from relscale.design.run import Hyperparameters, Run
from relscale.errors import RelscaleError
from relscale.measurements.collect import collect
from relscale.measurements.measurement import MEASUREMENTS, REPLICATES, RESPONSES, Model
from relscale.measurements.options import Collect
from relscale.measurements.published import published
from relscale.measurements.runs import Measured, trained_runs
from relscale.scoring.scores import Score
from relscale.storage.tables import read_table, write_pieces

HYPERPARAMETERS = Hyperparameters("c-adamc", 0.01, 0.9, 0.95, 1e-8, 0.1, 1.0, "wsd", 0.1, 0.2)

# What laws are fitted to: lower is better. Accuracies and probabilities have no replicates.
ERRORS = [
    *(f"bits_per_byte_{of}_{over}" for of in ("answer", "scored") for over in ("mean", "pooled")),
    "bits_per_byte_other_mean",
    "nats_answer_mean",
    *("error_rate", "error_rate_per_byte", "brier", "brier_per_byte"),
]


def run(width=16, seed=0, corpus="code"):
    return Run(
        corpus, 1e11, seed, Architecture(300, 64, width, 1, 1, 1, 16, 4 * width), 8, 100, HYPERPARAMETERS
    )


def score(name, key, items, status="ok"):
    """An entry of a score manifest, as JSON has it."""
    path = None if items is None else str(items)
    entry = Score(name=name, run_key=key, suite="s", items=path, bytes=1, status=status, cut=0)
    return entry.model_dump()


@pytest.fixture
def experiment(tmp_path, make_items):
    """Two runs that finished and one that diverged; one suite of two groups that share their documents."""

    def question(doc_id, right, wrong):
        return doc_id, [(right, 10, 11, True), (wrong, 12, 13, False)]

    runs, scores = [], []
    for place, (planned, status) in enumerate(
        [(run(16), "ok"), (run(32), "ok"), (run(48), "diverged at step 3")]
    ):
        folder = tmp_path / "store" / planned.name
        folder.mkdir(parents=True)
        losses = {"validation_loss": 3.5 - place, "validation_bits_per_byte": 1.5 - place / 10}
        write_record(folder, planned, status=status, step=100, **losses)
        runs.append({"name": planned.name, "key": planned.name, "path": str(folder), "status": status})
        if status == "ok":
            chance = np.random.default_rng(place)
            tables = [
                make_items([question(f"d{i}", *-chance.uniform(1, 20, 2)) for i in range(30)], group=group)
                for group in ("one", "two")
            ]
            path = folder / "items.parquet"
            pyarrow.parquet.write_table(pyarrow.concat_tables(tables), path)
        scores.append(score(planned.name, planned.name, path if status == "ok" else None, status))
    (tmp_path / "runs.json").write_text(json.dumps(runs))
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    return tmp_path


def collected(folder, replicates=50, seed=0):
    runs = trained_runs([folder / "runs.json"], [folder / "scores.json"])
    measurements, pieces, _ = collect(runs, "test", Collect(replicates=replicates, cut=0), seed)
    return measurements, pyarrow.concat_tables(pieces).unify_dictionaries()


def test_the_tables_have_their_columns(experiment):
    measurements, replicates = collected(experiment)
    assert measurements.schema.equals(MEASUREMENTS)
    assert replicates.schema.equals(REPLICATES)
    assert "" not in measurements["metric"].to_pylist()


def test_the_error_rate_is_the_share_of_wrong_responses(experiment):
    runs = trained_runs([experiment / "runs.json"], [experiment / "scores.json"])
    found = collect(runs, "test", Collect(replicates=0, cut=0), 0)
    responses = pyarrow.concat_tables(found.responses).unify_dictionaries()
    assert responses.schema.equals(RESPONSES)
    rows = responses.to_pylist()
    keys = {(row["run"], row["group"]) for row in rows}
    for metric, column in (("error_rate", "right"), ("error_rate_per_byte", "right_per_byte")):
        measured = {
            (row["run"], row["group"]): row["value"]
            for row in found.measurements.to_pylist()
            if row["metric"] == metric and row["value"] is not None
        }
        assert set(measured) == keys
        for key, value in measured.items():
            right = [row[column] for row in rows if (row["run"], row["group"]) == key]
            assert value == pytest.approx(1 - np.mean(right))


def test_a_checkpoint_on_the_way_is_a_model_of_its_run_without_a_budget(experiment, make_items):
    whole = run(16)
    folder = experiment / "store" / "half"
    folder.mkdir()
    name = f"{whole.name}-step-50"
    half = {"tokens": whole.tokens // 2, "training_flops": whole.training_flops // 2}
    losses = {"validation_loss": 4.0, "validation_bits_per_byte": 2.0}
    write_record(folder, whole, name=name, step=50, **half, **losses)
    pyarrow.parquet.write_table(
        make_items([("d0", [(-1, 10, 11, True)])], kind="document"), folder / "items.parquet"
    )
    for stage, entry in (
        ("runs", {"name": name, "key": "half", "path": str(folder), "status": "ok"}),
        ("scores", score(name, "half", folder / "items.parquet")),
    ):
        path = experiment / f"{stage}.json"
        path.write_text(json.dumps([*json.loads(path.read_text()), entry]))
    measurements, replicates = collected(experiment)
    rows = [row for row in measurements.to_pylist() if row["run"] == name]
    assert {row["suite"] for row in rows} == {"validation", "s"}
    for row in rows:
        assert (row["block"], row["step"], row["budget"]) == (whole.name, 50, None)
        assert row["tokens"] == whole.tokens // 2
        assert row["training_flops"] == whole.training_flops // 2
    assert name in replicates["run"].to_pylist()
    (end,) = {(row["step"], row["budget"]) for row in measurements.to_pylist() if row["run"] == whole.name}
    assert end == (100, 1e11)


def test_a_row_says_of_its_run_what_the_plan_says(experiment):
    row = collected(experiment)[0].filter(pc.field("run") == run(32).name).to_pylist()[0]
    expected = {
        "experiment": "test",
        "corpus": "code",
        "optimizer": "c-adamc",
        "block": run(32).name,
        "seed": 0,
    }
    expected |= {"step": 100, "budget": 1e11, "params": run(32).params, "tokens": run(32).tokens}
    expected |= {"training_flops": float(run(32).training_flops)}
    assert {name: row[name] for name in expected} == expected


def test_a_diverged_run_keeps_its_validation_rows_without_a_value(experiment):
    rows = collected(experiment)[0].filter(pc.field("run") == run(48).name).to_pylist()
    assert sorted(row["metric"] for row in rows) == ["bits_per_byte_document_pooled", "nats_per_token"]
    assert {(row["suite"], row["value"], row["status"]) for row in rows} == {
        ("validation", None, "diverged at step 3")
    }


def test_the_validation_loss_is_a_measurement_among_others(experiment):
    table = collected(experiment)[0].filter(
        (pc.field("suite") == "validation") & (pc.field("run") == run(16).name)
    )
    assert dict(zip(table["metric"].to_pylist(), table["value"].to_pylist(), strict=True)) == {
        "nats_per_token": 3.5,
        "bits_per_byte_document_pooled": 1.5,
    }


@pytest.mark.slow
def test_every_error_from_items_has_its_replicates_around_it(experiment):
    measurements, replicates = collected(experiment, replicates=400)
    rows = measurements.filter(pc.field("suite") != "validation").to_pylist()
    rows = [row for row in rows if row["metric"] in ERRORS]
    assert replicates.num_rows == 400 * len(rows)
    keys = ["run", "suite", "prompt", "group", "metric"]
    found = {}
    for row in replicates.to_pylist():
        found.setdefault(tuple(row[key] for key in keys), []).append(row["value"])
    assert len(found) == len(rows)
    for row in rows:
        drawn = np.array(found[tuple(row[key] for key in keys)])
        assert row["items"] == 30
        assert drawn.std() == pytest.approx(row["stderr"], rel=0.35, abs=1e-9)
        assert abs(drawn.mean() - row["value"]) <= 5 * row["stderr"] / np.sqrt(400) + row["stderr"] / 10


def test_equal_items_get_equal_replicates_in_every_run_and_group(experiment, make_items):
    same = make_items(
        [(f"d{i}", [(-float(i + 1), 10, 10, True), (-9.5, 9, 9, False)]) for i in range(20)], group="one"
    )
    twin = make_items(
        [(f"d{i}", [(-float(i + 1), 10, 10, True), (-9.5, 9, 9, False)]) for i in range(20)], group="two"
    )
    for entry in json.loads((experiment / "scores.json").read_text()):
        if entry["items"]:
            pyarrow.parquet.write_table(pyarrow.concat_tables([same, twin]), entry["items"])
    replicates = collected(experiment)[1]
    part = replicates.filter(pc.field("metric") == "bits_per_byte_answer_pooled")
    drawn = part["value"].to_numpy().reshape(4, 50)
    assert np.ptp(drawn, axis=0).max() == 0
    assert drawn.std() > 0


def unknown_of(items, unknown):
    """Status of each metric of items whose vocabulary lacks ``unknown`` bytes of each."""
    column = items.schema.get_field_index("bytes_unknown")
    items = items.set_column(column, items.schema.field(column), pa.array(unknown, pa.int32()))
    model = Model(corpus="c", run="m", block="m")
    rows = collect([Measured(model, (), (items,))], "test", Collect(replicates=10), 0)[0].to_pylist()
    return {row["metric"]: row["status"] for row in rows}


QUESTIONS = [(f"d{i}", [(-0.5, 20, 20, True), (-(i + 1) / 3, 20, 20, False)]) for i in range(40)]


def test_text_that_a_vocabulary_lacks_has_no_bits_but_its_choices_are_compared(make_items):
    statuses = unknown_of(make_items(QUESTIONS), [15] * 80)
    likelihoods = {name for name in statuses if name.startswith(("bits", "nats"))}
    assert len(likelihoods) == 6
    for metric, status in statuses.items():
        assert (status == "unknown characters: 75% of the scored bytes") == (metric in likelihoods)
        assert status == "ok" or metric in likelihoods


def test_a_rare_character_that_a_vocabulary_lacks_excludes_nothing(make_items):
    one_in_ten = [3 if i % 20 == 0 else 0 for i in range(80)]
    assert set(unknown_of(make_items(QUESTIONS), one_in_ten).values()) == {"ok"}
    assert set(unknown_of(make_items(QUESTIONS), [None] * 80).values()) == {"ok"}


def test_a_greedy_answer_that_a_vocabulary_lacks_is_not_right(make_items):
    questions = [(doc, choices[:1]) for doc, choices in QUESTIONS]
    statuses = unknown_of(make_items(questions), [15] * 40)
    assert "accuracy" in statuses
    assert "ok" not in statuses.values()


@pytest.mark.slow
def test_replicates_in_pieces_are_the_same_rows(experiment, monkeypatch, tmp_path):
    whole = collected(experiment)[1]
    monkeypatch.setattr("relscale.measurements.replicates.PIECE", 1)
    runs = trained_runs([experiment / "runs.json"], [experiment / "scores.json"])
    pieces = list(collect(runs, "test", Collect(replicates=50, cut=0), 0)[1])
    assert len(pieces) > 1
    assert pyarrow.concat_tables(pieces).to_pylist() == whole.to_pylist()
    for ending in ("parquet", "csv"):
        write_pieces(pieces, REPLICATES, tmp_path / f"pieces.{ending}")
        assert read_table(tmp_path / f"pieces.{ending}").num_rows == whole.num_rows


def test_the_order_of_jobs_changes_nothing(experiment):
    before = collected(experiment)
    for name in ("runs.json", "scores.json"):
        entries = json.loads((experiment / name).read_text())
        (experiment / name).write_text(json.dumps(entries[::-1]))
    after = collected(experiment)
    assert before[0].equals(after[0])
    assert before[1]["value"].equals(after[1]["value"])


def test_items_that_are_gone_are_named(experiment):
    (experiment / "store" / run(32).name / "items.parquet").unlink()
    with pytest.raises(RelscaleError, match="these items are listed but missing; score again"):
        collected(experiment)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file; "), ("[{}]", "entry 1: name is missing")],
)
def test_what_is_not_a_manifest_is_refused(experiment, content, message):
    (experiment / "scores.json").unlink()
    if content:
        (experiment / "scores.json").write_text(content)
    with pytest.raises(RelscaleError, match=message):
        collected(experiment)


@pytest.mark.slow
def test_twenty_models_with_200_replicates_take_seconds(experiment):
    runs = json.loads((experiment / "runs.json").read_text())
    scores = json.loads((experiment / "scores.json").read_text())
    (experiment / "runs.json").write_text(json.dumps(runs[:1] * 20))
    # Every one of the twenty entries finds ten files: 200 files of two groups each.
    (experiment / "scores.json").write_text(json.dumps(scores[:1] * 10))
    start = time.process_time()
    _, replicates = collected(experiment, replicates=200)
    assert replicates.num_rows == 20 * 10 * 2 * len(ERRORS) * 200
    assert time.process_time() - start < 5


def test_an_error_of_0_is_a_flagged_row_as_it_is_in_a_published_table(experiment, make_items):
    always_right = [(f"d{i}", [(-1.0, 10, 11, True), (-9.0, 10, 11, False)]) for i in range(30)]
    path = experiment / "store" / run(16).name / "items.parquet"
    pyarrow.parquet.write_table(make_items(always_right, group="one"), path)
    measurements = collected(experiment)[0]
    zero = measurements.filter((pc.field("metric") == "error_rate") & (pc.field("value") == 0)).to_pylist()
    assert [(row["value"], row["status"]) for row in zero] == [
        (0.0, "not positive: an error of 0 has no logarithm")
    ]
    pyarrow.parquet.write_table(
        measurements.set_column(
            measurements.column_names.index("status"), "status", [["ok"] * measurements.num_rows]
        ),
        experiment / "table.parquet",
    )
    read = published(experiment / "table.parquet", "test").to_pylist()
    assert [row for row in read if row["metric"] == "error_rate" and row["value"] == 0] == zero


def test_runs_with_products_of_two_types_are_never_measured_together_in_silence(tmp_path, capsys):
    listed = []
    for seed, precision in enumerate(("bf16 kernels", "bf16 autocast", "bf16 autocast")):
        planned, folder = run(seed=seed), tmp_path / str(seed)
        folder.mkdir()
        write_record(folder, planned, precision=precision)
        listed.append({"name": planned.name, "key": folder.name, "path": str(folder), "status": "ok"})
    (tmp_path / "runs.json").write_text(json.dumps(listed))
    trained_runs([tmp_path / "runs.json"], [])
    warning = "matrix products: bf16 autocast (2 runs), bf16 kernels (1 run); set training.precision"
    assert warning in capsys.readouterr().err
