"""A failure speaks: in the workflow as at the command line, once, and before anything else is touched."""

import os
import re
import shutil
from pathlib import Path

import pytest
import yaml

from relscale.scoring.suite_description import SUITES
from relscale.storage.process import CHECKED

ROOT = Path(__file__).parents[2]
TINY = yaml.safe_load(Path(__file__).with_name("tiny.yaml").read_text())
WORKFLOW = ["--snakefile", ROOT / "Snakefile", "--configfile", "mine.yaml"]
CUT = "not JSON (Expecting property name enclosed in double quotes)"

pytestmark = pytest.mark.slow


@pytest.fixture
def experiment(make_experiment, tmp_path):
    """The smallest experiment on one machine, with the profile of a person who types no more than the config."""
    made = make_experiment(tmp_path, TINY | {"hardware": {}})

    def run(*arguments):
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump(made.config))
        return made.call_snakemake(*arguments, *WORKFLOW)

    made.run = run
    return made


def suite_with_a_cut_line(folder):
    """A suite of which one line is not whole: nothing that a check of the config reads."""
    shutil.copytree(SUITES / "behaviours", folder)
    path = min((folder / "data").glob("*.jsonl"))
    path.write_text(path.read_text() + "{\n")
    return {"path": folder.name}


def test_what_failed_jobs_say_is_on_the_terminal_once_for_each(experiment):
    names = ("mine", "yours")
    experiment.config["suites"] = {name: suite_with_a_cut_line(experiment.folder / name) for name in names}
    targets = [f"results/tiny/suites/{name}/suite.yaml" for name in names]
    result = experiment.run("--cores", "2", *targets)
    assert result.returncode == 1
    for name in names:
        assert len(re.findall(rf"relscale suite: {name}/data/.*: {re.escape(CUT)}", result.stderr)) == 1
        assert (experiment.folder / f"results/tiny/logs/suite/{name}.log").is_file()
    assert CUT not in result.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("experiment: a\ndesign: [1, 2\n", "mine.yaml, line 3: not YAML"),
        ("experiment: Prüfung\n".encode("latin-1"), "mine.yaml, line 1: not UTF-8"),
        ("experiment: &a [*a]\n", "mine.yaml, line 1: *a is inside what it refers to"),
        ("__use_yte__: true\nexperiment: ?open('PWNED', 'w')\n", "mine.yaml: __use_yte__"),
        (
            yaml.safe_dump(TINY | {"training": {"max_epochs": float("nan")}}),
            "training.max_epochs: .nan is not",
        ),
        (
            yaml.safe_dump(TINY | {"corpora": {"x": {"source": "installed", "part": "kode"}}}),
            "no part 'kode'",
        ),
    ],
)
def test_a_bad_config_is_one_sentence_with_file_and_line(experiment, text, message):
    path = experiment.folder / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    result = experiment.call_snakemake("-n", *WORKFLOW)
    assert result.returncode == 1
    said = result.stdout + result.stderr  # a dry run speaks on stdout
    assert said.count(message) == 1
    assert "Traceback" not in said
    assert not (experiment.folder / "PWNED").exists()


def test_names_that_yaml_1_1_takes_for_more_are_names(experiment):
    text = yaml.safe_dump(experiment.config).replace("documentation:", "no:").replace("files:", "on:")
    path = experiment.folder / "mine.yaml"
    path.write_text(text.replace("baseline: files", "baseline: on"))
    result = experiment.call_snakemake("-n", *WORKFLOW)
    assert result.returncode == 0, result.stderr
    assert re.search(r"^train +2$", result.stdout + result.stderr, re.MULTILINE)


def test_overrides_keep_working_and_are_named_where_they_are_wrong(experiment):
    design = "design={budgets: [2e9, 4e9, 8e9]}"
    result = experiment.run("-n", "--config", "seed=1e0", design)
    assert re.search(r"^train +3$", result.stdout + result.stderr, re.MULTILINE), result.stderr
    result = experiment.run("-n", "--config", "seed=x")
    assert "mine.yaml + --config: seed: 'x' is not of type 'integer'" in result.stdout
    assert not (experiment.folder / "results").exists()  # a dry run writes nothing


def test_a_wrong_experiment_makes_nothing(experiment):
    experiment.config["suites"] = {"mine": {"path": "nowhere"}}
    result = experiment.run("--cores", "2")
    assert result.returncode == 1
    assert "suites.mine: nowhere/suite.yaml: no such file" in result.stderr
    assert not os.path.lexists(experiment.folder / "results")


def test_an_override_of_a_config_that_relscale_run_has_checked_is_checked(experiment):
    experiment.environment[CHECKED] = str(experiment.folder / "mine.yaml")
    assert experiment.run("--cores", "1", "--dry-run").returncode == 0
    result = experiment.run("--cores", "1", "--dry-run", "--config", "suites={mine: {path: nowhere}}")
    assert result.returncode == 1
    assert "suites.mine: nowhere/suite.yaml: no such file" in result.stdout + result.stderr


@pytest.mark.parametrize("is_checked", [True, False])
def test_a_config_that_relscale_run_has_checked_is_not_checked_again(experiment, is_checked):
    published = {"source": "measurements", "tables": [{"path": "nowhere.csv"}]}
    options = experiment.options({"experiment": "published", "runs": published})
    experiment.environment[CHECKED] = str(options[-1]) if is_checked else ""
    result = experiment.call_snakemake("-n", *options)
    assert result.returncode == 1
    said = result.stdout + result.stderr
    assert ("runs.tables: nowhere.csv: no such table" in said) is not is_checked
