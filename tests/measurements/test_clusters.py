"""Items that come in clusters, such as questions on one file, are resampled by cluster."""

import math
import statistics

import numpy as np
import pyarrow as pa
import pytest

from relscale.measurements.collect import collect
from relscale.measurements.draws import draws
from relscale.measurements.measurement import Model
from relscale.measurements.metrics import effective_clusters, replicate_values, values
from relscale.measurements.options import Collect
from relscale.measurements.ratio_terms import ratio_terms
from relscale.measurements.runs import Measured

METRIC = "bits_per_byte_answer_mean"
BITS = {"a1": 1.0, "a2": 2.0, "a3": 3.0, "b1": 4.0, "c1": 6.0}
FILE = {"a1": "a", "a2": "a", "a3": "a", "b1": "b", "c1": "c"}


def items_of(make_items, clusters=FILE, subjects=None):
    """Questions whose right answers have one byte and these bits."""
    questions = [
        (doc, [(-bits * math.log(2), 1, 1, True), (-20.0, 1, 1, False)]) for doc, bits in BITS.items()
    ]
    table = make_items(questions)
    for name, of in (("cluster", clusters), ("subject", subjects)):
        if of is not None:
            column = pa.array([of.get(doc) for doc in table["doc_id"].to_pylist()], pa.string())
            table = table.set_column(table.column_names.index(name), name, column)
    return table


def of_metric(group, numbers, metric=METRIC):
    return numbers[..., group.metrics.index(metric)]


def test_the_standard_error_is_that_of_the_clusters_sums(make_items):
    group = ratio_terms(items_of(make_items))
    mean = statistics.fmean(BITS.values())
    away = [(1 + 2 + 3) - 3 * mean, 4 - mean, 6 - mean]
    expected = math.sqrt(3 / 2 * sum(each**2 for each in away)) / 5
    assert of_metric(group, values(group)[1]) == pytest.approx(expected)
    assert group.cluster_count == 3


def test_the_effective_number_of_clusters_is_by_their_weights_in_each_metric(make_items):
    """Of three files, one has three questions of five; as means of subjects x (a1) and y (the others)."""
    subjects = dict.fromkeys(BITS, "y") | {"a1": "x"}
    group = ratio_terms(items_of(make_items, FILE, subjects))
    effective = effective_clusters(group)
    assert of_metric(group, effective, f"{METRIC}_micro") == pytest.approx(25 / 11)
    assert of_metric(group, effective, f"{METRIC}_macro") == pytest.approx(1 / (0.75**2 + 2 * 0.125**2))
    equal = ratio_terms(items_of(make_items, {"a1": "a", "a2": "a", "b1": "b", "c1": "b"} | {"a3": None}))
    assert of_metric(equal, effective_clusters(equal)) == pytest.approx(25 / 9)
    assert effective_clusters(ratio_terms(items_of(make_items, {}))) is None


def test_a_cluster_is_drawn_as_a_whole(make_items):
    group = ratio_terms(items_of(make_items))
    weights = draws(group.units, 20, 0)
    assert (weights[0] == weights[1]).all()
    assert (weights[0] != weights[3]).any()
    drawn = of_metric(group, replicate_values(group, weights))
    a, b, c = weights[0], weights[3], weights[4]
    with np.errstate(invalid="ignore"):
        expected = (6 * a + 4 * b + 6 * c) / (3 * a + b + c)
    assert drawn == pytest.approx(expected, nan_ok=True)


def test_documents_of_which_no_two_share_a_cluster_stand_for_themselves(make_items):
    alone = {doc: doc for doc in BITS}
    group, plain = ratio_terms(items_of(make_items, alone)), ratio_terms(items_of(make_items, {}))
    assert group.cluster_count is None
    assert group.units == plain.units
    assert np.array_equal(values(group)[1], values(plain)[1])


def test_groups_that_share_files_are_drawn_together_where_one_has_one_question_of_each(make_items):
    """Files a, b, c: a group of five questions on them, and one of a single question on each."""
    few = items_of(make_items)
    few = few.filter(pa.array([doc in ("a1", "b1", "c1") for doc in few["doc_id"].to_pylist()]))
    for name, of in (("group", lambda doc: "few"), ("doc_id", lambda doc: f"{doc} again")):
        column = pa.array([of(doc) for doc in few["doc_id"].to_pylist()])
        few = few.set_column(few.column_names.index(name), few.schema.field(name), column)
    model = Model(corpus="web", run="r", block="r", training_flops=1e18)
    run = Measured(model, (), (pa.concat_tables([items_of(make_items), few]),))
    measurements, pieces, _ = collect([run], "test", Collect(replicates=200, cut=0), seed=0)
    clusters = {row["group"]: row["clusters"] for row in measurements.to_pylist() if row["metric"] == METRIC}
    assert clusters == {"g": 3, "few": 3}
    found = [row for piece in pieces for row in piece.to_pylist() if row["metric"] == METRIC]
    weights = draws(["a", "b", "c"], 200, 0)
    with np.errstate(invalid="ignore"):
        expected = np.array([1.0, 4.0, 6.0]) @ weights / weights.sum(axis=0)
    drawn_few = [row["value"] for row in found if row["group"] == "few" and row["unit"] == "cluster"]
    assert np.array(drawn_few, dtype=float) == pytest.approx(expected, nan_ok=True)


def test_subjects_that_are_the_clusters_are_what_is_drawn(make_items):
    group = ratio_terms(items_of(make_items, FILE, FILE))
    of_subjects = [2.0, 4.0, 6.0]
    stderr = of_metric(group, values(group)[1], f"{METRIC}_macro")
    assert stderr == pytest.approx(statistics.stdev(of_subjects) / math.sqrt(3))
    weights = draws(group.units, 20, 0)
    with np.errstate(invalid="ignore"):
        expected = (weights[[0, 3, 4]].T @ of_subjects) / weights[[0, 3, 4]].sum(axis=0)
    drawn = of_metric(group, replicate_values(group, weights), f"{METRIC}_macro")
    assert drawn == pytest.approx(expected, nan_ok=True)


def test_both_opinions_are_collected_and_only_where_there_are_clusters(make_items):
    model = Model(corpus="web", run="r", block="r", training_flops=1e18)
    alone = items_of(make_items, {})
    renamed = pa.array(["plain"] * alone.num_rows)
    alone = alone.set_column(alone.column_names.index("group"), alone.schema.field("group"), renamed)
    tables = [items_of(make_items), alone]
    run = Measured(model, (), (pa.concat_tables(tables),))
    measurements, pieces, _ = collect([run], "test", Collect(replicates=40, cut=0), seed=0)
    rows = {row["group"]: row for row in measurements.to_pylist() if row["metric"] == METRIC}
    assert (rows["g"]["clusters"], rows["g"]["items"]) == (3, 5)
    assert rows["g"]["effective_clusters"] == pytest.approx(25 / 11)
    assert (
        rows["plain"]["effective_clusters"]
        is rows["plain"]["clusters"]
        is rows["plain"]["stderr_items"]
        is None
    )
    assert rows["g"]["stderr_items"] == pytest.approx(rows["plain"]["stderr"])
    assert rows["g"]["stderr"] != pytest.approx(rows["g"]["stderr_items"])
    found = [row for piece in pieces for row in piece.to_pylist() if row["metric"] == METRIC]
    units = {(row["group"], row["unit"]) for row in found}
    assert units == {("g", "cluster"), ("g", "item"), ("plain", "item")}
    of = {unit: [row["value"] for row in found if (row["group"], row["unit"]) == unit] for unit in units}
    assert of["g", "item"] == of["plain", "item"]
