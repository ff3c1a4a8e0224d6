"""The benchmark for GPUs at its tiny size, part by part in this process, so that it is whole when there is a GPU."""

from dataclasses import replace

import gpu
import pytest

TINY = replace(gpu.TINY, questions=2, stock_questions=1)


@pytest.fixture(autouse=True)
def _eager(monkeypatch, tmp_path):
    """Without compilation, which takes a minute on a processor, and without what was prepared for a GPU."""
    monkeypatch.setattr(gpu, "COMPILED", (False,))
    monkeypatch.setattr(gpu, "CARRIED", tmp_path / "nothing")


@pytest.mark.slow
def test_a_part_trains_with_each_loss_and_says_what_the_optimizer_and_the_loss_take(tmp_path):
    rows = list(gpu.rows_of("train 150M", TINY, tmp_path))
    assert [row["loss"] for row in rows] == ["chunks", "logits"]
    for row in rows:
        assert "problem" not in row
        assert row["tokens/s"] > 0
        assert 0 < row["MFU, causal"] < row["MFU"] < 1
        assert 0 < row["share of optimizer"] < 1


@pytest.mark.slow
def test_a_part_compares_optimizers_with_torchs_fused_adamw(tmp_path):
    rows = {row["optimizer"]: row for row in gpu.rows_of("optimizers", TINY, tmp_path)}
    assert rows["adamw"]["by fused AdamW"] == 1
    assert {"c-adamc", "muon"} < set(rows)


@pytest.mark.slow
def test_a_part_scores_the_items_of_stock_lm_eval_with_the_same_numbers(tmp_path):
    ours, stock = gpu.rows_of("scoring float32", TINY, tmp_path)
    assert ours["shares"]
    assert stock["within tolerance"]
    assert stock["relscale by stock"] == ours["items/s"] / stock["items/s"]


@pytest.mark.slow
def test_a_part_finds_the_same_bits_in_two_trainings_and_in_one_that_was_stopped(tmp_path):
    rows = list(gpu.rows_of("resume", TINY, tmp_path))
    assert [row["algorithms"] for row in rows] == ["default", "deterministic"]
    for row in rows:
        assert row["two runs are the same bits"]
        assert row["resumed after SIGTERM: the same bits"]


def test_what_a_part_found_before_it_was_stopped_is_in_the_tables(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "run_process", lambda part, tiny, scratch, limit, log: half_done(part, scratch))
    gpu.main(["--tiny", "--output", str(tmp_path), "--parts", "resume", "optimizers"])
    table = (tmp_path / "table.md").read_text()
    assert "| adamw | 1.5 |" in table
    assert table.count("stopped after 1 s") == 2


def half_done(part, scratch):
    (scratch / f"{part}.jsonl").write_text(f'{{"kind": "{part}", "optimizer": "adamw", "ms/step": 1.5}}\n')
    return "stopped after 1 s"
