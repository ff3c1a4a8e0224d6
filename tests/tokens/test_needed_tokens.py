"""A streamed corpus is prepared up to what its largest run reads of each part, so that no part is read twice."""

import copy
from pathlib import Path

import numpy as np
import pytest
import yaml

from relscale.experiments.config import check_config
from relscale.tokens.interleave import integer_shares, interleave

MICRO = Path(__file__).parents[1] / "workflow" / "micro.yaml"
CONFIG = yaml.safe_load(MICRO.read_text())


def experiment(weights, **sections):
    names = [f"web{number}" for number in range(len(weights))]
    parts = [{"source": name, "weight": weight} for name, weight in zip(names, weights, strict=True)]
    changes = {
        "sources": {name: {"kind": "hub", "path": f"org/{name}"} for name in names},
        "corpora": {"web": {"parts": parts}},
        "suites": {},
        "fit": {},
    }
    return check_config(copy.deepcopy(CONFIG) | changes | sections)


@pytest.mark.parametrize("weights", [[1], [1] * 10, [1, 3], [0.9, *[0.1 / 9] * 9], [5, 4, 3, 2, 1]])
def test_no_part_is_read_twice_by_the_largest_run(weights):
    found = experiment(weights)
    length = found.design.sequence_length
    sequences = max(run.tokens for run in found.planned_runs) // length
    read, _ = interleave(np.arange(sequences), integer_shares(weights))
    for part, needed in enumerate(found.tokens_needed("web")):
        whole_sequences = (int(needed) - 1) // length  # each with a target beyond its end
        assert (read == part).sum() <= whole_sequences
    assert sum(found.tokens_needed("web")) < (sequences + 8 * len(weights)) * length


def test_branches_read_further_than_their_runs():
    training = CONFIG["training"]
    plain = experiment([1], training=training)
    branches = {"from": [0.99], "tokens": 1e6, "factors": [1, 2]}
    assert sum(experiment([1], training=training | {"branches": branches}).tokens_needed("web")) > 1e6
    assert sum(plain.tokens_needed("web")) < 1e6


def test_the_configured_number_is_divided_by_the_shares():
    found = experiment([1, 3])
    corpus = found.corpora["web"].model_copy(update={"tokens": 1e6})
    found.corpora["web"] = corpus
    assert found.tokens_needed("web") == (250_000, 750_000)
