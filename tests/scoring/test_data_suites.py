"""MMLU, AI risk and Englishes: what is asked is what lm-eval's own tasks ask of the same documents."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest

from relscale.errors import RelscaleError
from relscale.scoring.builders import data_builder
from relscale.scoring.builders.data import englishes
from relscale.scoring.manifest import read_manifest
from relscale.scoring.options import Suite
from relscale.scoring.requests import read_requests
from relscale.scoring.suite import prepare_suite
from relscale.scoring.suite_description import SUITES, read_suite

EVALS = Path(os.environ.get("RELSCALE_EVALS", "../shared/evals"))
needs_evals = pytest.mark.skipif(
    not EVALS.is_dir(), reason=f"no evaluation sets at {EVALS}; RELSCALE_EVALS names their folder"
)
SUBJECTS = ["anatomy", "philosophy", "sociology", "marketing"]


@pytest.fixture(scope="module")
def own_tasks():
    """lm-eval's own MMLU and AI-risk tasks alone: reading the names of all takes seconds."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    tasks = Path(lm_eval.__file__).parent / "tasks"
    folders = [tasks / "mmlu" / "default", tasks / "mmlu" / "continuation", tasks / "model_written_evals"]
    return TaskManager(include_defaults=False, include_path=list(map(str, folders)))


@pytest.fixture
def named(own_tasks, monkeypatch, tmp_path):
    """The requests of one of lm-eval's own tasks on local data."""
    from relscale.scoring import lm_eval_tasks

    original = lm_eval_tasks.TaskManager
    monkeypatch.setattr(
        lm_eval_tasks,
        "TaskManager",
        lambda **options: original(**options) if any(options.values()) else own_tasks,
    )

    def prepare(task, data, **options):
        given = {"lm_eval": [task], "data": {task: str(data)}, **options}
        prepare_suite("own", Suite.model_validate(given), [], tmp_path / "own", seed=0)
        return [request for requests in read_requests(tmp_path / "own") for request in requests]

    return prepare


def mmlu_rows(count, subject):
    """Questions with what a template could stumble over: spaces at the ends, line breaks, braces, other scripts."""
    odd = ["  which {{one}}?\n", "Größe\nof α ", "plain", "100% of {x}?"]
    return [
        {
            "question": f"{odd[number % 4]} {subject} {number}",
            "subject": subject,
            "choices": [f"{word} {number}" for word in ("one", "two ", " three", "β")],
            "answer": number % 4,
        }
        for number in range(count)
    ]


def write_mmlu(folder, subjects=SUBJECTS):
    folder.mkdir(parents=True)
    for split, count in (("dev", 5), ("test", 12)):
        rows = [row for subject in subjects for row in mmlu_rows(count, subject)]
        pa.parquet.write_table(pa.Table.from_pylist(rows), folder / f"{split}.parquet")
    return folder


def subject_alone(data, subject, folder):
    """The splits of one subject, as lm-eval's own task has them."""
    folder.mkdir()
    for split in ("dev", "test"):
        table = pa.parquet.read_table(data / f"{split}.parquet")
        pa.parquet.write_table(table.filter(pc.field("subject") == subject), folder / f"{split}.parquet")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("form", "suffix"), [("letters", ""), ("cloze", "_continuation")])
@pytest.mark.parametrize("real", [False, pytest.param(True, marks=needs_evals)])
def test_mmlu_asks_what_lm_evals_own_tasks_ask(tmp_path, named, form, suffix, real):
    data = EVALS / "mmlu" if real else write_mmlu(tmp_path / "mmlu")
    options = {"data": str(data), "subjects": SUBJECTS, "forms": [form]}
    prepare_suite("mmlu", Suite.model_validate(options), [], tmp_path / "suite", seed=0)
    ours = list(read_requests(tmp_path / "suite"))[1]
    alone = subject_alone(data, "philosophy", tmp_path / "philosophy")
    theirs = named(f"mmlu_philosophy{suffix}", alone, num_fewshot=5)
    assert len(ours) == len(theirs) >= 48
    for mine, own in zip(ours, theirs, strict=True):
        assert mine.subject == "philosophy"
        assert (mine.context, mine.continuation) == (own.context, own.continuation)
        assert (mine.choice, mine.target) == (own.choice, own.target)
        assert (mine.bytes_answer, mine.bytes_scored) == (own.bytes_answer, own.bytes_scored)


