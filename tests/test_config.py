import copy
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from one_sentence import assert_one_sentence

from relscale.errors import RelscaleError
from relscale.experiments.config import check_config, config_text, load_config, load_configs, save_config
from relscale.experiments.config_schema import config_schema, schema_of_source, schema_text
from relscale.experiments.paths import PathKind, opened_path, recorded_path
from relscale.experiments.schema_values import values_of
from relscale.storage.yaml_text import read

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
    assert config.training.job == "budget"
    assert config.sources["installed"].split.test == 0.1


def test_the_given_config_is_left_as_it_was():
    before = copy.deepcopy(EXPERIMENT)
    check_config(EXPERIMENT)
    assert before == EXPERIMENT


def test_powers_of_ten_are_numbers_with_and_without_a_point():
    assert check_config(EXPERIMENT).design.budgets == (1e11, 3e11)


def test_checking_twice_changes_nothing():
    once = check_config(EXPERIMENT)
    assert check_config(once.values()) == once


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
        (["design", "widths"], {"1e11": [0]}, "design.widths.1e11.0: 0 is not at least 1"),
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
        (["seed"], -1, "seed: -1 is not at least 0"),
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
    assert config.runs.tables[0].columns == {}
    assert not {"sources", "corpora", "design"} & config.values().keys()
    assert check_config(config.values()) == config


