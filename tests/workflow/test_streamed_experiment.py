"""An experiment on the hub's data: its jobs are known before anything of the hub is."""

from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow


def test_an_experiment_is_planned_without_reaching_the_hub(make_experiment, tmp_path):
    config = yaml.safe_load(Path(__file__).with_name("micro.yaml").read_text())
    config["sources"] |= {
        "web": {"kind": "hub", "path": "org/web"},
        "books": {"kind": "hub", "path": "org/books"},
    }
    config["vocabulary"] = {"tokenizer": "org/words", "size": 512}
    config["corpora"] = {
        "web": {"source": "web", "decontaminate": {"suites": ["behaviours", "domains"]}},
        "mixture": {
            "parts": [
                {"source": "books", "weight": 1},
                {"source": "installed", "part": "code", "weight": 0.5},
            ]
        },
    }
    jobs = make_experiment(tmp_path, config).planned_jobs()
    assert {rule: jobs[rule] for rule in ("corpus", "vocabulary", "suite", "tokenize", "train", "score")} == {
        "corpus": 3,
        "vocabulary": 1,
        "suite": 4,
        "tokenize": 2,
        "train": 6,
        "score": 2,
    }
