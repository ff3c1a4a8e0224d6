"""The published tables of reference/, as the reference experiment reads them, against the files themselves."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from relscale.errors import RelscaleError
from relscale.experiments.config import load_config
from relscale.measurements.measurement import MEASUREMENTS
from relscale.measurements.mmlu_groups import GROUPS
from relscale.measurements.options import Table
from relscale.measurements.published import loader_names, published, read_tables
from relscale.storage.tables import write_table

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow  # all tables are read


@pytest.fixture(name="rows", scope="module")
def measured():
    tables = load_config(ROOT / "experiments" / "reference.yaml").runs.tables
    table = read_tables(
        [entry.model_copy(update={"path": str(ROOT / entry.path)}) for entry in tables], "reference"
    )
    assert table.schema.equals(MEASUREMENTS)
    return table.to_pylist()


def original(name):
    path = ROOT / "reference" / name
    with gzip.open(path, "rt") if path.suffix == ".gz" else open(path) as file:
        return list(csv.DictReader(file))


def of(rows, **where):
    return [row for row in rows if all(row[name] == value for name, value in where.items())]


def test_every_number_of_the_tables_is_a_row(rows):
    suites = ("validation", "chinchilla", "mmlu_subjects", "mmlu_ladder")
    files = ("isoflop_suite.csv", "chinchilla_figure4.csv", "gemstones_mmlu.csv.gz", "olmo_ladder_mmlu.csv")
    for suite, file in zip(suites, files, strict=True):
        assert len(of(rows, suite=suite)) == len(original(file))
    testbed = [len(of(rows, suite=suite)) for suite in ("overtraining", "downstream", "downstream_tasks")]
    assert testbed == [104 * 8, 104 * 2, 104 * 46]
    assert sum(testbed) == len(original("overtraining_testbed.csv.gz"))


def test_numbers_are_whole_and_trusted(rows):
    assert {row["status"] for row in rows} == {"ok"}
    assert all(np.isfinite(row["value"]) and row["value"] > 0 for row in rows)
    assert all(row["training_flops"] > 0 and row["tokens"] > 0 for row in rows)


def test_the_points_of_chinchillas_figure_spend_six_flops_per_parameter_and_token(rows):
    for row in of(rows, suite="chinchilla"):
        assert 6 * row["params"] * row["tokens"] == pytest.approx(row["training_flops"], rel=1e-12)


def test_isoflop_runs_keep_their_names_budgets_and_losses(rows):
    for line in original("isoflop_suite.csv")[::50]:
        (row,) = of(rows, run=line["run"])
        assert (row["corpus"], row["budget"]) == (line["corpus"], float(line["budget"]))
        assert (row["suite"], row["group"], row["metric"]) == ("validation", "all", "nats_per_token")
        assert row["value"] == float(line["paloma_macro_loss"])


def test_chinchillas_tokens_are_flops_over_six_params(rows):
    chinchilla = of(rows, corpus="chinchilla")
    assert len({row["run"] for row in chinchilla}) == 245
    for row in chinchilla:
        assert row["tokens"] == pytest.approx(row["training_flops"] / (6 * row["params"]), rel=1e-8)


def test_a_standard_error_is_the_95_percent_limits_over_twice_1_96(rows):
    line = next(x for x in original("overtraining_testbed.csv.gz") if x["metric"] == "loss_nats_per_token")
    (row,) = of(rows, run=line["run"], suite="overtraining", group=line["group"])
    assert row["stderr"] == pytest.approx((float(line["high95"]) - float(line["low95"])) / 3.92)
    assert {row["stderr"] for row in of(rows, suite="downstream")} == {None}


def test_the_17_task_average_is_the_mean_of_its_tasks(rows):
    tasks = (ROOT / "reference" / "overtraining_testbed_17_tasks.txt").read_text().split()
    run = "rpj-open_lm_7b-1.0"
    errors = [of(rows, run=run, suite="downstream_tasks", group=task)[0]["value"] for task in tasks]
    (average,) = of(rows, run=run, suite="downstream", group="average_17")
    assert len(errors) == 17
    assert average["value"] == pytest.approx(np.mean(errors), abs=1e-6)


def test_checkpoints_of_one_gemstone_share_a_block(rows):
    subjects = of(rows, suite="mmlu_subjects")
    assert len({row["block"] for row in subjects}) == 22
    assert len({row["run"] for row in subjects}) == 22 * 35
    assert all(row["run"] == f"{row['block']}@{row['step']}" for row in subjects[::97])


def test_mmlu_has_57_subjects_in_four_groups(rows):
    known = [subject for names in GROUPS.values() for subject in names.split()]
    assert len(known) == 57
    assert set(known) == {row["group"] for row in of(rows, suite="mmlu_subjects")}
    assert {group: len(names.split()) for group, names in GROUPS.items()} == {
        "stem": 19,
        "humanities": 13,
        "social_sciences": 12,
        "other": 13,
    }


@pytest.mark.parametrize("group", list(GROUPS))
def test_a_groups_micro_mean_is_over_questions_and_its_macro_mean_over_subjects(rows, group):
    run = of(rows, corpus="gemstones")[0]["run"]
    own = [row for row in of(rows, run=run, suite="mmlu_subjects") if row["group"] in GROUPS[group].split()]
    n, loss, stderr = (np.array([row[name] for row in own]) for name in ("items", "value", "stderr"))
    (micro,) = of(rows, run=run, suite="mmlu", group=group, metric="nats_answer_micro")
    (macro,) = of(rows, run=run, suite="mmlu", group=group, metric="nats_answer_macro")
    assert micro["value"] == pytest.approx(np.average(loss, weights=n))
    assert macro["value"] == pytest.approx(loss.mean())
    assert micro["stderr"] == pytest.approx(np.sqrt(np.sum((n * stderr) ** 2)) / n.sum())
    assert macro["stderr"] == pytest.approx(np.sqrt(np.sum(stderr**2)) / len(own))
    assert micro["items"] == macro["items"] == n.sum()


def test_all_questions_of_mmlu_are_there(rows):
    run = of(rows, corpus="gemstones")[0]["run"]
    assert sum(row["items"] for row in of(rows, run=run, metric="nats_answer_micro")) == 14042


def test_an_olmo_run_is_its_size_and_its_data(rows):
    ladder = of(rows, corpus="olmo2-ladder")
    assert len({row["run"] for row in ladder}) == 25
    assert {row["group"] for row in ladder} == set(GROUPS)
    (row,) = of(ladder, run="190M-0.5xC", group="stem")
    assert row["value"] == 2.4873480796813965


def test_a_number_that_stands_in_two_tables_is_an_error(tmp_path):
    path = ROOT / "reference" / "chinchilla_figure4.csv"
    with pytest.raises(RelscaleError, match="2 rows for corpus chinchilla, run N="):
        read_tables([Table(path=str(path), loader="chinchilla")] * 2, "reference")


def test_an_unknown_loader_lists_those_there_are():
    with pytest.raises(RelscaleError, match="no loader 'chinchila'; there are chinchilla, gemstones, over"):
        published("x.csv", "reference", loader="chinchila")
    assert loader_names() == ["chinchilla", "gemstones", "overtraining"]


def test_a_subject_that_mmlu_does_not_have_is_named(tmp_path):
    row = {"model": "a", "step": 1, "tokens": 1, "training_flops": 1.0, "subject": "cookery", "n": 1}
    write_table(pa.Table.from_pylist([row | {"loss": 1.0, "se": 0.1}]), tmp_path / "table.csv")
    with pytest.raises(RelscaleError, match="'cookery' is not a subject of MMLU"):
        published(tmp_path / "table.csv", "reference", loader="gemstones")