def test_a_further_law_has_defaults():
    config = check_config(MEASURED | {"fit": {"laws": [{"law": "parametric"}]}})
    (law,) = config.fit.laws
    assert law.name == "parametric"
    assert (law.residual, law.loss, law.delta, law.method) == (
        "log",
        "squares",
        1e-3,
        "levenberg-marquardt",
    )
    assert law.bootstrap is None  # which interval is right depends on loss and points


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
            "corpora: nothing is trained if runs.source is 'measurements'",
        ),
        ({"suites": {"mmlu": {"titel": "MMLU"}}}, "suites.mmlu: unknown key 'titel'; did you mean 'title'"),
        ({"fit": {"laws": [{"name": "mine"}]}}, "fit.laws.0: 'law' is missing"),
        ({"fit": {"level": 95}}, "fit.level: 95 is not below 1; write 0.95"),
        (
            {"fit": {"laws": [{"name": "a", "law": "b", "loss": "hubr"}]}},
            "'hubr' is not one of 'squares', 'huber'",
        ),
        (
            {"fit": {"forecast": [{"flops": 1e23}]}},
            "fit.forecast.0: unknown key 'flops'; did you mean 'training_flops'",
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
    with pytest.raises(RelscaleError, match=r"runs\.tables: used only if runs\.source is 'measurements'"):
        check_config(EXPERIMENT | {"runs": {"tables": [{"path": "a.csv"}]}})


def test_every_experiment_that_is_kept_is_right():
    root = Path(__file__).parents[1]
    for path in (root / "config.yaml", *(root / "experiments").glob("*.yaml")):
        load_config(path)


def test_the_schema_that_editors_read_is_that_of_the_types():
    """After a change of a section: ``relscale schema --output workflow/schemas/config.schema.json``."""
    file = Path(__file__).parents[1] / "workflow" / "schemas" / "config.schema.json"
    assert file.read_text(encoding="utf-8") == schema_text()


def test_every_shipped_config_names_the_schema_to_editors():
    root = Path(__file__).parents[1]
    schema = root / "workflow" / "schemas" / "config.schema.json"
    paths = [root / "config.yaml", *(root / "experiments").glob("*.yaml")]
    for path in paths:
        if not path.name.endswith(".pins.yaml"):
            first = path.read_text(encoding="utf-8").partition("\n")[0]
            option, _, target = first.partition("=")
            assert option == "# yaml-language-server: $schema"
            assert (path.parent / target).samefile(schema)


def test_every_key_says_what_it_means():
    """Sections, and the values of a key that is a section, are described by the section."""
    for name, section in config_schema()["$defs"].items():
        assert section["description"], name
        for key, value in section.get("properties", {}).items():
            assert "description" in value or "const" in value or "$ref" in value, f"{name}.{key}"


@pytest.mark.slow
def test_the_record_of_a_config_reads_as_the_same_experiment(tmp_path):
    root = Path(__file__).parents[1]
    for path in (root / "config.yaml", *(root / "experiments").glob("*.yaml")):
        experiment = load_config(path)
        save_config(experiment, tmp_path / "record.yaml")
        assert load_config(tmp_path / "record.yaml") == experiment


CONFIG_OF_PATHS = """
experiment: a
sources: {texts: {kind: files, path: texts}, web: {kind: hub, path: owner/name}}
corpora: {texts: {source: texts}, web: {source: web}}
design: {recipe: laptop, flop_accounting: training, sequence_length: 64, budgets: [1e10, 2e10]}
suites: {mine: {path: suites/mine}, read: {lm_eval: arc_easy, data: {arc_easy: data/arc.jsonl}}}
"""


def test_paths_in_a_config_are_relative_to_its_folder(tmp_path, monkeypatch):
    project = tmp_path / "project"
    for folder in ("texts", "suites/mine", "data"):
        (project / folder).mkdir(parents=True)
    (project / "data" / "arc.jsonl").touch()
    (project / "mine.yaml").write_text(CONFIG_OF_PATHS)

    def paths(experiment):
        suites = experiment.suites
        return [
            *(source.path for source in experiment.sources.values()),
            suites["mine"].path,
            suites["read"].data,
        ]

    monkeypatch.chdir(project)
    there = load_config("mine.yaml")
    assert paths(there) == ["texts", "owner/name", "suites/mine", {"arc_easy": "data/arc.jsonl"}]
    assert there.store == "results/store"
    save_config(
        there, Path("results/a/config.yaml")
    )  # the record is in another folder, and means the same files
    assert "../../texts" in Path("results/a/config.yaml").read_text()
    assert load_config("results/a/config.yaml") == there

    monkeypatch.chdir(tmp_path)
    above = load_config("project/mine.yaml")
    assert paths(above)[:2] == ["project/texts", "owner/name"]
    assert paths(above)[3] == {"arc_easy": "project/data/arc.jsonl"}
    assert above.store == "results/store"  # what is written is where the workflow runs
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert paths(load_config("../project/mine.yaml"))[0] == str(project / "texts")


@pytest.mark.parametrize("elsewhere", ["", "disk", "disk/deep/down"])
def test_a_recorded_path_is_the_path_also_if_the_results_are_a_link_to_another_disk(
    tmp_path, monkeypatch, elsewhere
):
    work = tmp_path / "work"
    work.mkdir()
    (work / "own.csv").touch()
    if elsewhere:
        (tmp_path / elsewhere).mkdir(parents=True)
        (work / "results").symlink_to(tmp_path / elsewhere)
    monkeypatch.chdir(work)
    folder = Path("results", "tiny")
    folder.mkdir(parents=True)
    for path in ("own.csv", "../outside.csv", str(tmp_path / "absolute.csv")):
        written = recorded_path(path, PathKind.READ, "table", folder)
        opened = opened_path(written, PathKind.READ, "table", folder)
        assert Path(opened).resolve() == Path(path).resolve()


@pytest.mark.parametrize("written", ["mmlu", Path("mmlu"), "~/mmlu"], ids=repr)
def test_paths_of_a_python_call_are_those_of_the_working_folder(written, tmp_path, monkeypatch):
    """As in ``rs.score(..., data="mmlu")``, whose config is in another folder."""
    (tmp_path / "mmlu").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "elsewhere"
    suites = {"mmlu": {"data": written}, "arc": {"lm_eval": ["arc"], "data": {"arc": {"test": written}}}}
    text = config_text({"runs": {"source": "checkpoints"}, "suites": suites}, folder)
    recorded = yaml.safe_load(text)["suites"]
    for path in (recorded["mmlu"]["data"], recorded["arc"]["data"]["arc"]["test"]):
        assert (folder / path).resolve() == tmp_path / "mmlu"


def test_a_path_that_is_relative_to_the_working_folder_is_refused_with_the_one_that_is_meant(
    tmp_path, monkeypatch
):
    (tmp_path / "texts").mkdir()
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "mine.yaml").write_text(CONFIG_OF_PATHS)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        RelscaleError, match=r"^configs/mine.yaml: sources.texts.path: texts: .* this one is ../texts$"
    ):
        load_config("configs/mine.yaml")


