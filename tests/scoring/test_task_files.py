"""The files of a folder's own lm-eval tasks, as lm-eval finds and merges them."""

from pathlib import Path

import pytest
from one_sentence import assert_one_sentence

from relscale.errors import RelscaleError
from relscale.scoring.manifest import read_manifest, write_manifest
from relscale.scoring.options import Suite
from relscale.scoring.requests import cluster_of
from relscale.scoring.suite_description import read_suite, suite_inputs
from relscale.scoring.supported_tasks import unsupported
from relscale.scoring.task_files import absolute_includes, group_names, task_files


@pytest.fixture
def folder(tmp_path):
    """A suite of two tasks that include a file without a task."""
    write(tmp_path, "tasks/_base", "output_type: multiple_choice\ndoc_to_choice: [yes, no]\n")
    for name in ("first", "second"):
        write(tmp_path, f"tasks/{name}.yaml", f"include: _base\ntask: {name}\n")
    write(tmp_path, "suite.yaml", "groups: {a: [first], b: [second]}\n")
    return tmp_path


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ("multiple_choice", "multiple_choice"),
        ("loglikelihood", "multiple_choice"),
        ("loglikelihood_rolling", "rolling"),
    ],
)
def test_the_kind_of_a_suite_follows_from_what_its_tasks_include(folder, output, kind):
    write(folder, "tasks/_base", f"output_type: {output}\n")
    assert read_manifest(folder).kind == kind


def test_a_file_overrides_what_it_includes_and_a_later_include_an_earlier_one(folder):
    write(folder, "tasks/other", "output_type: loglikelihood\n")
    write(folder, "tasks/first.yaml", "include: [_base, other]\ntask: first\n")
    write(folder, "tasks/second.yaml", "include: other\ntask: second\noutput_type: loglikelihood_rolling\n")
    assert {name: task.output_type for name, task in task_files(folder / "tasks", folder).items()} == {
        "first": "loglikelihood",
        "second": "loglikelihood_rolling",
    }


def test_tasks_below_a_folder_of_tasks_are_found(folder):
    (folder / "tasks" / "deep").mkdir()
    (folder / "tasks" / "second.yaml").unlink()
    write(folder, "tasks/deep/second.yaml", "include: ../_base\ntask: second\n")
    assert set(read_suite("mine", Suite(path=str(folder)))[1].tasks) == {"first", "second"}


