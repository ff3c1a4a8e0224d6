"""Which models were measured, and on what."""

import pytest

from relscale.errors import RelscaleError
from relscale.measurements.runs import listed_runs, trained_runs
from relscale.scoring.checkpoint_table import read_checkpoints
from relscale.scoring.scores import Score
from relscale.storage.entries import write_entries


@pytest.fixture
def scores(tmp_path):
    def write(*pairs):
        listed = [
            Score(name=name, run_key=name, suite=suite, items="items", bytes=1, status="ok", cut=0)
            for name, suite in pairs
        ]
        write_entries(tmp_path / "scores.json", listed)
        return [tmp_path / "scores.json"]

    return write


@pytest.fixture
def checkpoints(tmp_path):
    rows = [f"{name},web,{tmp_path},100,1000,1e9" for name in ("a", "b", "c")]
    (tmp_path / "table.csv").write_text("\n".join(["run,corpus,model,params,tokens,training_flops", *rows]))
    return read_checkpoints(tmp_path / "table.csv")


def test_every_model_without_items_of_a_suite_is_named(scores, checkpoints):
    listed = scores(("a", "one"), ("a", "two"), ("b", "one"))
    with pytest.raises(RelscaleError, match="no measurements of b on two, c on one, c on two;"):
        listed_runs(checkpoints, listed, {"one": None, "two": None})
    whole = scores(*((name, suite) for name in "abc" for suite in ("one", "two")))
    assert len(listed_runs(checkpoints, whole, {"one": None, "two": None})) == 3


def test_a_long_list_is_counted(scores, checkpoints):
    with pytest.raises(RelscaleError, match="and 7 more;"):
        listed_runs(checkpoints, scores(), dict.fromkeys(("one", "two", "three", "four")))


def test_a_run_that_the_plan_has_and_no_manifest_lists_is_named(tmp_path, scores):
    write_entries(tmp_path / "runs.json", [])
    with pytest.raises(RelscaleError, match="no measurements of planned;"):
        trained_runs([tmp_path / "runs.json"], scores(), ["planned"], ["one"])