def test_a_file_that_is_not_yaml_is_named_with_its_line(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("experiment: a\ndesign: [1, 2\n")
    with pytest.raises(RelscaleError, match=r"broken.yaml, line 3: not YAML"):
        load_config(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(RelscaleError, match="no such config file"):
        load_config(tmp_path / "none.yaml")


def places(schema: dict[str, Any], kind: str) -> list[tuple[str, ...]]:
    """The keys that lead to every value of a type in the sections of the schema that a training experiment has."""
    found: list[tuple[str, ...]] = []

    def look(part: dict[str, Any], keys: tuple[str, ...]) -> None:
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
        if part.get("type") == kind or kind in part.get("type", ()):
            found.append(keys)
        for key, entry in part.get("properties", {}).items():
            look(entry, (*keys, key))

    sections = schema["$defs"]["TrainingExperiment"]["properties"]
    for section in ("seed", "vocabulary", "design", "hardware", "training", "scoring", "collect", "fit"):
        look(sections[section], (section,))
    return found


WHOLE = places(config_schema(), "integer")
NUMBERS = places(config_schema(), "number")


def valid(keys, value):
    config = changed(keys, value)
    config["design"]["sequence_length"] = config["design"].get("sequence_length", 256)
    if "mixtures" in config["design"]:
        source = next(iter(config["sources"]))
        config["design"]["mixtures"]["parts"] = {name: {"source": source} for name in ("one", "other")}
    return config


def at(config, keys):
    for key in keys:
        config = getattr(config, key)
    return config


@pytest.mark.slow
@pytest.mark.parametrize("keys", WHOLE, ids=".".join)
@pytest.mark.parametrize("text", ["2e3", 2e3, "2000.0"])
def test_a_whole_number_may_be_written_as_a_power_of_ten(keys, text):
    found = at(check_config(valid(keys, text)), keys)
    assert found == 2000
    assert type(found) is int


@pytest.mark.parametrize("keys", [*WHOLE, *NUMBERS], ids=".".join)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), ".nan", ".inf", "1e999"])
def test_a_number_is_finite(tmp_path, keys, value):
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump(valid(keys, value)).replace("'", ""))
    for refused in (lambda: check_config(valid(keys, value)), lambda: load_config(path)):
        with pytest.raises(RelscaleError) as error:
            refused()
        assert_one_sentence(error.value)
        assert ".".join(keys) in str(error.value)


@pytest.mark.parametrize("keys", WHOLE, ids=".".join)
@pytest.mark.parametrize("value", [2**63, 2**64, 1e300, "1" + "0" * 5000])
def test_a_whole_number_fits_into_64_bits(keys, value):
    with pytest.raises(RelscaleError) as error:
        check_config(valid(keys, value))
    assert_one_sentence(error.value)
    assert ".".join(keys) in str(error.value)


NAMES = """
experiment: {name}
sources: {{{name}: {{kind: installed, groups: {{{name}: [numpy, {name}]}}}}}}
corpora: {{{name}: {{source: {name}, part: {name}}}, both: {{parts: [{{source: {name}, part: {name}, weight: 1}}]}}}}
design: {{recipe: {name}, flop_accounting: training, budgets: [1e11], optimizers: [{name}]}}
suites: {{{name}: {{baseline: {name}, part: {name}, subjects: [{name}]}}}}
collect: {{subjects: [{name}]}}
fit:
  baselines: {{{name}: {name}}}
  metrics: {{{name}: [{name}]}}
  contrasts: {{corpus: {name}}}
  laws: [{{name: {name}, law: {name}, by: [{name}], where: {{group: {name}}}}}]
"""


@pytest.mark.parametrize(
    "name", ["no", "yes", "on", "off", "null", "true", "2024", "1.0", "1e5", "007", "2001-01-01"]
)
def test_a_name_is_the_text_that_was_written(tmp_path, name):
    path = tmp_path / "x.yaml"
    path.write_text(NAMES.format(name=name))
    config = load_config(path)
    assert config.name == name
    assert list(config.sources) == [name]
    assert config.sources[name].groups == {name: ("numpy", name)}
    assert config.corpora[name].given() == {"source": name, "part": name}
    assert config.corpora["both"].parts[0].part == name
    assert config.design.optimizers == (name,)
    (suite,) = config.suites.values()
    assert (suite.baseline, suite.part, suite.subjects) == (name, name, (name,))
    assert config.fit.metrics[name] == (name,)
    assert config.fit.laws[0].by == (name,)


