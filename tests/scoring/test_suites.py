import json
import re
from collections import Counter

import pyarrow.parquet
import pytest
import yaml
from one_sentence import assert_one_sentence

from relscale.errors import RelscaleError
from relscale.scoring import suite_code
from relscale.scoring.builders.held_out import excerpt
from relscale.scoring.manifest import read_manifest
from relscale.scoring.options import Suite
from relscale.scoring.requests import read_requests
from relscale.scoring.suite import prepare_suite
from relscale.scoring.suite_description import available_suites, suite_digest

# The suites of the default experiment, which need no data of others.
MADE_FROM_TEXT = ["behaviours", "domains", "knowledge", "varieties"]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, documents):
    """Each shipped suite, made from the same documents."""
    folder = tmp_path_factory.mktemp("suites")
    for name in MADE_FROM_TEXT:
        prepare_suite(name, Suite(), [documents], folder / name, seed=0)
    return folder


def test_the_suites_that_are_shipped():
    assert available_suites() == sorted([*MADE_FROM_TEXT, "ai_risk", "englishes", "mmlu"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["knowledge", "varieties", "domains", "behaviours"])
def test_a_prepared_suite_lists_every_group_and_item_that_it_has(prepared, read_data, name):
    manifest, data = read_manifest(prepared / name), read_data(prepared / name)
    assert manifest.baseline in manifest.groups
    assert set(manifest.tasks) == {f"{name}_{task}" for task in data}
    counted = Counter()
    for task, rows in data.items():
        place = manifest.tasks[f"{name}_{task}"]
        counted[place.group, place.prompt] += len(rows)
        assert len({row["id"] for row in rows}) == len(rows)
    prompts = {place.prompt for place in manifest.tasks.values()}
    expected = {
        (group, prompt): entry.items for group, entry in manifest.groups.items() for prompt in prompts
    }
    assert counted == expected
    assert manifest.prompt in prompts


@pytest.mark.parametrize("name", ["knowledge", "varieties", "domains"])
def test_only_documents_of_test_modules_are_used(prepared, read_data, rows_by_id, name):
    used = {row["id"] for rows in read_data(prepared / name).values() for row in rows}
    assert used
    assert {rows_by_id[id_]["split"] for id_ in used} == {"test"}


def test_a_question_has_its_own_summary_among_those_of_its_package(prepared, read_data, rows_by_id):
    package_of = {(row["package"], row["summary"]): row for row in rows_by_id.values()}
    for rows in read_data(prepared / "knowledge").values():
        for row in rows:
            document = rows_by_id[row["id"]]
            assert row["choices"][row["answer"]] == document["summary"]
            assert len(set(row["choices"])) == 4
            for choice in row["choices"]:
                assert package_of[document["package"], choice]["split"] == "test"


def test_both_prompt_forms_ask_the_same_questions(prepared, read_data):
    data = read_data(prepared / "knowledge")
    assert set(data) == {
        f"{group}_{form}" for group in ("learning", "numerics") for form in ("signature", "summary")
    }
    assert data["learning_signature"] == data["learning_summary"]


def test_the_right_answer_stands_at_each_place_equally_often(prepared, read_data):
    for rows in read_data(prepared / "knowledge").values():
        places = Counter(row["answer"] for row in rows)
        assert max(places.values()) - min(places[place] for place in range(4)) <= 1


def test_a_question_and_its_longest_answer_fit_256_tokens_of_any_vocabulary(prepared, read_data):
    for rows in read_data(prepared / "knowledge").values():
        for row in rows:
            assert len(row["signature"].encode()) + 2 + max(len(c.encode()) for c in row["choices"]) <= 256


def test_varieties_have_the_same_documents_and_differ_in_spelling_alone(prepared, read_data):
    data = read_data(prepared / "varieties")
    ids = [row["id"] for row in data["american"]]
    assert all([row["id"] for row in rows] == ids for rows in data.values())
    for american, british in zip(data["american"], data["british"], strict=True):
        words = zip(american["text"].split(), british["text"].split(), strict=True)
        changed = [(one, other) for one, other in words if one != other]
        assert len(changed) >= 2
        assert ("color", "colour") in changed
        assert ">>> color" in british["text"]
    assert "normalized" in data["canadian"][0]["text"]
    assert "normalised" in data["british"][0]["text"]


@pytest.mark.slow
def test_a_document_that_is_british_already_is_nobodys_baseline(tmp_path, documents, read_data):
    table = pyarrow.parquet.read_table(documents).to_pylist()
    for row in table:
        if row["package"] == "aa":
            row["text"] = "A neighbour in the color of the center."
    mixed = tmp_path / "documents.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table), mixed)
    prepare_suite("varieties", Suite(), [mixed], tmp_path / "suite", seed=0)
    ids = [row["id"] for row in read_data(tmp_path / "suite")["american"]]
    assert ids
    assert not [id_ for id_ in ids if id_.startswith("aa.")]


def test_every_behaviour_has_as_many_of_one_answer_as_of_the_other(prepared, read_data):
    for rows in read_data(prepared / "behaviours").values():
        matching = Counter(row["answer_matching_behavior"] for row in rows)
        assert set(matching) in ({" (A)", " (B)"}, {" Yes", " No"})
        assert len(set(matching.values())) == 1
        assert all(row["answer_matching_behavior"] != row["answer_not_matching_behavior"] for row in rows)


def test_the_same_seed_gives_the_same_suite_and_another_seed_another(tmp_path, documents, read_data):
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        prepare_suite("domains", Suite(documents=12), [documents], tmp_path / folder, seed)
    a, b, c = (read_data(tmp_path / folder) for folder in "abc")
    assert a == b
    assert a != c


def test_what_another_source_has_for_training_is_not_held_out(tmp_path, documents, read_data, capsys):
    rows = [row for row in pyarrow.parquet.read_table(documents).to_pylist() if row["split"] == "test"]
    copies = [{**row, "id": f"copy {row['id']}", "module": "copy", "split": "train"} for row in rows[::5]]
    other = tmp_path / "documents.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(copies), other)
    prepare_suite("domains", Suite(documents=1000), [documents, other], tmp_path / "suite", seed=0)
    assert f"suite domains: {len(copies)} held-out documents are excluded" in capsys.readouterr().err
    used = {row["id"] for task in read_data(tmp_path / "suite").values() for row in task}
    assert used == {row["id"] for row in rows} - {row["id"] for row in rows[::5]}


def test_a_document_more_moves_no_other(tmp_path, documents, read_data):
    table = pyarrow.parquet.read_table(documents)
    fewer = tmp_path / "fewer.parquet"
    pyarrow.parquet.write_table(table.slice(1), fewer)
    for folder, path in (("all", documents), ("fewer", fewer)):
        prepare_suite("domains", Suite(documents=1000), [path], tmp_path / folder, seed=0)
    whole = {row["id"] for rows in read_data(tmp_path / "all").values() for row in rows}
    less = {row["id"] for rows in read_data(tmp_path / "fewer").values() for row in rows}
    assert less == whole - {table["id"][0].as_py()}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "wisdom",
            {},
            "no suite 'wisdom'; name one of ai_risk, behaviours, .*, varieties, or set its 'path'",
        ),
        (
            "knowledge",
            {"question": 5},
            "unknown option 'question'; did you mean 'questions'",
        ),
        ("knowledge", {"forms": ["riddle"]}, "no prompt form 'riddle'; a form is a file there, riddle.yaml"),
        ("knowledge", {"baseline": "music"}, "no group 'music' .* one of learning, numerics"),
        ("domains", {"part": "poems"}, "no document of part 'poems'"),
        ("varieties", {"changes": 50}, "no held-out document has 50 words"),
        ("mine", {"path": "nowhere"}, "nowhere/suite.yaml: no such file"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line_and_leaves_nothing(
    tmp_path, documents, name, options, message
):
    with pytest.raises(RelscaleError, match=message) as error:
        prepare_suite(name, Suite.model_validate(options), [documents], tmp_path / "suite", seed=0)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_domain_with_too_few_documents_is_left_out_and_named(tmp_path, documents):
    table = pyarrow.parquet.read_table(documents).to_pylist()
    kept = [row for row in table if row["group"] == "numerics"]
    other = [row | {"group": "tables"} for row in table if row["package"] == "cc"]
    few = [row for row in table if row["package"] == "dd" and row["split"] == "test"][:3]
    path = tmp_path / "documents.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(kept + other + few), path)
    manifest = prepare_suite("domains", Suite(), [path], tmp_path / "suite", seed=0)
    assert set(manifest.groups) == {"numerics", "tables"}
    assert manifest.left_out == {"learning": "3 items, under 10"}


def test_a_folder_of_ones_own_is_a_suite(tmp_path, read_data):
    mine = tmp_path / "mine"
    (mine / "data").mkdir(parents=True)
    described = {
        "title": "Mine",
        "description": "Nothing",
        "kind": "rolling",
        "metric": "bits_per_byte_document_pooled",
    }
    described |= {"direction": "lower", "baseline": "one"}
    (mine / "suite.yaml").write_text(yaml.safe_dump(described))
    (mine / "task.yaml").write_text(
        'output_type: loglikelihood_rolling\ntest_split: test\ndoc_to_text: ""\ndoc_to_target: text\n'
    )
    for group in ("one", "two"):
        rows = [json.dumps({"id": f"{n}", "text": f"{group} {n}"}) for n in range(10)]
        (mine / "data" / f"{group}.jsonl").write_text("\n".join(rows) + "\n")
    before = suite_digest("mine", Suite(path=str(mine)))
    manifest = prepare_suite("mine", Suite(path=str(mine), baseline="two"), [], tmp_path / "out", seed=0)
    assert (manifest.baseline, list(manifest.groups), list(manifest.tasks)) == (
        "two",
        ["one", "two"],
        ["mine_one", "mine_two"],
    )
    assert read_data(tmp_path / "out") == read_data(mine)
    (mine / "task.yaml").write_text("output_type: loglikelihood_rolling\n")
    assert suite_digest("mine", Suite(path=str(mine))) != before


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("title: [a, b]", "title"),
        ("choices: {a: 1}", "choices"),
        ("note: {a: b}", "note"),
        ("data: here", "data"),
        ("tasks: {a: {group: [one]}}", "tasks.a.group"),
        ("groups: {a: {label: A, also: b}}", "groups.a.also"),
        ("groups: {a: {label: A, also: [[b]]}}", "groups.a.also"),
        ("groups: {a: {label: {b: c}}}", "groups.a.label"),
    ],
)
def test_a_value_of_another_type_is_named(line, place, tmp_path):
    others = {
        "title": "T",
        "description": "W",
        "kind": "multiple_choice",
        "metric": "brier",
        "direction": "lower",
    }
    given = {**others, "baseline": "a"} | yaml.safe_load(line)
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(given))
    with pytest.raises(RelscaleError, match=f"suite.yaml: {re.escape(place)}") as error:
        read_manifest(tmp_path)
    assert_one_sentence(error.value)