@pytest.mark.slow
def test_the_answer_text_form_lists_the_options_and_scores_the_answers(tmp_path):
    options = {"data": str(write_mmlu(tmp_path / "mmlu")), "subjects": SUBJECTS}
    prepare_suite("mmlu", Suite.model_validate(options), [], tmp_path / "suite", seed=0)
    forms = {}
    for requests in read_requests(tmp_path / "suite"):
        if requests[0].subject == "anatomy":
            forms[requests[0].prompt] = requests
    assert set(forms) == {"letters", "cloze", "answer_text"}
    letters, cloze, text = (forms[form] for form in ("letters", "cloze", "answer_text"))
    for letter, answer, listed in zip(letters, cloze, text, strict=True):
        assert letter.doc_id == answer.doc_id == listed.doc_id
        assert listed.continuation == answer.continuation
        assert listed.context.rpartition("\n\n")[2] == letter.context.rpartition("\n\n")[2]
    # The solved examples end in the answer's text where that is scored, and in its letter where that is.
    first = mmlu_rows(1, "anatomy")[0]
    assert f"Answer: {first['choices'][0]}\n\n" in text[0].context
    assert "Answer: A\n\n" in letters[0].context


@pytest.mark.slow
@needs_evals
def test_all_of_mmlu_is_there(tmp_path):
    options = {"data": str(EVALS / "mmlu"), "forms": ["letters"]}
    manifest = prepare_suite("mmlu", Suite.model_validate(options), [], tmp_path / "suite", seed=0)
    assert len(manifest.tasks) == 57
    assert sum(group.items for group in manifest.groups.values()) == 14_042
    found = {name: group.items for name, group in manifest.groups.items()}
    assert found == {"stem": 3153, "humanities": 4705, "social_sciences": 3077, "other": 3107}


@pytest.mark.slow
@needs_evals
@pytest.mark.parametrize(("author", "prefix"), [("human", "human"), ("lm", "lm")])
def test_ai_risk_asks_what_lm_evals_own_tasks_ask(tmp_path, own_tasks, named, author, prefix):
    options = {"data": str(EVALS / "advanced_ai_risk"), "written_by": [author]}
    manifest = prepare_suite("ai_risk", Suite.model_validate(options), [], tmp_path / "suite", seed=0)
    assert set(manifest.groups) == {"capability", "influence", "adversarial"}
    # The names that lm-eval has, so that what it logged is found.
    assert [name for name in manifest.tasks if name in own_tasks.all_subtasks]
    task = f"advanced_ai_risk_{prefix}-survival-instinct"
    (ours,) = (each for each in read_requests(tmp_path / "suite") if each[0].task == task)
    (file,) = EVALS.glob(f"advanced_ai_risk/{author}_generated_evals/survival-instinct.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(ours) == 2 * len(rows)
    for row, matching, other in zip(rows, ours[::2], ours[1::2], strict=True):
        assert matching.context == other.context == f"Human: {row['question']}\n\nAssistant:"
        assert matching.continuation == row["answer_matching_behavior"]
        assert other.continuation == row["answer_not_matching_behavior"]
        assert (matching.target, other.target) == (True, False)


def test_a_behaviour_without_a_cluster_is_named(tmp_path):
    folder = tmp_path / "data" / "human_generated_evals"
    folder.mkdir(parents=True)
    (folder / "likes-cheese.jsonl").write_text("{}\n")
    with pytest.raises(RelscaleError, match="behaviour 'likes-cheese' is in no cluster"):
        prepare_suite("ai_risk", Suite(data=str(tmp_path / "data")), [], tmp_path / "suite", seed=0)


REGIONS = {"USA": 12, "New Zealand": 11}


def write_englishes(folder, kind):
    texts = {
        region: [f"A text of {region}, number {n}." for n in range(count)]
        for region, count in REGIONS.items()
    }
    folder.mkdir()
    if kind == "texts":
        for region, each in texts.items():
            (folder / region).mkdir()
            for number, text in enumerate(each):
                (folder / region / f"{number}.txt").write_text(text)
    elif kind == "column":
        rows = [{"text": text, "region": region} for region, each in texts.items() for text in each]
        pa.parquet.write_table(pa.Table.from_pylist(rows), folder / "all.parquet")
    else:  # a split for each region, as the hub names their files
        for region, each in texts.items():
            name = f"{region.lower().replace(' ', '_')}-00000-of-00001.parquet"
            pa.parquet.write_table(pa.table({"text": each}), folder / name)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["texts", "column", "splits"])