@pytest.mark.parametrize("word", ["yes", "on", "true", "True", "YES"])
def test_truth_is_said_in_any_of_its_words(tmp_path, word):
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump(EXPERIMENT) + f"training: {{compile: {word}}}\n")
    assert load_config(path).training.compile is True


def test_a_value_that_is_left_empty_is_said_to_be_empty(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump(EXPERIMENT) + "training:\nsuites: {a: }\n")
    with pytest.raises(RelscaleError, match=r"(training|suites\.a): is empty"):
        load_config(path)


def test_a_home_folder_is_written_with_a_tilde(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    config = check_config(EXPERIMENT | {"store": "~/store", "suites": {"mine": {"path": "~/suites/mine"}}})
    assert config.store == "/home/me/store"
    assert config.suites["mine"].path == "/home/me/suites/mine"


def test_one_task_of_lm_eval_needs_no_list():
    config = check_config(EXPERIMENT | {"suites": {"a": {"lm_eval": "hellaswag"}}})
    assert config.suites["a"].given() == {"lm_eval": ["hellaswag"]}


def test_a_message_is_short_however_long_what_it_is_about(tmp_path):
    for key, value in (
        ("experiment", ["x" * 5000]),
        ("y" * 5000, 1),
        ("seed", [1] * 5000),
        ("store", {"a": [1] * 999}),
    ):
        with pytest.raises(RelscaleError) as error:
            check_config(EXPERIMENT | {key: value})
        assert_one_sentence(error.value)


def test_files_and_overrides_are_laid_over_one_another(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(yaml.safe_dump(EXPERIMENT))
    second.write_text("training: {threads: 2, job: run}\ndesign: {budgets: [1e12]}\n")
    config = load_configs([first, second], {"training": {"threads": "4"}, "seed": 7, "experiment": 2024})
    assert config.training.threads == 4
    assert config.training.job == "run"
    assert config.design.budgets == (1e12,)
    assert config.design.recipe == "laptop"
    assert (config.seed, config.name) == (7, "2024")


def test_a_wrong_override_is_said_to_be_one(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump(EXPERIMENT))
    with pytest.raises(RelscaleError, match=r"a\.yaml \+ --config: seed: 'x' is not of type 'integer'"):
        load_configs([path], {"seed": "x"})


def wrong_values(value):
    """Values beside the one of a key: another type, another range, an empty one, a duplicate, a key too many or few."""
    yield from (-1, 0, 1.5, 1e300, True, "", " ", "x", "x:y", [], {}, ["x", "x"], [1, 1], [None], {"x": 1})
    if isinstance(value, dict):
        yield {**value, "x": 1}
        yield {**value, "": next(iter(value.values()), 1)}
        yield from ({key: entry for key, entry in value.items() if key != left} for left in value)
    if isinstance(value, list):
        yield [*value, *value]


def altered(value):
    """All copies of a config with one wrong value."""
    yield from wrong_values(value)
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, entry in entries:
        for other in altered(entry):
            copied = dict(value) if isinstance(value, dict) else list(value)
            copied[key] = other
            yield copied


@pytest.mark.parametrize("source", ["train", "checkpoints", "measurements"])
def test_a_config_is_read_alike_by_the_schema_of_its_source_and_by_that_of_all(source):
    root, read_some = Path(__file__).parents[1], False
    for path in (root / "config.yaml", *(root / "experiments").glob("*.yaml")):
        written = read(path)
        if written.get("runs", {}).get("source", "train") == source:
            read_some = True
            assert values_of(schema_of_source(source), written) == values_of(config_schema(), written)
    assert read_some


@pytest.mark.slow
@pytest.mark.parametrize("name", ["config", "experiments/mixture-laptop", "experiments/checkpoints"])
def test_the_types_refuse_what_the_schema_refuses(name):
    """The types are asked first, because the library that reads the schema takes long to import."""
    validator = jsonschema.Draft202012Validator(config_schema())
    experiment = yaml.safe_load((Path(__file__).parents[1] / f"{name}.yaml").read_text())
    refused = 0
    for config in islice(altered(experiment), 0, None, 13):  # all take half a minute
        try:
            values = values_of(config_schema(), config)
        except RelscaleError:
            continue
        if not validator.is_valid(values):
            refused += 1
            with pytest.raises(RelscaleError):
                check_config(config)
    assert refused > 10