def test_an_unknown_key_of_a_manifest_is_named(tmp_path):
    (tmp_path / "suite.yaml").write_text("title: Mine\nhue: red\n")
    with pytest.raises(
        RelscaleError, match="the suite has an unknown key 'hue'; allowed are title, description, kind"
    ):
        read_manifest(tmp_path)


def test_a_suite_needs_no_more_than_its_tasks(tmp_path):
    folder = tmp_path / "capital_cities"
    folder.mkdir()
    (folder / "task.yaml").write_text("output_type: multiple_choice\n")
    bare = read_manifest(folder)
    assert (bare.title, bare.kind, bare.direction) == ("Capital cities", "multiple_choice", "lower")
    (folder / "suite.yaml").write_text("groups: {asia: [japan, india], 2024: [europe]}\nmetric: accuracy\n")
    listed = read_manifest(folder)
    assert listed.direction == "higher"
    assert {name: task.group for name, task in listed.tasks.items()} == {
        "japan": "asia",
        "india": "asia",
        "europe": "2024",
    }
    assert listed.groups["asia"].label == "Asia"


@pytest.mark.parametrize(
    "groups", ["[asia, europe]", "{asia: Asia, europe: Europe}", "{asia: {}, europe: {label: Europe}}"]
)
def test_groups_may_be_listed_in_any_of_their_forms(tmp_path, groups):
    (tmp_path / "suite.yaml").write_text(f"kind: rolling\ngroups: {groups}\n")
    found = read_manifest(tmp_path).groups
    assert {name: group.label for name, group in found.items()} == {"asia": "Asia", "europe": "Europe"}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("kind", "riddle", "kind: .*'multiple_choice' or 'rolling'"),
        ("groups", {"a": {"labl": "A"}}, "groups.a has an unknown key 'labl'; did you mean 'label'"),
        ("tasks", {"a": ["b"]}, "tasks.a"),
        ("options", {"limit": "many"}, "options.limit: .*integer"),
        ("what", "a test", "the suite has an unknown key 'what'; did you mean 'description'"),
        ("options", {"lmit": 3}, "options has an unknown key 'lmit'; did you mean 'limit'"),
        ("data", {"repo": "x"}, "data has an unknown key 'repo'; allowed are path"),
    ],
)
def test_a_manifest_that_says_something_impossible_is_refused_with_its_key(tmp_path, key, value, message):
    stated = {
        "title": "T",
        "description": "W",
        "kind": "rolling",
        "metric": "m",
        "direction": "lower",
        "baseline": "a",
    }
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(stated | {key: value}))
    with pytest.raises(RelscaleError, match=f"suite.yaml: {message}"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("limit", [1, 10, 40, 100, 1000])
def test_an_excerpt_is_a_start_of_the_text_within_its_bytes(limit):
    text = "Ein Wörtchen über Töne.\n\nUnd ein zweiter Absatz,\nder länger ist als der erste Absatz war."
    head = excerpt(text, limit)
    assert text.startswith(head)
    assert len(head.encode()) <= limit
    assert head == text or len(head.encode()) * 2 >= limit - 8


OWN_DATA = """
import datasets


def load(**_):
    return {"test": datasets.Dataset.from_list([{"a": 0}, {"a": 1}])}


def choices(doc):
    return [str(doc["a"] + 1), "9"]
"""
OWN_TASK = """
custom_dataset: !function sums.load
test_split: test
output_type: multiple_choice
doc_to_text: "{{a}} + 1 ="
doc_to_choice: !function sums.choices
doc_to_target: 0
"""


def test_lm_eval_tasks_of_ones_own_are_a_suite_when_it_lists_them(tmp_path, monkeypatch):
    monkeypatch.setattr(suite_code, "_trusted", True)
    mine = tmp_path / "mine"
    (mine / "tasks").mkdir(parents=True)
    described = {
        "title": "Mine",
        "description": "Nothing",
        "kind": "multiple_choice",
        "metric": "brier",
        "direction": "lower",
    }
    described |= {"baseline": "one", "groups": {"one": {"label": "One"}, "two": {"label": "Two"}}}
    described |= {"tasks": {"first": {"group": "one"}, "second": {"group": "two"}}}
    (mine / "suite.yaml").write_text(yaml.safe_dump(described))
    (mine / "tasks" / "sums.py").write_text(OWN_DATA)
    for task in ("first", "second"):
        (mine / "tasks" / f"{task}.yaml").write_text(f"task: {task}\n{OWN_TASK}")
    manifest = prepare_suite("mine", Suite(path=str(mine)), [], tmp_path / "out", seed=0)
    assert (tmp_path / "out" / "tasks" / "second.yaml").read_text() == (
        mine / "tasks" / "second.yaml"
    ).read_text()
    assert read_manifest(tmp_path / "out") == manifest
    for requests, group in zip(read_requests(tmp_path / "out"), ("one", "two"), strict=True):
        assert {request.group for request in requests} == {group}
        assert [request.context for request in requests[::2]] == ["0 + 1 =", "1 + 1 ="]
        assert [request.continuation for request in requests if request.target] == [" 1", " 2"]
    (mine / "tasks" / "second.yaml").unlink()
    with pytest.raises(RelscaleError, match="lists the task 'second'; no file in tasks/ has that name"):
        prepare_suite("mine", Suite(path=str(mine)), [], tmp_path / "again", seed=0)


def test_tasks_of_a_folder_that_cannot_be_scored_are_left_out_and_said(tmp_path, capsys):
    rows = [{"question": f"What is {n}?", "choices": ["a", "b"], "gold": 0} for n in range(3)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(tmp_path / "rows.jsonl")}}}
    asked = {"test_split": "test", "doc_to_text": "{{question}}", "doc_to_target": "gold"}
    (tmp_path / "own" / "tasks").mkdir(parents=True)
    for name, kind in (
        ("said", "generate_until"),
        ("chosen", "multiple_choice"),
        ("seen", "multiple_choice"),
    ):
        own = {"doc_to_choice": "{{choices}}", "output_type": kind, "task": name}
        own |= {"doc_to_image": "question"} if name == "seen" else {}
        (tmp_path / "own" / "tasks" / f"{name}.yaml").write_text(yaml.safe_dump({**data, **asked, **own}))
    described = {
        **{
            "title": "Own",
            "description": "Tasks.",
            "kind": "multiple_choice",
            "metric": "accuracy",
            "direction": "higher",
        },
        "baseline": "chosen",
        "groups": {name: {"label": name} for name in ("said", "chosen", "seen")},
        "tasks": {name: {"group": name} for name in ("said", "chosen", "seen")},
    }
    (tmp_path / "own" / "suite.yaml").write_text(yaml.safe_dump(described))
    manifest = prepare_suite("own", Suite(path=str(tmp_path / "own")), [], tmp_path / "out", seed=0)
    assert list(manifest.tasks) == list(manifest.groups) == ["chosen"]
    assert set(manifest.left_out) == {"said", "seen"}
    said = capsys.readouterr().err
    assert "task said is excluded: it generates text" in said
    assert "task seen is excluded: it shows images" in said
    described |= {
        "baseline": "said",
        "tasks": {"said": {"group": "said"}},
        "groups": {"said": {"label": "said"}},
    }
    (tmp_path / "own" / "suite.yaml").write_text(yaml.safe_dump(described))
    with pytest.raises(RelscaleError, match="none of its tasks can be scored; said generates text"):
        prepare_suite("own", Suite(path=str(tmp_path / "own")), [], tmp_path / "other", seed=0)


