"""Expected times come from a few measured steps."""

from pathlib import Path

import numpy as np
import pytest
import torch

from relscale.cli import main
from relscale.experiments.config import load_config
from relscale.training import step_time

pytestmark = pytest.mark.slow  # torch takes seconds to import


def test_seconds_per_token_are_a_constant_and_a_rate() -> None:
    flops = np.array([1e5, 1e6, 1e7])
    rate, per_token = step_time.hardware_of(flops, 2e-6 + flops / 1e11)
    assert (rate, per_token) == (pytest.approx(1e11), pytest.approx(2e-6))


def test_the_doctor_prints_a_section_of_a_config(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(step_time, "seconds_per_step", lambda width: 1e-3 * (1 + width / 10))
    assert main(["doctor", "--steps"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    (path := tmp_path / "c.yaml").write_text(f"{CONFIG}{line}\n")
    assert load_config(path).hardware.flops_per_second > 1e6


def test_a_wider_model_takes_longer_and_the_process_is_as_it_was() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        torch.manual_seed(1)
        expected = torch.rand(1)
        torch.manual_seed(1)
        assert step_time.seconds_per_step(96) > step_time.seconds_per_step(8) > 0
        assert (torch.get_num_threads(), torch.rand(1)) == (2, expected)
    finally:
        torch.set_num_threads(threads)


CONFIG = """
experiment: e
sources: {web: {kind: files, path: web}}
corpora: {web: {source: web}}
design: {recipe: laptop, flop_accounting: training, sequence_length: 256, budgets: [2e11], widths: [24]}
"""
