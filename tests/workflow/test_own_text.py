"""Text of one's own: what is made of it is made anew once it changes."""

from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow


def test_a_changed_text_makes_its_corpus_and_what_follows_anew(make_experiment, tmp_path):
    config = yaml.safe_load(Path(__file__).with_name("tiny.yaml").read_text())
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(40):
        (texts / f"{number}.txt").write_text(f"The text of number {number}. " * (number + 5))
    config["sources"] = {
        "own": {"kind": "files", "path": str(texts), "split": {"validation": 0.2, "test": 0.2}}
    }
    config["corpora"] = {"own": {"source": "own"}}
    config["suites"] = {"behaviours": {}}
    experiment = make_experiment(tmp_path / "experiment", config)
    documents = "results/tiny/corpora/own/documents.parquet"
    done = experiment.snakemake(documents)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "corpus" not in experiment.planned_jobs()
    (texts / "0.txt").write_text("Another text.")
    jobs = experiment.planned_jobs()
    assert {jobs[rule] for rule in ("corpus", "tokenize", "train")} == {1, 2}
