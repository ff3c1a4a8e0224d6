import os
from dataclasses import replace

import pytest
from records import write_record

from relscale.design.cost import Hardware, seconds
from relscale.design.isoflop import plan
from relscale.design.options import Design
from relscale.tokens.manifest import STORE_FILE, StoreManifest
from relscale.training.key import run_key, tokens_digest
from relscale.training.options import Training
from relscale.training.progress import SAMPLE, progress

HARDWARE = Hardware(flops_per_second=1e6)
OPTIONS = Training(threads=os.cpu_count())


def planned():
    return plan(
        ["texts"],
        Design(
            recipe="laptop",
            flop_accounting="training",
            sequence_length=16,
            budgets=[1e9],
            widths=[8, 16, 32],
        ),
        vocabulary_size=300,
        seed=0,
    )


def store(folder):
    tokens = folder / "tokens" / "texts"
    tokens.mkdir(parents=True)
    StoreManifest(
        vocabulary_size=300,
        end_of_text=0,
        dtype="<u2",
        seed=0,
        splits={},
        groups={},
        vocabulary="b",
        sha256={"train": "a"},
    ).write(tokens / STORE_FILE)
    return tokens


def test_before_the_corpus_is_read_nothing_is_trained(tmp_path):
    line = progress(planned(), tmp_path / "tokens", tmp_path, OPTIONS, HARDWARE)()
    assert line.startswith("0 of 3 runs are trained, about ")


def test_what_is_left_is_scaled_by_what_the_finished_runs_took(tmp_path):
    first, *others = planned()
    tokens = store(tmp_path)
    folder = tmp_path / "runs" / run_key(first, tokens_digest(tokens), OPTIONS)
    folder.mkdir(parents=True)
    write_record(folder, first, seconds=3 * seconds(first, HARDWARE))
    minutes = 3 * sum(seconds(run, HARDWARE) for run in others) / 60
    line = progress([first, *others], tmp_path / "tokens", tmp_path, OPTIONS, HARDWARE)()
    assert line == f"1 of 3 runs are trained, about {minutes:.1f} minutes left"


def test_at_the_end_nothing_is_left(tmp_path):
    tokens = store(tmp_path)
    for run in planned():
        folder = tmp_path / "runs" / run_key(run, tokens_digest(tokens), OPTIONS)
        folder.mkdir(parents=True)
        write_record(folder, run)
    line = progress(planned(), tmp_path / "tokens", tmp_path, OPTIONS, HARDWARE)()
    assert line == "3 of 3 runs are trained"


@pytest.mark.slow
def test_a_line_costs_the_same_reading_however_many_runs_are_done(tmp_path, monkeypatch):
    """Records are read once, and of many runs a sample: lines after each of n runs do not cost n² reads."""
    tokens = store(tmp_path)
    runs = [replace(run, seed=seed) for run in planned() for seed in range(200)]
    reads = []
    monkeypatch.setattr("relscale.training.progress._seconds", lambda folder: reads.append(folder) or 1.0)
    line = progress(runs, tmp_path / "tokens", tmp_path, OPTIONS, HARDWARE)
    data = tokens_digest(tokens)
    for number, run in enumerate(runs, start=1):
        (tmp_path / "runs" / run_key(run, data, OPTIONS)).mkdir(parents=True)
        if number % 100 == 0:
            assert line().startswith(f"{number} of 600 runs are trained")
    assert len(reads) == len(set(reads))
    assert len(reads) < 4 * SAMPLE
