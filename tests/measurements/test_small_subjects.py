"""The mean over subjects where some subject has few items: its standard error, and the line that names them."""

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from relscale.measurements.collect import collect
from relscale.measurements.measurement import Model
from relscale.measurements.metrics import values
from relscale.measurements.options import Collect
from relscale.measurements.ratio_terms import ratio_terms
from relscale.measurements.runs import Measured

METRIC = "bits_per_byte_answer_mean"


def items_of(make_items, sizes, clusters=None):
    """Questions of subjects of these sizes; ``clusters`` is the number of clusters of each subject."""
    subjects = np.repeat(np.arange(len(sizes)), sizes)
    table = make_items(
        [(f"d{i}", [(-math.log(2), 1, 1, True), (-9.0, 1, 1, False)]) for i in range(len(subjects))]
    )
    columns = {"subject": [f"s{subject}" for subject in np.repeat(subjects, 2)]}
    if clusters:
        columns["cluster"] = [
            f"c{subjects[i]}-{i % clusters}" for i in np.repeat(np.arange(len(subjects)), 2)
        ]
    for name, labels in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(labels))
    return table


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(3, 3), (3, 60), (3,) * 12])
def test_the_standard_error_squared_is_the_variance_of_the_mean_over_subjects(make_items, sizes) -> None:
    """Over new items of subjects whose items are of different ease."""
    rng = np.random.default_rng(0)
    group = ratio_terms(items_of(make_items, sizes))
    column, scale = group.names.index(METRIC), 1.0 + np.repeat(np.arange(len(sizes)), sizes)
    macro = group.metrics.index(f"{METRIC}_macro")
    found = []
    for _ in range(1500):
        numerators = group.numerators.copy()
        numerators[:, column] = scale * rng.gamma(2, size=len(scale))
        value, stderr = values(replace(group, numerators=numerators))
        found.append((value[macro], stderr[macro] ** 2))
    means, variances = np.transpose(found)
    assert np.mean(variances) == pytest.approx(np.var(means), rel=0.12)


@pytest.mark.parametrize(
    ("sizes", "clusters", "line"),
    [
        ((12, 10), None, ""),
        ((12, 9, 3), None, "2 of 3 subjects have fewer than 10 items, the smallest 3"),
        ((12, 12), 4, "2 of 2 subjects have fewer than 10 clusters of items, the smallest 4"),
        ((12, 3), 1, ""),  # subjects are resampled
    ],
)
def test_a_group_with_small_subjects_is_named_once(make_items, capsys, sizes, clusters, line) -> None:
    items = items_of(make_items, sizes, clusters)
    runs = [
        Measured(Model(corpus="web", run=run, block=run, training_flops=1e18), (), (items,)) for run in "ab"
    ]
    collect(runs, "test", Collect(replicates=0, cut=0), seed=0)
    said = [words for words in capsys.readouterr().err.splitlines() if "subjects" in words]
    assert len(said) == bool(line)
    assert all(words.startswith(f"s p, g: {line}") for words in said)