def test_englishes_are_the_same_documents_however_they_are_stored(tmp_path, kind):
    data = write_englishes(tmp_path / "data", kind)
    manifest = prepare_suite("englishes", Suite(data=str(data)), [], tmp_path / "suite", seed=0)
    assert manifest.baseline == "united_states"
    assert {name: group.items for name, group in manifest.groups.items()} == {
        "united_states": 12,
        "new_zealand": 11,
    }
    assert manifest.windows("context") == {"context_tokens": 30, "overlap": 0.5}
    assert manifest.windows("whole") == {}
    assert set(manifest.tasks) == {
        f"englishes_{region}{form}" for region in ("usa", "new_zealand") for form in ("", "-context")
    }
    requests = [request for task in read_requests(tmp_path / "suite") for request in task]
    assert {request.continuation for request in requests} == {
        f"A text of {region}, number {n}." for region, count in REGIONS.items() for n in range(count)
    }
    assert all(request.context is None for request in requests)
    assert len({request.doc_id for request in requests}) == 23


def write_ai_risk(folder):
    (folder / "human_generated_evals").mkdir(parents=True)
    for behaviour in read_manifest(SUITES / "ai_risk").tasks:
        (folder / "human_generated_evals" / f"{behaviour}.jsonl").write_text('{"question": "?"}\n')
    return folder


@pytest.mark.parametrize("place", ["linked", "linked/folder"])
@pytest.mark.parametrize(
    ("suite", "write", "options"),
    [
        ("mmlu", lambda folder: write_mmlu(folder / "all").parent, {"subjects": SUBJECTS}),
        ("ai_risk", write_ai_risk, {"written_by": ["human"]}),
        ("englishes", lambda folder: write_englishes(folder, "texts"), {}),
        ("englishes", lambda folder: write_englishes(folder, "column"), {}),
    ],
)
def test_data_behind_a_link_are_read(tmp_path, suite, write, options, place):
    own, linked = write(tmp_path / "own"), tmp_path / "linked"
    if place == "linked":
        linked.symlink_to(own)
    else:
        linked.mkdir()
        for file in own.iterdir():
            (linked / file.name).symlink_to(file)
    _, manifest = read_suite(suite, Suite.model_validate({"data": str(own), **options}))
    build = data_builder(suite).build
    tasks = build(own, manifest)
    assert all(task.rows for task in tasks)
    assert build(linked, manifest) == tasks


@pytest.mark.parametrize(
    ("suite", "looked_for"),
    [("mmlu", "all/test-*.parquet"), ("ai_risk", "advanced_ai_risk/*"), ("englishes", "*.parquet")],
)
def test_data_that_the_hub_would_have_are_named_where_it_cannot_be_reached(
    tmp_path, monkeypatch, suite, looked_for
):
    import huggingface_hub

    def refuse(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(RelscaleError) as error:
        prepare_suite(suite, Suite(), [], tmp_path / "suite", seed=0)
    assert looked_for in str(error.value)
    assert f"give a local copy as the option 'data' of suite {suite}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_document_is_the_same_text_in_every_encoding_that_says_what_it_is(tmp_path, encoding):
    text = "The colour\nof “größer”\u2028 texts."
    for region in ("USA", "Kenya"):
        (tmp_path / region).mkdir()
        (tmp_path / region / "0.txt").write_bytes(text.replace("\n", "\r\n").encode(encoding))
    found = englishes.build(tmp_path, read_manifest(SUITES / "englishes"))
    assert {row["text"] for task in found for row in task.rows} == {text}


def test_a_document_in_another_encoding_is_named(tmp_path):
    (tmp_path / "USA").mkdir()
    (tmp_path / "USA" / "0.txt").write_bytes("größer".encode("latin-1"))
    with pytest.raises(RelscaleError, match=r"USA/0\.txt, line 1: not UTF-8 text") as error:
        englishes.build(tmp_path, read_manifest(SUITES / "englishes"))
    assert "\n" not in str(error.value)
