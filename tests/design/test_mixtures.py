"""Mixtures drawn at random: corpora of the same parts at other weights, and their columns in the measurements."""

import numpy as np
import pyarrow as pa
import pytest

from relscale.design.mixtures import Mixtures, mixture_corpora
from relscale.errors import RelscaleError
from relscale.experiments.config import check_config
from relscale.experiments.experiment import TrainingExperiment
from relscale.measurements.mixture_shares import with_mixture_shares

PARTS = {"prose": {"source": "s", "part": "docstrings"}, "code": {"source": "s", "part": "code"}}


def config(**changes):
    return {
        "experiment": "mixed",
        "sources": {"s": {"kind": "installed", "groups": {"n": ["numpy"]}}},
        "corpora": {"natural": {"source": "s"}},
        "design": {
            "recipe": "laptop",
            "flop_accounting": "training",
            "budgets": [1e9],
            "widths": [8],
            "mixtures": {"parts": PARTS, "number": 5},
        },
    } | changes


def test_every_mixture_is_a_corpus_with_runs_of_its_own():
    experiment = check_config(config())
    assert isinstance(experiment, TrainingExperiment)
    assert list(experiment.corpora) == ["natural", *(f"mixture-0{k}" for k in range(1, 6))]
    assert {run.corpus for run in experiment.planned_runs} == set(experiment.corpora)
    shares = experiment.corpora["mixture-02"].shares
    assert set(shares) == {"prose", "code"}
    assert sum(shares.values()) == pytest.approx(1)


def test_the_config_as_it_was_resolved_means_the_same():
    experiment = check_config(config())
    assert check_config(experiment.values()) == experiment


def test_another_corpus_of_a_mixtures_name_is_refused():
    with pytest.raises(
        RelscaleError, match=r"corpora\.mixture-01: a mixture of design\.mixtures has this name"
    ):
        check_config(config(corpora={"mixture-01": {"source": "s"}}))


def test_a_part_of_no_source_is_refused_where_it_stands():
    design = config()["design"] | {"mixtures": {"parts": PARTS | {"web": {"source": "w"}}}}
    with pytest.raises(RelscaleError, match=r"design\.mixtures\.parts\.web\.source: no source 'w'"):
        check_config(config(design=design))


@pytest.mark.slow
def test_weights_are_uniform_over_all_mixtures_at_concentration_1():
    parts = {name: {"source": name} for name in "abc"}
    drawn = mixture_corpora(Mixtures.model_validate({"parts": parts, "number": 2000}), 0)
    shares = np.array([[corpus.shares.get(name, 0) for name in parts] for corpus in drawn.values()])
    assert shares.mean(axis=0) == pytest.approx([1 / 3] * 3, abs=0.02)
    # Of a uniform draw over the simplex of three parts the variance of a share is 1/18.
    assert shares.var(axis=0) == pytest.approx([1 / 18] * 3, abs=0.004)


def test_more_mixtures_keep_those_that_there_were():
    few, many = (mixture_corpora(Mixtures(parts=PARTS, number=n), 7) for n in (3, 8))
    assert {name: many[name] for name in few} == few


def test_measurements_say_the_share_of_each_part():
    measured = pa.table({"corpus": ["mixed", "prose"], "value": [1.0, 2.0]})
    shares = {"mixed": {"prose": 0.25, "code": 0.75}, "prose": {"prose": 1.0}}
    table = with_mixture_shares(measured, shares)
    assert table["share_prose"].to_pylist() == [0.25, 1.0]
    assert table["share_code"].to_pylist() == [0.75, 0.0]
    alone = {"mixed": {"code": 1.0}, "prose": {"prose": 1.0}}
    assert with_mixture_shares(measured, alone).column_names == ["corpus", "value"]