@pytest.fixture
def linked(folder, tmp_path_factory):
    """The suite, its second task behind a link to a folder elsewhere."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(elsewhere, "more/second.yaml", (folder / "tasks" / "second.yaml").read_text())
    write(elsewhere, "more/_base", (folder / "tasks" / "_base").read_text())
    (folder / "tasks" / "second.yaml").unlink()
    (folder / "tasks" / "more").symlink_to(elsewhere / "more")
    return folder


def test_tasks_in_a_folder_that_a_link_leads_to_are_found(linked):
    assert set(read_suite("mine", Suite(path=str(linked)))[1].tasks) == {"first", "second"}
    write(Path(linked, "tasks", "more").resolve(), "both.yaml", "group: both\ntask: [first, second]\n")
    assert group_names(linked / "tasks") == {"both"}


def test_a_file_that_a_link_leads_to_as_well_is_one_task_of_its_own_path(folder):
    write(folder, "tasks/v2/third.yaml", "include: ../_base\ntask: third\n")
    (folder / "tasks" / "latest").symlink_to(folder / "tasks" / "v2")
    (folder / "tasks" / "a.yaml").symlink_to(folder / "tasks" / "first.yaml")
    paths = {
        name: task.path.relative_to(folder) for name, task in task_files(folder / "tasks", folder).items()
    }
    assert {name: path.as_posix() for name, path in paths.items()} == {
        "first": "tasks/first.yaml",
        "second": "tasks/second.yaml",
        "third": "tasks/v2/third.yaml",
    }


def test_copies_that_editors_keep_are_no_tasks(folder):
    write(folder, "tasks/.ipynb_checkpoints/first-checkpoint.yaml", "include: ../_base\ntask: first\n")
    assert set(task_files(folder / "tasks", folder)) == {"first", "second"}


@pytest.mark.slow  # lm-eval takes seconds to import
def test_lm_eval_finds_the_tasks_behind_a_link(linked):
    from relscale.scoring.lm_eval_tasks import TaskManager

    index = TaskManager(include_defaults=False, include_path=str(linked / "tasks")).task_index
    assert set(index) == set(task_files(linked / "tasks", linked)) == {"first", "second"}


@pytest.mark.parametrize("stated", ["multiple_choice", "rolling"])
def test_answers_and_whole_documents_are_not_one_suite(folder, stated):
    write(folder, "tasks/second.yaml", "include: _base\ntask: second\noutput_type: loglikelihood_rolling\n")
    write(folder, "suite.yaml", f"kind: {stated}\ngroups: {{a: [first], b: [second]}}\n")
    with pytest.raises(RelscaleError, match=rf"output_type .* of kind {stated}; set kind: ") as error:
        read_suite("mine", Suite(path=str(folder)))
    assert_one_sentence(str(error.value))


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("more.yaml", "include: _base\ntask: first\nnum_fewshot: 2\n", "the task 'first' is in .*first.yaml as well"),
        ("more.yaml", "include: nothing\ntask: more\n", "includes nothing, and there is no such file"),
        ("_base", "include: first.yaml\n", "includes first.yaml a second time"),
        ("more.yaml", "include: _base\ntask: 2024\n", "the name 2024 as text; quote it"),
        ("more.yaml", "include: _base\ntask: no\n", "the name no as text; quote it"),
    ],
)  # fmt: skip
def test_a_file_that_lm_eval_would_skip_or_take_for_another_is_refused(folder, file, text, message):
    write(folder, f"tasks/{file}", text)
    with pytest.raises(RelscaleError, match=message) as error:
        task_files(folder / "tasks", folder)
    assert_one_sentence(str(error.value))


def test_a_quoted_name_is_text(folder):
    write(folder, "tasks/more.yaml", "include: _base\ntask: 'no'\n")
    assert "no" in task_files(folder / "tasks", folder)


@pytest.mark.parametrize(
    "kwargs",
    [
        "{data_files: DATA/a.jsonl}",
        "{data_files: [DATA/a.jsonl]}",
        "{data_files: {test: DATA/a.jsonl}}",
        "{data_files: {test: [DATA/a.jsonl]}}",
        "{data_files: {test: 'DATA/*.jsonl'}}",
        "{data_dir: DATA}",
    ],
)
def test_data_outside_the_folder_are_inputs_of_the_suite(folder, tmp_path_factory, kwargs):
    data = tmp_path_factory.mktemp("data")
    write(data, "a.jsonl", "{}\n")
    write(
        folder,
        "tasks/_base",
        f"output_type: multiple_choice\ndataset_kwargs: {kwargs.replace('DATA', str(data))}\n",
    )
    assert suite_inputs(Suite(path=str(folder))) == [data / "a.jsonl"]


def test_a_data_set_of_the_hub_is_no_input(folder):
    write(
        folder,
        "tasks/_base",
        "output_type: multiple_choice\ndataset_path: org/name\ndataset_kwargs: {data_files: test.jsonl}\n",
    )
    assert suite_inputs(Suite(path=str(folder))) == []


def test_files_included_from_elsewhere_are_inputs_of_the_suite(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(elsewhere, "base", "output_type: multiple_choice\n")
    write(folder, "tasks/_base", f"include: {elsewhere}/base\n")
    assert suite_inputs(Suite(path=str(folder))) == [elsewhere / "base"]


@pytest.mark.parametrize("where", ["beside", "installed", "below a package"])
def test_modules_of_functions_from_elsewhere_are_inputs_of_the_suite(
    folder, tmp_path_factory, monkeypatch, where
):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    name = {"below a package": "evals.texts"}.get(where, "texts")
    write(elsewhere, f"{name.replace('.', '/')}.py", "raise SystemExit\n")  # if it were imported
    write(elsewhere, "evals/__init__.py", "raise SystemExit\n")
    module = elsewhere / f"{name.replace('.', '/')}.py"
    if where == "beside":
        write(elsewhere, "base", f"doc_to_text: !function {name}.question\n")
        write(folder, "tasks/_base", f"include: {elsewhere}/base\n")
        assert suite_inputs(Suite(path=str(folder))) == [elsewhere / "base", module]
    else:
        monkeypatch.syspath_prepend(str(elsewhere))
        write(folder, "tasks/_base", f"doc_to_text: !function {name}.question\n")
        assert suite_inputs(Suite(path=str(folder))) == [module]


def test_functions_beside_the_tasks_and_of_lm_eval_are_no_inputs(folder):
    write(folder, "tasks/own.py", "def text(doc): return ''\n")
    write(
        folder,
        "tasks/_base",
        "doc_to_text: !function own.text\nprocess_docs: !function lm_eval.tasks.hellaswag.utils.process_docs\n",
    )
    assert suite_inputs(Suite(path=str(folder))) == []


@pytest.mark.parametrize(
    "written", ["include: ../../common/é", "include:\n- _base  # ours\n- '../../common/é'"]
)
def test_a_copy_of_a_task_includes_what_the_task_includes(tmp_path, written):
    suite, copy = tmp_path / "suite", tmp_path / "deep" / "down" / "copy"
    write(tmp_path, "common/é", "test_split: test\n")
    for each in (suite, copy):
        write(each, "tasks/_base", "doc_to_text: '../../common/é'\n")
        write(each, "tasks/own.yaml", f"{written}\ntask: own\ndoc_to_target: !function own.target\n")
    path = copy / "tasks" / "own.yaml"
    path.write_text(absolute_includes(path, suite / "tasks" / "own.yaml", suite))
    assert task_files(copy / "tasks", copy)["own"].code == (str(tmp_path / "common" / "é"),)
    assert "!function own.target" in path.read_text()


def test_a_copy_includes_several_files_of_other_folders_in_their_order(tmp_path):
    suite, copy = tmp_path / "suite", tmp_path / "deep" / "down" / "copy"
    common = [tmp_path / "common" / name for name in ("a", "second", "b")]
    for number, file in enumerate(common):
        write(tmp_path, f"common/{file.name}", f"num_fewshot: {number}\n")
    for each in (suite, copy):
        write(
            each,
            "tasks/own.yaml",
            "include: [../../common/a, ../../common/second, ../../common/b]\ntask: own\n",
        )
    path = copy / "tasks" / "own.yaml"
    path.write_text(absolute_includes(path, suite / "tasks" / "own.yaml", suite))
    assert task_files(copy / "tasks", copy)["own"].code == tuple(map(str, common))


@pytest.mark.parametrize("tasks", ["[first, second]", "first"])
def test_a_group_of_tasks_is_not_a_task_and_the_message_names_what_to_write(folder, tasks):
    write(folder, "tasks/_both.yaml", f"group: both\ntask: {tasks}\n")
    write(folder, "suite.yaml", "groups: {a: [both], b: [second]}\n")
    with pytest.raises(
        RelscaleError, match=r"'both', a group of tasks.*lm_eval: \[both\], include_path: "
    ) as error:
        read_suite("mine", Suite(path=str(folder)))
    assert_one_sentence(str(error.value))


@pytest.mark.slow  # lm-eval takes seconds to import
@pytest.mark.parametrize("module", ["", "def text(doc:\n", "raise OSError('no\\nway')\n"])
def test_a_task_whose_function_cannot_be_loaded_is_left_out_with_the_reason(folder, monkeypatch, module):
    from relscale.scoring import suite_code

    monkeypatch.setattr(suite_code, "_trusted", True)
    write(folder, "tasks/own.py", module)
    write(folder, "tasks/first.yaml", "include: _base\ntask: first\ndoc_to_text: !function own.text\n")
    reason = unsupported({"output_type": "multiple_choice"}, folder / "tasks" / "first.yaml")
    assert reason is not None
    assert reason.startswith("cannot be loaded (")
    assert "\n" not in reason


def test_every_task_has_a_subject_if_one_has_so_that_all_groups_have_the_same_metrics(folder):
    write(
        folder, "suite.yaml", "groups: {a: {}, b: {}}\ntasks: {first: {group: a, subject: law}, second: b}\n"
    )
    write_manifest(read_manifest(folder).with_subjects(), folder)
    tasks = read_manifest(folder).tasks
    assert {name: task.subject for name, task in tasks.items()} == {"first": "law", "second": "b"}
    # A group that is its own subject has no clusters of subjects: one cluster has no standard error.
    assert [cluster_of({}, task, "subject") for task in tasks.values()] == ["law", None]
    # A subject that the suite names is a cluster like the others, also if it has the group's name.
    named = "{group: a, subject: a}"
    write(
        folder,
        "suite.yaml",
        f"groups: {{a: {{}}}}\ntasks: {{first: {named}, second: {{group: a, subject: b}}}}\n",
    )
    tasks = read_manifest(folder).with_subjects().tasks
    assert [cluster_of({}, task, "subject") for task in tasks.values()] == ["a", "b"]
    write(folder, "suite.yaml", "groups: {a: [first], b: [second]}\n")
    assert not any(task.subject for task in read_manifest(folder).with_subjects().tasks.values())