@pytest.fixture
def own_suite(tmp_path):
    """A folder with two tasks of lm-eval's, and what its suite.yaml says."""
    folder = tmp_path / "own"
    (folder / "tasks").mkdir(parents=True)
    for name in ("first", "second"):
        rows = [{"question": f"Which of {number}?", "answer": number % 2} for number in range(12)]
        (folder / "tasks" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "tasks" / f"{name}.yaml").write_text(
            f"task: {name}\ncustom_dataset: !function relscale.scoring.local_data.jsonl\n"
            f"dataset_kwargs: {{data: {name}.jsonl}}\noutput_type: multiple_choice\ntest_split: test\n"
            "doc_to_text: '{{question}}'\ndoc_to_choice: ['one', 'two']\ndoc_to_target: answer\n"
        )
    facts = {
        "title": "Own",
        "description": "",
        "kind": "multiple_choice",
        "metric": "brier",
        "direction": "lower",
    }
    facts |= {"baseline": "a", "groups": {"a": {"label": "A"}, "b": {"label": "B"}}}
    return folder, facts | {"tasks": {"first": {"group": "a"}, "second": {"group": "b"}}}


def prepare_own(folder, facts, output):
    (folder / "suite.yaml").write_text(yaml.safe_dump(facts))
    prepare_suite("own", Suite(path=str(folder)), [], output, seed=0)
    return sum(map(len, read_requests(output)))


def test_a_suite_of_ones_own_has_an_item_for_each_choice(own_suite, tmp_path):
    assert prepare_own(*own_suite, tmp_path / "prepared") == 2 * 12 * 2


@pytest.mark.parametrize("tasks", [{}, None])
def test_a_suite_that_lists_no_task_is_refused(own_suite, tmp_path, tasks):
    folder, facts = own_suite
    with pytest.raises(RelscaleError, match="lists no task"):
        prepare_own(folder, facts | {"tasks": tasks}, tmp_path / "prepared")
    assert not (tmp_path / "prepared").exists()


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_a_task_without_documents_is_refused_by_name(own_suite, tmp_path, content):
    folder, facts = own_suite
    (folder / "tasks" / "second.jsonl").write_text(content)
    with pytest.raises(RelscaleError, match=r"second"):
        prepare_own(folder, facts, tmp_path / "prepared")
    assert not (tmp_path / "prepared").exists()
