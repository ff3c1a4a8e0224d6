"""``relscale init``: a config to start from, which is right as it is written."""

import csv

import pytest

from relscale.api import Experiment
from relscale.cli import main
from relscale.errors import RelscaleError
from relscale.experiments.check import check_experiment
from relscale.experiments.config import load_config
from relscale.experiments.experiment import CheckpointExperiment, MeasurementExperiment
from relscale.package_files import REFERENCE
from relscale.starting.texts import budgets_for, makespan


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_texts(folder, files=50, size=2000):
    folder.mkdir(parents=True)
    for number in range(files):
        (folder / f"{number}.txt").write_text(f"{number} words of a text. " * (size // 20))


def test_two_folders_of_text_become_an_experiment_that_can_run(folder, capsys):
    write_texts(folder / "stories")
    write_texts(folder / "2024", files=2, size=100_000)  # a folder that YAML would take for a number
    assert main(["init", "texts", "stories", "2024", "--minutes", "2", "--name", "mine"]) == 0
    assert capsys.readouterr().out == "written: mine.yaml\nnext: relscale run mine.yaml\n"
    assert (folder / "mine.yaml").read_text().startswith("# yaml-language-server: $schema=/")
    experiment = load_config("mine.yaml")
    check_experiment(experiment)
    assert {name: source.domain for name, source in experiment.sources.items()} == {
        "stories": "stories",
        "2024": "2024",
    }
    assert experiment.suites["domains"].baseline == "stories"
    assert all(len(widths) >= 3 for widths in experiment.design.widths.values())


def test_the_sub_folders_of_one_folder_are_its_groups(folder):
    for name in ("poems", "letters"):
        write_texts(folder / "texts" / name)
    assert main(["init", "texts", "texts"]) == 0
    assert set(load_config("texts.yaml").sources) == {"poems", "letters"}


def test_the_same_in_python_is_an_experiment_that_can_run(folder):
    for name in ("poems", "letters"):
        write_texts(folder / name)
    experiment = Experiment.from_texts("poems", "letters", minutes=2, config="mine.yaml")
    assert experiment.check() == []
    assert experiment.options.name == "mine"
    with pytest.raises(RelscaleError, match=r"mine\.yaml: already exists"):
        Experiment.from_texts("poems", "letters", config="mine.yaml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["texts", "poems"],
            "a gap is between two groups of text; name two folders, or one with two sub-folders",
        ),
        (["texts"], "name two folders of text"),
        (["texts", "poems", "prose"], "prose: no such file or folder"),
        (["texts", "poems", "few"], "few: 3 bytes of text in 1 files; a group needs 40,000 at least"),
        (["texts", "poems", "poems"], "poems: given twice"),
        (["texts", "poems", "few", "--minutes", "-1"], "--minutes: -1; give the time limit"),
        (["text"], "no 'text'; did you mean 'texts'?"),
        (["fit"], "name one table"),
        (["fit", "no.csv"], "no.csv: no such table"),
        (["fit", "ungrouped.csv"], "no column is called group"),
    ],
)
def test_what_cannot_be_started_from_is_reported_and_nothing_is_written(folder, capsys, arguments, message):
    write_texts(folder / "poems")
    (folder / "few").mkdir()
    (folder / "few" / "a.txt").write_text("one")
    (folder / "ungrouped.csv").write_text("flops,loss\n1e18,3\n")
    before = set(folder.iterdir())
    assert main(["init", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert set(folder.iterdir()) == before


def test_nothing_is_overwritten(folder, capsys):
    assert main(["init", "paper"]) == 0
    assert main(["init", "paper"]) == 1
    assert "paper.yaml: already exists" in capsys.readouterr().err
    assert load_config("paper.yaml") == load_config("paper")


def test_a_table_of_ones_own_becomes_measurements(folder):
    from relscale.measurements.published import read_tables

    assert main(["init", "fit", str(REFERENCE / "olmo_ladder_mmlu.csv"), "--name", "ladder"]) == 0
    experiment = load_config("ladder.yaml")
    assert isinstance(experiment, MeasurementExperiment)
    check_experiment(experiment)
    measurements = read_tables(experiment.runs.tables, experiment.name)
    assert len(set(measurements["run"].to_pylist())) == 25
    assert experiment.suites["ladder"].baseline == "stem"


def test_models_become_a_table_of_checkpoints_to_fill_in(folder):
    (folder / "model").mkdir()
    assert main(["init", "checkpoints", "model", "owner/released-1b", "--name", "audit"]) == 0
    with (folder / "audit.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["model", "owner/released-1b"]
    assert isinstance(load_config("audit.yaml"), CheckpointExperiment)


@pytest.mark.parametrize(
    ("models", "runs"),
    [
        (["small/step1000", "small/step2000"], ["step1000", "step2000"]),
        (["small/step1000", "large/step1000"], ["small-step1000", "large-step1000"]),
        (['own, "é"/step1000', "other/step1000"], ['own, "é"-step1000', "other-step1000"]),
    ],
)
def test_checkpoints_of_several_models_are_told_apart(folder, models, runs):
    for model in models:
        (folder / model).mkdir(parents=True)
    assert main(["init", "checkpoints", *models, "--name", "audit"]) == 0
    with (folder / "audit.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == runs
    assert [row["model"] for row in rows] == models


def test_more_time_and_more_text_allow_larger_budgets_and_no_text_is_seen_too_often():
    short, long = budgets_for(2, 10**8), budgets_for(30, 10**8)
    assert short.budgets[-1] < long.budgets[-1]
    assert long.seconds <= 30 * 60
    little = budgets_for(30, 10**6)
    assert little.budgets[-1] < long.budgets[-1]
    assert little.epochs <= 4


def test_the_longest_job_is_first():
    assert makespan([1, 1, 1, 3], workers=2) == 3
