import copy
from pathlib import Path

import pytest

from relscale.config import check_config, load_config
from relscale.errors import RelscaleError

EXPERIMENT = {
    "experiment": "tiny",
    "sources": {"installed": {"kind": "installed", "groups": {"numerics": ["numpy"]}}},
    "corpora": {"documentation": {"source": "installed", "part": "docstrings"}},
    "design": {"recipe": "laptop", "flop_accounting": "training", "budgets": ["1e11", 3.0e11]},
}


def changed(path, value):
    config = copy.deepcopy(EXPERIMENT)
    section = config
    for key in path[:-1]:
        section = section.setdefault(key, {})
    section[path[-1]] = value
    return config


def test_defaults_are_filled_in():
    config = check_config(EXPERIMENT)
    assert config["training"]["job"] == "budget"
    assert config["sources"]["installed"]["split"]["test"] == 0.1


def test_the_given_config_is_left_as_it_was():
    before = copy.deepcopy(EXPERIMENT)
    check_config(EXPERIMENT)
    assert before == EXPERIMENT


def test_powers_of_ten_are_numbers_with_and_without_a_point():
    assert check_config(EXPERIMENT)["design"]["budgets"] == [1e11, 3e11]


def test_checking_twice_changes_nothing():
    once = check_config(EXPERIMENT)
    assert check_config(once) == once


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["desing"], {}, "unknown key 'desing'; did you mean 'design'"),
        (["design", "budget"], [1], "design: unknown key 'budget'; did you mean 'budgets'"),
        (
            ["design", "flop_accounting"],
            "both",
            "design.flop_accounting: 'both' is not one of 'forward', 'training'",
        ),
        (["design", "budgets"], ["many"], "design.budgets.0: 'many' is not of type 'number'"),
        (["design", "widths"], {"1e11": [0]}, "design.widths.1e11.0: 0 is less than the minimum of 1"),
        (["design", "seeds"], {"1e12": [0]}, "design.seeds: 1e12 is not among the budgets"),
        (
            ["sources", "installed", "kind"],
            "web",
            "sources.installed.kind: 'web' is not one of 'installed', 'files', 'hub'",
        ),
        (["sources", "more"], {"kind": "files"}, "sources.more: 'path' is missing"),
        (["corpora", "documentation", "source"], "web", "no source 'web'; sources: installed"),
        (
            ["sources", "more"],
            {"kind": "hub", "path": "a/b", "revision": "main"},
            "sources.more.revision: 'main'",
        ),
        (["corpora", "more"], {}, "corpora.more: 'source' is missing"),
        (
            ["corpora", "more"],
            {"source": "installed", "parts": [{"source": "installed", "weight": 1}]},
            "corpora.more: give one of source, parts, not several",
        ),
        (
            ["corpora", "more"],
            {"parts": [{"source": "web", "weight": 1}]},
            "no source 'web'; sources: installed",
        ),
        (
            ["corpora", "documentation", "decontaminate"],
            {"suites": ["mmlu"]},
            "no suite 'mmlu'; suites: none",
        ),
        (["vocabulary", "tokenizer"], "org/words", "vocabulary: 'size' is a dependency of 'tokenizer'"),
        (["seed"], -1, "seed: -1 is less than the minimum of 0"),
        (["suites", " "], {}, "suites: "),
    ],
)
def test_a_bad_key_is_named_in_one_line(path, value, message):
    with pytest.raises(RelscaleError, match=message) as error:
        check_config(changed(path, value), "tiny.yaml")
    assert str(error.value).startswith("tiny.yaml: ")
    assert "\n" not in str(error.value)


MEASURED = {"experiment": "tiny", "runs": {"source": "measurements", "tables": [{"path": "table.csv"}]}}


def test_an_experiment_of_measurements_needs_nothing_to_train():
    config = check_config(MEASURED)
    assert config["runs"]["tables"][0]["columns"] == {}
    assert not {"sources", "corpora", "design"} & config.keys()
    assert check_config(config) == config


def test_a_further_law_has_defaults():
    config = check_config(MEASURED | {"fit": {"laws": [{"name": "mine", "law": "parametric"}]}})
    (law,) = config["fit"]["laws"]
    assert (law["error"], law["loss"], law["delta"], law["method"]) == (
        "log",
        "squares",
        1e-3,
        "levenberg-marquardt",
    )
    assert "bootstrap" not in law  # which interval is right depends on loss and points


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"runs": {}}, "'sources' is missing"),
        (
            {"runs": {"source": "tables"}},
            "runs.source: 'tables' is not one of 'train', 'checkpoints', 'measurements'",
        ),
        ({"runs": {"source": "measurements"}}, "runs: 'tables' is missing"),
        (
            {"runs": MEASURED["runs"] | {"tables": [{"pth": "a"}]}},
            "tables.0: unknown key 'pth'; did you mean 'path'",
        ),
        (
            {"corpora": {"a": {"source": "b"}}},
            "corpora: nothing is trained where runs.source is 'measurements'",
        ),
        ({"suites": {"mmlu": {"titel": "MMLU"}}}, "suites.mmlu: unknown key 'titel'; did you mean 'title'"),
        ({"fit": {"laws": [{"law": "power"}]}}, "fit.laws.0: 'name' is missing"),
        (
            {"fit": {"laws": [{"name": "a", "law": "b", "loss": "hubr"}]}},
            "'hubr' is not one of 'squares', 'huber'",
        ),
        (
            {"fit": {"forecast": [{"flops": 1e23}]}},
            "fit.forecast.0: unknown key 'flops'; allowed: corpus, tokens_per_param",
        ),
        (
            {"fit": {"contrasts": {"corpora": "a"}}},
            "fit.contrasts: unknown key 'corpora'; did you mean 'corpus'",
        ),
    ],
)
def test_a_bad_key_of_measurements_is_named_in_one_line(change, message):
    with pytest.raises(RelscaleError, match=message) as error:
        check_config(MEASURED | change, "tiny.yaml")
    assert str(error.value).startswith("tiny.yaml: ")
    assert "\n" not in str(error.value)


def test_tables_are_not_read_where_models_are_trained():
    with pytest.raises(RelscaleError, match=r"runs\.tables: is read where runs\.source is 'measurements'"):
        check_config(EXPERIMENT | {"runs": {"tables": [{"path": "a.csv"}]}})


def test_every_experiment_that_is_kept_is_right():
    root = Path(__file__).parents[1]
    for path in (root / "config.yaml", *(root / "experiments").glob("*.yaml")):
        load_config(path)


def test_a_file_that_is_no_yaml_is_named_with_its_line(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("experiment: a\ndesign: [1, 2\n")
    with pytest.raises(RelscaleError, match=r"broken.yaml, line 3: not YAML"):
        load_config(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(RelscaleError, match="no such config file"):
        load_config(tmp_path / "none.yaml")
