"""Pins: what the hub answered once stands beside the config, and is read wherever the config is."""

import copy

import pytest
import yaml

from relscale.errors import RelscaleError
from relscale.experiments.config import load_config
from relscale.experiments.pins import write_pins

COMMITS = {"org/text": "a" * 40, "org/words": "b" * 40, "Anthropic/model-written-evals": "c" * 40}
EXPERIMENT = {
    "experiment": "tiny",
    "sources": {"web": {"kind": "hub", "path": "org/text"}},
    "corpora": {"web": {"source": "web"}},
    "vocabulary": {"tokenizer": "org/words", "size": 300},
    "design": {"recipe": "laptop", "flop_accounting": "training", "budgets": [1e11]},
    "suites": {"ai_risk": {}, "mmlu": {}},
}


@pytest.fixture
def hub(monkeypatch):
    """What was asked of a hub that knows ``COMMITS``."""
    asked = []

    def latest_commit(name, kind):
        asked.append((kind, name))
        if name not in COMMITS:
            raise RelscaleError(f"no {name}")
        return COMMITS[name]

    monkeypatch.setattr("relscale.experiments.pins.latest_commit", latest_commit)
    return asked


def write(folder, config):
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def test_pins_are_looked_up_once_and_filled_in_when_the_config_is_read(hub, tmp_path):
    path = write(tmp_path, EXPERIMENT)
    assert load_config(path).sources["web"].revision is None
    write_pins(load_config(path), path)
    assert hub == [
        ("dataset", "org/text"),
        ("model", "org/words"),
        ("dataset", "Anthropic/model-written-evals"),
    ]
    config = load_config(path)
    assert config.sources["web"].revision == "a" * 40
    assert config.vocabulary.revision == "b" * 40
    assert config.suites["ai_risk"].data["revision"] == "c" * 40
    assert config.suites["mmlu"].given() == {}  # the suite has a revision of its own
    write_pins(config, path)
    assert len(hub) == 3


def test_a_revision_in_the_config_stands_above_its_pin(hub, tmp_path):
    path = write(tmp_path, EXPERIMENT)
    write_pins(load_config(path), path)
    config = copy.deepcopy(EXPERIMENT)
    config["sources"]["web"]["revision"] = "d" * 40
    assert load_config(write(tmp_path, config)).sources["web"].revision == "d" * 40


def test_folders_are_not_looked_up(hub, tmp_path):
    config = copy.deepcopy(EXPERIMENT)
    config["sources"]["web"]["path"] = config["vocabulary"]["tokenizer"] = str(tmp_path)
    config["suites"] = {"ai_risk": {"data": "a/folder"}}
    path = write(tmp_path, config)
    assert write_pins(load_config(path), path) == {"dataset": {}, "model": {}}
    assert hub == []
    assert not (tmp_path / "mine.pins.yaml").exists()


def test_what_was_found_is_kept_when_a_name_is_not(hub, tmp_path):
    config = copy.deepcopy(EXPERIMENT)
    config["vocabulary"]["tokenizer"] = "org/nothing"
    path = write(tmp_path, config)
    with pytest.raises(RelscaleError, match="no org/nothing"):
        write_pins(load_config(path), path)
    assert load_config(path).sources["web"].revision == "a" * 40


def test_a_hub_that_cannot_be_reached_is_one_line(tmp_path, monkeypatch):
    import huggingface_hub

    def refuse(*_, **__):
        raise OSError("Name or service not known\nsecond line")

    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", refuse)
    path = write(tmp_path, EXPERIMENT)
    with pytest.raises(RelscaleError, match="cannot look up the dataset org/text on the hub") as error:
        write_pins(load_config(path), path)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "mine.pins.yaml").exists()


def test_a_file_that_holds_no_pins_is_refused(tmp_path):
    path = write(tmp_path, EXPERIMENT)
    (tmp_path / "mine.pins.yaml").write_text("revisions: none\n")
    with pytest.raises(RelscaleError, match=r"mine\.pins\.yaml: not a file of pins"):
        load_config(path)
