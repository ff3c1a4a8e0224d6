"""What an experiment names and is not there is said before anything runs."""

from pathlib import Path

import pytest
import yaml

from relscale.check import check_experiment
from relscale.config import check_config, load_config
from relscale.errors import RelscaleError
from relscale.provenance import files_state

ROOT = Path(__file__).parents[1]
MICRO = ROOT / "tests" / "workflow" / "micro.yaml"


def micro(**changes):
    return check_config(yaml.safe_load(MICRO.read_text()) | changes)


@pytest.mark.parametrize(
    "path", [MICRO, ROOT / "config.yaml", *sorted((ROOT / "experiments").glob("*.yaml"))]
)
def test_every_experiment_that_is_kept_is_right(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    try:
        check_experiment(load_config(path))
    except RelscaleError as error:
        if "no such table" in str(error):  # what another experiment makes
            pytest.skip(str(error))
        raise


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"figures": ["isoflops"]}, "isoflops"),
        ({"figures": ["relative-law-mmlu"]}, "figures: no 'mmlu' in the experiment"),
        ({"suites": {"knowlege": {}}}, "knowlege"),
        ({"fit": {"laws": [{"name": "mine", "law": "chinchila"}]}}, "no law 'chinchila'; there are"),
        ({"fit": {"answers": "answers.csv"}}, "fit.answers: answers.csv: no such table"),
        (
            {"design": {**yaml.safe_load(MICRO.read_text())["design"], "optimizers": ["adan"]}},
            "no optimizer 'adan'",
        ),
        (
            {"fit": {"baselines": {"knowlege": "easy"}}},
            "fit.baselines: no 'knowlege' in the experiment",
        ),
        ({"fit": {"contrasts": {"corpus": "text"}}}, "fit.contrasts.corpus: no 'text' in the experiment"),
        ({"collect": {"subjects": ["mmlu"]}}, "collect.subjects: no 'mmlu' in the experiment"),
        ({"suites": {"validation": {"path": "x"}}}, "suites.validation: is how measurements call"),
        (
            {
                "suites": {"behaviours": {}, "behaviours_subjects": {}},
                "collect": {"subjects": ["behaviours"]},
            },
            "suites.behaviours_subjects: is how measurements call",
        ),
        ({"training": {"devices": 3}, "hardware": {"gpus_per_node": 2}}, "training.devices: 3"),
    ],
)
def test_what_is_not_there_is_named_in_one_line(changes, message):
    with pytest.raises(RelscaleError) as error:
        check_experiment(micro(**changes))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_state_of_files_is_another_once_one_is_changed_added_or_gone(tmp_path):
    folder = tmp_path / "texts"
    (folder / "below").mkdir(parents=True)
    text = folder / "below" / "a.txt"
    text.write_text("one")
    states = [files_state(folder)]
    assert files_state(folder) == states[0]
    text.write_text("other")
    states.append(files_state(folder))
    (folder / "b.txt").write_text("two")
    states.append(files_state(folder))
    text.unlink()
    states.append(files_state(folder))
    assert len(set(states)) == len(states)
    assert files_state(folder / "b.txt") is not None


def test_a_name_on_the_hub_has_no_state_here():
    assert files_state("org/words") is None
    assert files_state("") is None


def test_the_folder_one_is_in_has_a_state(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("one")
    monkeypatch.chdir(tmp_path)
    assert files_state(".") == files_state(tmp_path)
