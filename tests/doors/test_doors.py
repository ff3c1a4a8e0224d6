"""Damaged and hostile data at every door: right, flagged, or one sentence, and nothing else.

``benchmarks/fuzz.py`` runs as many cases as one likes.
"""

import random
import warnings
from collections import Counter
from pathlib import Path

import pytest

from doors.doors import DOORS, FLAGGED, REFUSED, RIGHT

AT_ONCE = 25  # cases of a test
CASES = {
    "table_file": 50,
    "table_frame": 50,
    "published_table": 500,
    "measurements_file": 50,
    "checkpoint_table": 500,
    "samples": 400,
    "own_text": 425,
    "frontier_table": 50,
    "forecasts_on_record": 50,
}
# They load lm-eval and transformers, or fit every candidate of a forecast.
SLOW = {"suite_folder": 15, "checkpoint_folder": 15, "extrapolated_table": 6}


def test_there_are_cases_of_every_door_whose_reading_is_quick() -> None:
    assert {*CASES, *SLOW} == set(DOORS)
    assert sum(CASES.values()) >= 2000


def several(cases: dict[str, int]) -> list[tuple[str, int]]:
    return [(door, first) for door, count in cases.items() for first in range(0, count, AT_ONCE)]


@pytest.mark.slow
@pytest.mark.parametrize(("door", "first"), several(CASES))
def test_damaged_data_are_right_flagged_or_one_sentence(door: str, first: int, tmp_path: Path) -> None:
    outcomes = Counter(outcome(door, seed, tmp_path) for seed in range(first, first + AT_ONCE))
    assert outcomes.keys() <= {RIGHT, FLAGGED, REFUSED}
    assert len(outcomes) > 1, f"all {AT_ONCE} ended alike: {outcomes}"


@pytest.mark.slow
@pytest.mark.parametrize("door", SLOW)
def test_so_are_damaged_suites_and_checkpoints(
    door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a data set without files is sought in all of the current folder
    outcomes = Counter(outcome(door, seed, tmp_path) for seed in range(SLOW[door]))
    assert outcomes.keys() <= {RIGHT, FLAGGED, REFUSED}


def outcome(door: str, seed: int, tmp_path: Path) -> str:
    folder = tmp_path / str(seed)
    folder.mkdir()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return DOORS[door](random.Random(f"{door} {seed}"), folder)
    except Exception as error:
        raise AssertionError(f"benchmarks/fuzz.py --door {door} --seed {seed} --cases 1") from error
